//! Actions: what may be done to an entry, the fields each needs, and its refusal if it is not to be had just now.
//!
//! Owns the list of verbs per board in the order a coordinator would want them. The refusals come from the domain
//! itself (the command is decided on trial), so that the list and the rule cannot differ.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;
use super::project::Sight;
use crate::domain::entry::{self, Body, Entry};
use crate::domain::identity::{AgreementId, Board, Code, EntryId, PersonName};
use crate::domain::{self, Actor, Ctx, Refusal, State, agreement};
use crate::domain::{alarms, discharges, duties, notices, phone, sources, visits};

/// One action offered with an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// `board.verb`, as a command's `type`.
    #[serde(rename = "type")]
    pub verb: String,
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Cannot be undone in one step: asks for confirmation and for the version that was read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
    /// Why not just now. `held-by-other` and its like do not bind the holder named in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Problem>,
    /// Why the `holder` named in it may not, when everybody else may: taking over what one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_to_holder: Option<Problem>,
}

impl Action {
    /// Why `me` may not do it just now: what binds everybody else does not bind the holder.
    pub fn refused_for(&self, me: &str) -> Option<&Problem> {
        let names_me =
            |problem: &Problem| problem.arguments.get("holder").and_then(|it| it.as_str()) == Some(me);
        if let Some(own) = self.refused_to_holder.as_ref().filter(|own| names_me(own)) {
            return Some(own);
        }
        let refused = self.refused.as_ref()?;
        let is_me = names_me(refused);
        let binds_others = matches!(refused.code.as_str(), "held-by-other" | "not-yours");
        if is_me && binds_others { None } else { Some(refused) }
    }
}

/// A fact that an action needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The codes to choose from, most likely first; of an entry the number that is meant most likely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One of `codes`.
    Code,
    /// yes or no.
    Yes,
    /// An instant; typed as a local time.
    Time,
    /// `[A-Z0-9/-]{1,40}`.
    Reference,
    /// Several lines; written through to the care system, never stored.
    Text,
    /// Another entry.
    Entry,
    /// An agreement's id.
    Agreement,
    /// A citizen, by the care system's opaque id.
    Citizen,
}

fn field(name: &str, kind: FieldKind, required: bool, codes: &[&str]) -> Field {
    Field { name: name.into(), kind, required, codes: codes.iter().map(|code| (*code).to_owned()).collect() }
}

fn code(name: &str, codes: &[&str]) -> Field {
    field(name, FieldKind::Code, true, codes)
}

/// Opening a stay by hand: what the coordinator was told on the telephone (N 3.5.3). For whoever may use these
/// agreements; with only one there is nothing to choose.
pub fn opening_a_stay(agreements: &[AgreementId]) -> Action {
    let known: Vec<&str> = agreements.iter().map(|id| id.as_str()).collect();
    let mut fields = vec![
        field("citizen", FieldKind::Citizen, false, &[]),
        field("expected_at", FieldKind::Time, true, &[]),
        code("told_by", &discharges::TELLERS),
    ];
    if known.len() > 1 {
        fields.insert(0, field("agreement", FieldKind::Agreement, true, &known));
    }
    let verb = "discharges.open".to_owned();
    Action { verb, fields, confirm: false, refused: None, refused_to_holder: None }
}

/// Telling the municipality at once of what no message tells of, and of no entry on the board (J 3.2).
pub fn opening_a_notice(agreements: &[AgreementId]) -> Action {
    let known: Vec<&str> = agreements.iter().map(|id| id.as_str()).collect();
    let mut fields = vec![code("what", &notices::BY_HAND), field("citizen", FieldKind::Citizen, false, &[])];
    if known.len() > 1 {
        fields.insert(1, field("agreement", FieldKind::Agreement, true, &known));
    }
    let verb = "duties.notify".to_owned();
    Action { verb, fields, confirm: false, refused: None, refused_to_holder: None }
}

/// A verb with a command to try it with.
struct Offer {
    verb: &'static str,
    fields: Vec<Field>,
    confirm: bool,
    trial: domain::Command,
}

fn offer(verb: &'static str, fields: Vec<Field>, trial: domain::Command) -> Offer {
    Offer { verb, fields, confirm: false, trial }
}

fn a(codes: &[&str]) -> Code {
    Code::new(codes[0]).expect("the lists hold kebab-case codes")
}

/// Every action of the entry's board with its refusal as of `now`, for nobody in particular of those who see so much.
pub fn actions(state: &State, entry: &Entry, sight: Sight<'_>, now: DateTime<Utc>) -> Vec<Action> {
    let ctx = Ctx::new(now, Actor::Person(PersonName::nobody()), Uuid::nil());
    let board = entry.board();
    let mut offers = match &entry.body {
        Body::Phone(_) => phone_offers(state, entry),
        Body::Alarm(alarm) => alarm_offers(state, entry, alarm),
        Body::Stay(stay) => stay_offers(state, entry, stay, sight, now),
        Body::Visit(visit) => visit_offers(visit, now),
        Body::Duty(duty) => duty_offers(duty),
        Body::Source(_) => vec![offer("done", vec![], domain::Command::Sources(sources::Command::Done {}))],
    };
    offers.extend(common_offers(state, &ctx, entry));
    // What even the holder may not do is refused for that reason; only then for being somebody else's.
    let holder = entry.holder.as_ref().map(|it| Ctx::new(now, Actor::Person(it.name.clone()), Uuid::nil()));
    let depends_on_who_asks = |offer: &Offer| matches!(offer.verb, "claim" | "take-over" | "release");
    let as_holder = |offer: &Offer| domain::trial(state, holder.as_ref()?, entry, &offer.trial);
    offers
        .into_iter()
        .map(|offer| {
            let (own, others) = (as_holder(&offer), domain::trial(state, &ctx, entry, &offer.trial));
            let (own, refusal) = match depends_on_who_asks(&offer) {
                true => (own.filter(|_| others.is_none()), others),
                false => (None, own.or(others)),
            };
            let refusal = refusal.filter(|refusal| !is_of_the_trial(offer.verb, refusal));
            let holder = entry.holder.as_ref().map(|it| it.name.as_str()).unwrap_or_default();
            Action {
                verb: format!("{}.{}", board.name(), offer.verb),
                fields: offer.fields,
                confirm: offer.confirm,
                refused: refusal.as_ref().map(Problem::from),
                refused_to_holder: own.map(|own| Problem::from(&own).with("holder", holder)),
            }
        })
        .collect()
}

fn common_offers(state: &State, ctx: &Ctx, entry: &Entry) -> Vec<Offer> {
    use entry::Command as C;
    let board = entry.board();
    let wrap = domain::Command::Entry;
    let mut offers = vec![
        offer("claim", vec![], wrap(C::Claim)),
        offer("take-over", vec![], wrap(C::TakeOver)),
        offer("release", vec![], wrap(C::Release)),
    ];
    if matches!(board, Board::Phone | Board::Alarms | Board::Discharges | Board::Visits) {
        let receipt = crate::domain::identity::ExternalId::new("trial").expect("a constant id");
        let note = vec![field("text", FieldKind::Text, true, &[])];
        offers.push(offer("note", note, wrap(C::NoteWritten { receipt })));
        let notify = duties::Command::Notify { what: a(&notices::BY_HAND), agreement: None, citizen: None };
        let what = vec![code("what", &notices::BY_HAND)];
        offers.push(offer("notify", what, domain::Command::Duties(notify)));
        let (what, why) = match board {
            Board::Phone => (&phone::CORRECTABLE[..], &phone::CORRECTION_REASONS[..]),
            Board::Discharges => (&discharges::CORRECTABLE[..], &discharges::CORRECTION_REASONS[..]),
            Board::Visits => (&visits::CORRECTABLE[..], &visits::CORRECTION_REASONS[..]),
            _ => (&alarms::CORRECTABLE[..], &alarms::CORRECTION_REASONS[..]),
        };
        let correct = |what: &str| {
            let what = Code::new(what).expect("the lists hold kebab-case codes");
            wrap(C::Correct { what, reason: a(why) })
        };
        // Only what stands can be corrected; with nothing to correct the refusal says so.
        let stands: Vec<&str> = what
            .iter()
            .copied()
            .filter(|what| domain::trial(state, ctx, entry, &correct(what)).is_none())
            .collect();
        let trial = correct(stands.first().unwrap_or(&what[0]));
        offers.push(offer("correct", vec![code("what", &stands), code("reason", why)], trial));
    }
    let to = vec![field("to", FieldKind::Entry, true, &[])];
    offers.push(offer("link", to, wrap(C::Link { to: EntryId(Uuid::nil()) })));
    offers
}

/// Offers to say which municipality it is about, where there is a choice.
fn assign_offer(
    state: &State,
    entry: &Entry,
    wrap: impl Fn(AgreementId) -> domain::Command,
) -> Option<Offer> {
    let known: Vec<&str> = match entry.candidates.as_slice() {
        [] => state.agreements.keys().map(|id| id.as_str()).collect(),
        some => some.iter().map(|id| id.as_str()).collect(),
    };
    let other = state
        .agreements
        .keys()
        .find(|id| entry.agreement.as_ref() != Some(*id) && known.contains(&id.as_str()))?;
    let fields = vec![field("agreement", FieldKind::Agreement, true, &known)];
    Some(offer("assign", fields, wrap(other.clone())))
}

fn phone_offers(state: &State, entry: &Entry) -> Vec<Offer> {
    use phone::Command as C;
    let wrap = domain::Command::Phone;
    let mut offers = vec![
        offer("answer", vec![], wrap(C::Answer {})),
        offer(
            "call-back",
            vec![
                field("reached", FieldKind::Yes, true, &[]),
                field("promise_at", FieldKind::Time, false, &[]),
            ],
            wrap(C::CallBack { reached: true, promise_at: None }),
        ),
        offer("documented", vec![], wrap(C::Documented {})),
        Offer {
            confirm: true,
            ..offer(
                "give-up",
                vec![code("reason", &phone::GIVE_UP_REASONS)],
                wrap(C::GiveUp { reason: a(&phone::GIVE_UP_REASONS) }),
            )
        },
    ];
    offers.extend(assign_offer(state, entry, |agreement| wrap(C::Assign { agreement })));
    offers
}

fn alarm_offers(state: &State, entry: &Entry, alarm: &alarms::Alarm) -> Vec<Offer> {
    use alarms::Command as C;
    let wrap = domain::Command::Alarms;
    let justify = vec![
        code("channel", &alarms::CHANNELS),
        field("reference", FieldKind::Reference, false, &[]),
        field("text", FieldKind::Text, false, &[]),
    ];
    let with = ["own-help", "nurse", "doctor", "112"];
    let mut offers = vec![
        offer(
            "respond",
            vec![code("with", &with), field("helper", FieldKind::Code, false, &alarms::HELPERS)],
            wrap(C::Respond { with: alarms::Response::OwnHelp, helper: None }),
        ),
        offer("arrive", vec![], wrap(C::Arrive {})),
        Offer {
            confirm: true,
            ..offer(
                "close",
                vec![code("outcome", &alarms::OUTCOMES)],
                wrap(C::Close { outcome: a(&alarms::OUTCOMES) }),
            )
        },
        Offer {
            confirm: true,
            ..offer(
                "redirect",
                vec![code("to", &alarms::REDIRECT_TO)],
                wrap(C::Redirect { to: a(&alarms::REDIRECT_TO) }),
            )
        },
        offer("justify.begin", vec![], wrap(C::JustifyBegin {})),
        offer(
            "justify.sent",
            justify,
            wrap(C::JustifySent { channel: a(&alarms::CHANNELS), reference: None }),
        ),
        offer(
            "contest-redirect",
            vec![code("reason", &alarms::CONTEST_REASONS)],
            wrap(C::ContestRedirect { reason: a(&alarms::CONTEST_REASONS) }),
        ),
    ];
    if alarm.technical {
        offers.insert(0, offer("technical.done", vec![], wrap(C::TechnicalDone {})));
    }
    offers.extend(assign_offer(state, entry, |agreement| wrap(C::Assign { agreement })));
    offers
}

fn stay_offers(
    state: &State,
    entry: &Entry,
    stay: &discharges::Stay,
    sight: Sight<'_>,
    now: DateTime<Utc>,
) -> Vec<Offer> {
    use discharges::Command as C;
    let wrap = domain::Command::Discharges;
    let steps = &agreement::DISCHARGE_STEPS;
    let is_open = |step: &&&str| stay.steps.iter().all(|(done, _)| done.as_str() != **step);
    let step = *steps.iter().find(is_open).unwrap_or(&steps[0]);
    // Taking a resumption back is offered only when help runs in vain, and then first.
    let in_vain = stay.resumed_at.is_some() && !stay.is_resumed();
    let mut reasons: Vec<&str> = discharges::STOP_REASONS.to_vec();
    if in_vain {
        reasons.rotate_right(1);
    } else {
        reasons.retain(|reason| *reason != "back-in-hospital");
    }
    let mut offers = vec![
        offer("resume", vec![], wrap(C::Resume {})),
        offer(
            "expect",
            vec![field("expected_at", FieldKind::Time, true, &[]), code("told_by", &discharges::TELLERS)],
            wrap(C::Expect { expected_at: now, told_by: a(&discharges::TELLERS) }),
        ),
        offer(
            "step",
            vec![code("step", steps), field("done", FieldKind::Yes, false, &[])],
            wrap(C::Step { step: a(&[step]), done: true }),
        ),
        offer(
            "assessors-told",
            vec![field("told", FieldKind::Yes, true, &[])],
            wrap(C::AssessorsTold { told: !stay.assessors_told.unwrap_or(false) }),
        ),
        Offer {
            confirm: true,
            ..offer("stop", vec![code("reason", &reasons)], wrap(C::Stop { reason: a(&reasons) }))
        },
    ];
    if entry.due(domain::entry::DueKind::StillThere).is_some() {
        offers.push(offer("still-there", vec![], wrap(C::StillThere {})));
    }
    if let Some(other) = discharges::may_be_same(state, entry, stay, |other| sight.sees(other)) {
        let same_as = vec![field("same_as", FieldKind::Entry, true, &[&other.number.to_string()])];
        offers.push(offer("join", same_as, wrap(C::Join { same_as: other.id })));
    }
    offers
}

fn visit_offers(visit: &visits::Visit, now: DateTime<Utc>) -> Vec<Offer> {
    use visits::CancelledBy::Citizen;
    use visits::Command as C;
    let wrap = domain::Command::Visits;
    let parties = ["citizen", "provider", "municipality"];
    let confirmed = || field("confirmed", FieldKind::Yes, false, &[]);
    let another_time = visit.agreed_at().unwrap_or(now) + chrono::Duration::hours(1);
    let steps = &agreement::DOOR_STEPS;
    let is_open = |step: &&&str| {
        visit.door.as_ref().is_none_or(|door| door.steps.iter().all(|(done, _)| done.as_str() != **step))
    };
    let step = steps.iter().find(is_open).map(|step| a(&[step]));
    let outcome = if step.is_none() { Some(a(&visits::DOOR_OUTCOMES)) } else { None };
    vec![
        offer(
            "contact",
            vec![field("reached", FieldKind::Yes, true, &[])],
            wrap(C::Contact { reached: true }),
        ),
        offer(
            "door",
            vec![
                field("step", FieldKind::Code, false, steps),
                field("done", FieldKind::Yes, false, &[]),
                field("outcome", FieldKind::Code, false, &visits::DOOR_OUTCOMES),
            ],
            wrap(C::Door { step, done: true, outcome }),
        ),
        offer(
            "move",
            vec![field("to", FieldKind::Time, true, &[]), code("asked_by", &parties), confirmed()],
            wrap(C::Move { to: another_time, asked_by: Citizen, confirmed: true }),
        ),
        offer(
            "replace",
            vec![field("at", FieldKind::Time, true, &[]), confirmed()],
            wrap(C::Replace { at: another_time, confirmed: true }),
        ),
        offer("done", vec![], wrap(C::Done {})),
        Offer {
            confirm: true,
            ..offer(
                "cancel",
                vec![code("by", &parties), field("told_at", FieldKind::Time, false, &[]), confirmed()],
                wrap(C::Cancel { by: Citizen, told_at: None, confirmed: true }),
            )
        },
    ]
}

fn duty_offers(duty: &duties::Duty) -> Vec<Offer> {
    use duties::Command as C;
    let wrap = domain::Command::Duties;
    let until = DateTime::<Utc>::MAX_UTC;
    let mut done = vec![field("reference", FieldKind::Reference, false, &[])];
    if duty.duty.is_notice() {
        done.insert(0, code("to", &notices::TOLD_TO));
        done.insert(1, field("told_at", FieldKind::Time, false, &[]));
    }
    let mut offers = vec![
        offer("done", done, wrap(C::Done { reference: None, to: None, told_at: None })),
        offer(
            "postpone",
            vec![field("until", FieldKind::Time, true, &[]), code("reason", &duties::POSTPONE_REASONS)],
            wrap(C::Postpone { until, reason: a(&duties::POSTPONE_REASONS) }),
        ),
    ];
    if duty.by_hand {
        let (what, why) = (&notices::CORRECTABLE, &notices::CORRECTION_REASONS);
        let trial = domain::Command::Entry(entry::Command::Correct { what: a(what), reason: a(why) });
        offers.push(offer("correct", vec![code("what", what), code("reason", why)], trial));
    }
    offers
}

/// A trial's refusal that says nothing: the trial's own arguments were made up.
fn is_of_the_trial(verb: &str, refusal: &Refusal) -> bool {
    match refusal {
        Refusal::CannotLink => matches!(verb, "link" | "join"),
        Refusal::UnknownAgreement { .. } => verb == "assign",
        // Of the one matter that was tried.
        Refusal::AlreadyOpen { .. } => verb == "notify",
        _ => false,
    }
}
