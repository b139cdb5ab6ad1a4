//! Actions: what may be done to an entry, the fields each needs, and its refusal if it is not to be had just now.
//!
//! Owns the list of verbs per board in the order a coordinator would want them. The refusals come from the domain
//! itself (the command is decided on trial), so that the list and the rule cannot differ.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::commands::{Command, NOTE, verb_of};
use super::problem::Problem;
use super::project::Sight;
use crate::domain::agreement::{DischargeStep, DoorStep, Matter, Response};
use crate::domain::entry::{self, Body, Entry};
use crate::domain::identity::{AgreementId, Board, EntryId, ExternalId, PersonName};
use crate::domain::observation::CancelledBy;
use crate::domain::verbs::Weight;
use crate::domain::vocabulary::{CorrectionReason, Word};
use crate::domain::{self, Actor, Ctx, Refusal, State};
use crate::domain::{alarms, discharges, duties, phone, sources, visits};

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

/// One of these words, which must be chosen.
fn word<W: Word>(name: &str, words: &[W]) -> Field {
    let names: Vec<&str> = words.iter().map(|word| word.name()).collect();
    field(name, FieldKind::Code, true, &names)
}

/// One of these words, or none.
fn word_or_none<W: Word>(name: &str, words: &[W]) -> Field {
    Field { required: false, ..word(name, words) }
}

/// Opening a stay by hand: what the coordinator was told on the telephone (N 3.5.3). For whoever may use these
/// agreements; with only one there is nothing to choose.
pub fn opening_a_stay(agreements: &[AgreementId]) -> Action {
    let fields = vec![
        field("citizen", FieldKind::Citizen, false, &[]),
        field("expected_at", FieldKind::Time, true, &[]),
        word("told_by", discharges::Teller::ALL),
    ];
    opening("discharges.open", agreements, 0, fields)
}

/// Telling the municipality at once of what no message tells of, and of no entry on the board (J 3.2).
pub fn opening_a_notice(agreements: &[AgreementId]) -> Action {
    let fields = vec![word("what", Matter::ALL), field("citizen", FieldKind::Citizen, false, &[])];
    opening("duties.notify", agreements, 1, fields)
}

/// An act that opens an entry, with the choice of an agreement at this place where there is one.
fn opening(verb: &str, agreements: &[AgreementId], place: usize, mut fields: Vec<Field>) -> Action {
    let known: Vec<&str> = agreements.iter().map(|id| id.as_str()).collect();
    if known.len() > 1 {
        fields.insert(place, field("agreement", FieldKind::Agreement, true, &known));
    }
    Action { verb: verb.to_owned(), fields, confirm: false, refused: None, refused_to_holder: None }
}

/// A verb with a command to try it with.
struct Offer {
    verb: &'static str,
    fields: Vec<Field>,
    trial: domain::Command,
}

fn offer(fields: Vec<Field>, trial: domain::Command) -> Offer {
    let command = Command::from(trial);
    let verb = command.name().map_or("", |(_, verb)| verb);
    let Command::Plain(trial) = command else { unreachable!("made of a plain one above") };
    Offer { verb, fields, trial }
}

/// Every action of the entry's board with its refusal as of `now`, for nobody in particular of those who see so much.
pub fn actions(state: &State, entry: &Entry, sight: Sight<'_>, now: DateTime<Utc>) -> Vec<Action> {
    let ctx = Ctx::new(now, Actor::Person(PersonName::nobody()), Uuid::nil());
    let board = entry.board();
    let mut offers = match &entry.body {
        Body::Phone(_) => phone_offers(state, entry),
        Body::Alarms(alarm) => alarm_offers(state, entry, alarm),
        Body::Discharges(stay) => stay_offers(state, entry, stay, sight, now),
        Body::Visits(visit) => visit_offers(state, entry, visit, now),
        Body::Duties(duty) => duty_offers(duty),
        Body::Sources(_) => vec![offer(vec![], domain::Command::Sources(sources::Command::Done {}))],
    };
    offers.extend(common_offers(state, &ctx, entry));
    // What even the holder may not do is refused for that reason; only then for being somebody else's.
    let holder = entry.holder.as_ref().map(|it| Ctx::new(now, Actor::Person(it.name.clone()), Uuid::nil()));
    let depends_on_who_asks = |offer: &Offer| {
        use entry::Command as C;
        matches!(&offer.trial, domain::Command::Entry(C::Claim {} | C::TakeOver {} | C::Release {}))
    };
    let as_holder = |offer: &Offer| domain::trial(state, holder.as_ref()?, entry, &offer.trial);
    offers
        .into_iter()
        .map(|offer| {
            let (own, others) = (as_holder(&offer), domain::trial(state, &ctx, entry, &offer.trial));
            let (own, refusal) = match depends_on_who_asks(&offer) {
                true => (own.filter(|_| others.is_none()), others),
                false => (None, own.or(others)),
            };
            let refusal = refusal.filter(|refusal| !is_of_the_trial(&offer.trial, refusal));
            let holder = entry.holder.as_ref().map(|it| it.name.as_str()).unwrap_or_default();
            Action {
                verb: format!("{}.{}", board.name(), offer.verb),
                fields: offer.fields,
                confirm: verb_of(board, offer.verb).is_some_and(|verb| verb.weight >= Weight::Grave),
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
        offer(vec![], wrap(C::Claim {})),
        offer(vec![], wrap(C::TakeOver {})),
        offer(vec![], wrap(C::Release {})),
    ];
    if matches!(board, Board::Phone | Board::Alarms | Board::Discharges | Board::Visits) {
        let receipt = ExternalId::new("trial").expect("a constant id");
        let note = vec![field("text", FieldKind::Text, true, &[])];
        let trial = domain::Command::OfServer(entry::OfServer::NoteWritten { receipt });
        offers.push(Offer { verb: NOTE.name, fields: note, trial });
        let notify = duties::Command::Notify { what: Matter::ALL[0], agreement: None, citizen: None };
        offers.push(offer(vec![word("what", Matter::ALL)], domain::Command::Duties(notify)));
    }
    let reason = CorrectionReason::ALL[0];
    offers.extend(match &entry.body {
        Body::Phone(_) => Some(correct_offer(state, ctx, entry, |what| {
            domain::Command::Phone(phone::Command::Correct { what, reason })
        })),
        Body::Alarms(_) => Some(correct_offer(state, ctx, entry, |what| {
            domain::Command::Alarms(alarms::Command::Correct { what, reason })
        })),
        Body::Discharges(_) => Some(correct_offer(state, ctx, entry, |what| {
            domain::Command::Discharges(discharges::Command::Correct { what, reason })
        })),
        Body::Visits(_) => Some(correct_offer(state, ctx, entry, |what| {
            domain::Command::Visits(visits::Command::Correct { what, reason })
        })),
        Body::Duties(_) | Body::Sources(_) => None,
    });
    let to = vec![field("to", FieldKind::Entry, true, &[])];
    offers.push(offer(to, wrap(C::Link { to: EntryId(Uuid::nil()) })));
    offers
}

/// Only what stands can be corrected; with nothing to correct the refusal says so.
fn correct_offer<W: Word>(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    correct: impl Fn(W) -> domain::Command,
) -> Offer {
    let is_standing = |what: &W| domain::trial(state, ctx, entry, &correct(*what)).is_none();
    let stands: Vec<W> = W::ALL.iter().copied().filter(is_standing).collect();
    let trial = correct(*stands.first().unwrap_or(&W::ALL[0]));
    offer(vec![word("what", &stands), word("reason", CorrectionReason::ALL)], trial)
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
    Some(offer(fields, wrap(other.clone())))
}

/// The same, of what a source with several municipalities told of without saying whose it is; the rest is known.
fn choice_offer(
    state: &State,
    entry: &Entry,
    wrap: impl Fn(AgreementId) -> domain::Command,
) -> Option<Offer> {
    if entry.candidates.len() < 2 { None } else { assign_offer(state, entry, wrap) }
}

fn phone_offers(state: &State, entry: &Entry) -> Vec<Offer> {
    use phone::Command as C;
    let wrap = domain::Command::Phone;
    let mut offers = vec![
        offer(vec![], wrap(C::Answer {})),
        offer(
            vec![
                field("reached", FieldKind::Yes, true, &[]),
                field("promise_at", FieldKind::Time, false, &[]),
            ],
            wrap(C::CallBack { reached: true, promise_at: None }),
        ),
        offer(vec![], wrap(C::Documented {})),
        offer(
            vec![word("reason", phone::GiveUpReason::ALL)],
            wrap(C::GiveUp { reason: phone::GiveUpReason::ALL[0] }),
        ),
    ];
    offers.extend(assign_offer(state, entry, |agreement| wrap(C::Assign { agreement })));
    offers
}

fn alarm_offers(state: &State, entry: &Entry, alarm: &alarms::Alarm) -> Vec<Offer> {
    use alarms::{Channel, Command as C, ContestReason, Helper, Outcome, RedirectTo};
    let wrap = domain::Command::Alarms;
    let justify = vec![
        word("channel", Channel::ALL),
        field("reference", FieldKind::Reference, false, &[]),
        field("text", FieldKind::Text, false, &[]),
    ];
    let mut offers = vec![
        offer(
            vec![word("with", Response::ALL), word_or_none("helper", Helper::ALL)],
            wrap(C::Respond { with: Response::OwnHelp, helper: None }),
        ),
        offer(vec![], wrap(C::Arrive {})),
        offer(vec![word("outcome", Outcome::ALL)], wrap(C::Close { outcome: Outcome::ALL[0] })),
        offer(vec![word("to", RedirectTo::ALL)], wrap(C::Redirect { to: RedirectTo::ALL[0] })),
        offer(vec![], wrap(C::JustifyBegin {})),
        offer(justify, wrap(C::JustifySent { channel: Channel::ALL[0], reference: None })),
        offer(
            vec![word("reason", ContestReason::ALL)],
            wrap(C::ContestRedirect { reason: ContestReason::ALL[0] }),
        ),
    ];
    if alarm.technical {
        offers.insert(0, offer(vec![], wrap(C::TechnicalDone {})));
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
    use discharges::{Command as C, StopReason, Teller};
    let wrap = domain::Command::Discharges;
    let steps = DischargeStep::ALL;
    let is_open = |step: &&DischargeStep| stay.steps.iter().all(|(done, _)| done != *step);
    let step = *steps.iter().find(is_open).unwrap_or(&steps[0]);
    // Taking a resumption back is offered only when help runs in vain, and then first.
    let in_vain = stay.resumed_at.is_some() && !stay.is_resumed();
    let mut reasons = StopReason::ALL.to_vec();
    if in_vain {
        reasons.rotate_right(1);
    } else {
        reasons.retain(|reason| *reason != StopReason::BackInHospital);
    }
    let told_by = Teller::ALL[0];
    let mut offers = vec![
        offer(vec![], wrap(C::Resume {})),
        offer(
            vec![field("expected_at", FieldKind::Time, true, &[]), word("told_by", Teller::ALL)],
            wrap(C::Expect { agreement: None, citizen: None, expected_at: now, told_by }),
        ),
        offer(
            vec![word("step", steps), field("done", FieldKind::Yes, false, &[])],
            wrap(C::Step { step, done: true }),
        ),
        offer(
            vec![field("told", FieldKind::Yes, true, &[])],
            wrap(C::AssessorsTold { told: !stay.assessors_told.unwrap_or(false) }),
        ),
        offer(vec![word("reason", &reasons)], wrap(C::Stop { reason: reasons[0] })),
    ];
    if entry.due(domain::entry::DueKind::StillThere).is_some() {
        offers.push(offer(vec![], wrap(C::StillThere {})));
    }
    if let Some(other) = discharges::may_be_same(state, entry, stay, |other| sight.sees(other)) {
        let same_as = vec![field("same_as", FieldKind::Entry, true, &[&other.number.to_string()])];
        offers.push(offer(same_as, wrap(C::Join { same_as: other.id })));
    }
    offers.extend(choice_offer(state, entry, |agreement| wrap(C::Assign { agreement })));
    offers
}

fn visit_offers(state: &State, entry: &Entry, visit: &visits::Visit, now: DateTime<Utc>) -> Vec<Offer> {
    use visits::{Command as C, DoorOutcome};
    let wrap = domain::Command::Visits;
    let confirmed = || field("confirmed", FieldKind::Yes, false, &[]);
    let another_time = visit.agreed_at().unwrap_or(now) + chrono::Duration::hours(1);
    let is_open = |step: &&DoorStep| {
        visit.door.as_ref().is_none_or(|door| door.steps.iter().all(|(done, _)| done != *step))
    };
    let step = DoorStep::ALL.iter().find(is_open).copied();
    let outcome = if step.is_none() { Some(DoorOutcome::ALL[0]) } else { None };
    let by = CancelledBy::Citizen;
    let mut offers = vec![
        offer(vec![field("reached", FieldKind::Yes, true, &[])], wrap(C::Contact { reached: true })),
        offer(
            vec![
                word_or_none("step", DoorStep::ALL),
                field("done", FieldKind::Yes, false, &[]),
                word_or_none("outcome", DoorOutcome::ALL),
            ],
            wrap(C::Door { step, done: true, outcome }),
        ),
        offer(
            vec![field("to", FieldKind::Time, true, &[]), word("asked_by", CancelledBy::ALL), confirmed()],
            wrap(C::Move { to: another_time, asked_by: by, confirmed: true }),
        ),
        offer(
            vec![field("at", FieldKind::Time, true, &[]), confirmed()],
            wrap(C::Replace { at: another_time, confirmed: true }),
        ),
        offer(vec![], wrap(C::Done {})),
        offer(
            vec![word("by", CancelledBy::ALL), field("told_at", FieldKind::Time, false, &[]), confirmed()],
            wrap(C::Cancel { by, told_at: None, confirmed: true }),
        ),
    ];
    offers.extend(choice_offer(state, entry, |agreement| wrap(C::Assign { agreement })));
    offers
}

fn duty_offers(duty: &duties::Duty) -> Vec<Offer> {
    use duties::{Command as C, Correctable, PostponeReason, ToldTo};
    let wrap = domain::Command::Duties;
    let until = DateTime::<Utc>::MAX_UTC;
    let mut done = vec![field("reference", FieldKind::Reference, false, &[])];
    if duty.duty.is_notice() {
        done.insert(0, word("to", ToldTo::ALL));
        done.insert(1, field("told_at", FieldKind::Time, false, &[]));
    }
    let mut offers = vec![
        offer(done, wrap(C::Done { reference: None, to: None, told_at: None })),
        offer(
            vec![field("until", FieldKind::Time, true, &[]), word("reason", PostponeReason::ALL)],
            wrap(C::Postpone { until, reason: PostponeReason::ALL[0] }),
        ),
    ];
    if duty.by_hand {
        let (what, reason) = (Correctable::Notice, CorrectionReason::ALL[0]);
        let fields = vec![word("what", Correctable::ALL), word("reason", CorrectionReason::ALL)];
        offers.push(offer(fields, wrap(C::Correct { what, reason })));
    }
    offers
}

/// A trial's refusal that says nothing: the trial's own arguments were made up.
fn is_of_the_trial(trial: &domain::Command, refusal: &Refusal) -> bool {
    use domain::Command as C;
    match refusal {
        Refusal::CannotLink => matches!(
            trial,
            C::Entry(entry::Command::Link { .. }) | C::Discharges(discharges::Command::Join { .. })
        ),
        Refusal::UnknownAgreement { .. } => matches!(
            trial,
            C::Alarms(alarms::Command::Assign { .. })
                | C::Phone(phone::Command::Assign { .. })
                | C::Discharges(discharges::Command::Assign { .. })
                | C::Visits(visits::Command::Assign { .. })
        ),
        // Of the one matter that was tried.
        Refusal::AlreadyOpen { .. } => matches!(trial, C::Duties(duties::Command::Notify { .. })),
        _ => false,
    }
}
