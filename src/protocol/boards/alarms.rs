//! Alarms on the wire: a citizen's call for help, from its ring to its written justification.
//!
//! Owns an alarm's details: how they are made, what is offered and what the alarm asks for. Must never know another
//! board's details.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{FieldKind, field, word, word_or_none};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, assign, correction, offer};
use crate::domain;
use crate::domain::agreement::{Agreement, AnswerTarget, Response, Value};
use crate::domain::alarms::{
    Alarm, AlarmState, Channel, Command as C, ContestReason, Helper, HowEnded, Outcome, RedirectTo,
};
use crate::domain::entry::DueKind;
use crate::domain::identity::{Code, ExternalId, PersonName};
use crate::domain::vocabulary::Word;

/// A justification is a duty for somebody on this shift when it is due within this many hours.
const JUSTIFICATION_NEAR_HOURS: i64 = 72;

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmDetails {
    pub alarm: ExternalId,
    pub device: Option<ExternalId>,
    pub trigger: Option<Code>,
    pub technical: bool,
    pub test: bool,
    /// Signals folded into this entry, the first included.
    pub signals: u32,
    /// Of an alarm that is a call: the queue that it is in now, or was in last.
    pub queue: Option<ExternalId>,
    /// Somebody spoke with the citizen since then.
    pub talked_at: Option<DateTime<Utc>>,
    /// The talk was over then: what is left is to say what was done.
    pub talk_ended_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    pub response: Option<Response>,
    pub responded_at: Option<DateTime<Utc>>,
    pub helper: Option<Helper>,
    pub arrived_at: Option<DateTime<Utc>>,
    pub outcome: Option<HowEnded>,
    pub cleared_at: Option<DateTime<Utc>>,
    /// The device says that somebody is with the citizen.
    pub presence_at: Option<DateTime<Utc>>,
    pub unanswered_at: Option<DateTime<Utc>>,
    pub redirected_at: Option<DateTime<Utc>>,
    pub redirected_to: Option<Code>,
    /// We say the redirect was not ours; it counts until it is corrected.
    pub contested: Option<ContestReason>,
    pub justification: Option<Justification>,
}

/// The written justification of a ring-out or redirect (J 3.1.13).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Justification {
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub clause: Option<String>,
    pub agreement_version: Option<String>,
    pub begun_at: Option<DateTime<Utc>>,
    pub begun_by: Option<PersonName>,
    pub sent_at: Option<DateTime<Utc>>,
    pub channel: Option<Channel>,
    pub reference: Option<String>,
    /// Sent after the due time: late for ever.
    pub late: bool,
}

impl Column for AlarmDetails {
    type Body = Alarm;
    type Command = C;

    fn project(alarm: &Alarm, _: Shown<'_>) -> Self {
        Self {
            alarm: alarm.alarm.clone(),
            device: alarm.device.clone(),
            trigger: alarm.trigger.clone(),
            technical: alarm.technical,
            test: alarm.test,
            signals: alarm.signals,
            queue: alarm.queue.clone(),
            // Of others it is not known whether they still talk.
            talked_at: alarm.talked_at.filter(|_| alarm.queue.is_some() || alarm.by_voice),
            talk_ended_at: alarm.talk_ended_at,
            answered_at: alarm.answered_at,
            response: alarm.response.as_ref().map(|it| it.with),
            responded_at: alarm.response.as_ref().map(|it| it.at),
            helper: alarm.response.as_ref().and_then(|it| it.helper),
            arrived_at: alarm.arrived_at,
            outcome: alarm.outcome,
            cleared_at: alarm.cleared_at,
            presence_at: alarm.presence_at,
            unanswered_at: alarm.unanswered_at,
            redirected_at: alarm.redirect.as_ref().map(|it| it.at),
            redirected_to: alarm.redirect.as_ref().map(|it| it.to.clone()),
            contested: alarm.redirect.as_ref().and_then(|it| it.contested),
            justification: alarm.justification.as_ref().map(|it| Justification {
                started_at: it.started_at,
                due_at: it.due.at,
                clause: it.due.clause.clone(),
                agreement_version: it.due.agreement_version.clone(),
                begun_at: it.begun_at,
                begun_by: it.begun_by.clone(),
                sent_at: it.sent.as_ref().map(|sent| sent.at),
                channel: it.sent.as_ref().map(|sent| sent.channel),
                reference: it.sent.as_ref().and_then(|sent| sent.reference.clone()).map(String::from),
                late: it.sent.as_ref().is_some_and(|sent| sent.late),
            }),
        }
    }

    fn remnant(alarm: &Alarm, _: DateTime<Utc>) -> Self {
        Self {
            alarm: alarm.alarm.clone(),
            device: None,
            trigger: None,
            technical: false,
            test: false,
            signals: 0,
            queue: None,
            talked_at: None,
            talk_ended_at: None,
            answered_at: None,
            response: None,
            responded_at: None,
            helper: None,
            arrived_at: None,
            outcome: None,
            cleared_at: None,
            presence_at: None,
            unanswered_at: None,
            redirected_at: None,
            redirected_to: None,
            contested: None,
            justification: None,
        }
    }

    fn offers(alarm: &Alarm, shown: Shown<'_>) -> Vec<Offer<C>> {
        let justify = vec![
            word("channel", Channel::ALL),
            field("reference", FieldKind::Reference, false, &[]),
            field("text", FieldKind::Text, false, &[]),
        ];
        let mut offers = vec![
            offer(
                vec![word("with", Response::ALL), word_or_none("helper", Helper::ALL)],
                C::Respond { with: Response::OwnHelp, helper: None },
            ),
            offer(vec![], C::Arrive {}),
            offer(vec![word("outcome", Outcome::ALL)], C::Close { outcome: Outcome::ALL[0] }),
            offer(vec![word("to", RedirectTo::ALL)], C::Redirect { to: RedirectTo::ALL[0] }),
            offer(vec![], C::Documented {}),
            offer(vec![], C::JustifyBegin {}),
            offer(justify, C::JustifySent { channel: Channel::ALL[0], reference: None }),
            offer(
                vec![word("reason", ContestReason::ALL)],
                C::ContestRedirect { reason: ContestReason::ALL[0] },
            ),
        ];
        if alarm.technical {
            offers.insert(0, offer(vec![], C::TechnicalDone {}));
        }
        offers.extend(assign(shown, |agreement| C::Assign { agreement }));
        offers
    }

    fn correction(shown: Shown<'_>) -> Option<Offer<C>> {
        Some(correction(shown, domain::Command::Alarms, |what, reason| C::Correct { what, reason }))
    }

    fn attention(&self, head: Head<'_>, now: DateTime<Utc>) -> Option<Attention> {
        let due = |what| head.due_at(what);
        if self.technical {
            return Some(Attention::new(Level::Info, Why::Technical, Next::TechnicalDone));
        }
        if self.test {
            return Some(Attention::new(Level::Info, Why::Test, Next::Close));
        }
        if self.redirected_at.is_some() || self.outcome.is_some() {
            return Some(self.of_justification(now));
        }
        let alarm_of = |why, next| Attention::new(Level::Alarm, why, next);
        let duty = |why, next| Attention::new(Level::Duty, why, next);
        Some(match head.state_of::<AlarmState>()? {
            AlarmState::Raised => alarm_of(Why::Ringing, Next::Claim).until(due(DueKind::RingOut), now),
            AlarmState::Answered => match (self.talked_at, self.talk_ended_at) {
                (_, Some(_)) => duty(Why::TalkOver, Next::SayWhatWasDone).until(due(DueKind::RingOut), now),
                (Some(_), None) => alarm_of(Why::TalkingNow, Next::Claim),
                (None, None) => alarm_of(Why::AnsweredAtExchange, Next::Claim),
            },
            AlarmState::Unanswered => alarm_of(Why::RangOut, Next::RedirectOrClaim)
                .until(self.justification.as_ref().map(|it| it.due_at), now),
            AlarmState::Claimed if self.talk_ended_at.is_some() => {
                alarm_of(Why::TalkOver, Next::SayWhatWasDone).until(due(DueKind::Claim), now)
            }
            AlarmState::Claimed => alarm_of(Why::Claimed, Next::Respond).until(due(DueKind::Claim), now),
            AlarmState::HelpSent => {
                let arrive = due(DueKind::Arrive);
                let why = if arrive.is_some_and(|at| at <= now) { Why::HelpLate } else { Why::HelpSent };
                duty(why, Next::Arrive).until(arrive, now)
            }
            AlarmState::Arrived => duty(Why::Arrived, Next::Close),
            AlarmState::NurseCalled => duty(Why::NurseCalled, Next::Close),
            AlarmState::DoctorCalled => duty(Why::DoctorCalled, Next::Close),
            AlarmState::Called112 => duty(Why::Called112, Next::Close),
            // With an outcome or a redirect: above.
            AlarmState::Closed | AlarmState::Redirected | AlarmState::Justified => self.of_justification(now),
        })
    }

    fn nears_at(&self, _: Head<'_>) -> Option<DateTime<Utc>> {
        let justification = self.justification.as_ref()?;
        Some(justification.due_at - Duration::hours(JUSTIFICATION_NEAR_HOURS))
    }

    /// Until it is at its end: also with help on its way, somebody waits at home.
    fn is_waited_for(&self, _: Head<'_>) -> bool {
        self.is_in_hand()
    }

    fn outside_id(&self) -> Option<&ExternalId> {
        Some(&self.alarm)
    }

    fn says_dead(command: &C) -> bool {
        matches!(command, C::Close { outcome: Outcome::Deceased })
    }

    fn answer_within(rules: &Agreement) -> Option<&Value<Vec<AnswerTarget>>> {
        rules.alarms.answer_within.as_ref()
    }
}

impl AlarmDetails {
    /// An alarm of a person that is not over.
    pub fn is_in_hand(&self) -> bool {
        !self.technical && !self.test && self.outcome.is_none() && self.redirected_at.is_none()
    }

    fn of_justification(&self, now: DateTime<Utc>) -> Attention {
        let Some(it) = self.justification.as_ref().filter(|it| it.sent_at.is_none()) else {
            return Attention::new(Level::Info, Why::Handled, Next::Close);
        };
        let near = it.due_at - now <= Duration::hours(JUSTIFICATION_NEAR_HOURS);
        let (why, next) = match (it.begun_at.is_some(), it.due_at <= now) {
            (_, true) => (Why::JustificationLate, Next::JustifySend),
            (true, false) => (Why::JustificationBegun, Next::JustifySend),
            (false, false) => (Why::JustificationOwed, Next::JustifyBegin),
        };
        Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(Some(it.due_at), now)
    }
}
