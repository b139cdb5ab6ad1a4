//! Commands on the wire: `POST /v1/commands`.
//!
//! Owns reading `board.verb` (a bare verb is taken for the entry's own board) and the split between the command
//! (storable) and free text (written through to the care system, never stored).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::entry::Entry;
use super::problem::Problem;
use super::text::LongText;
use super::wire::{self, tagged_enum};
use crate::domain;
use crate::domain::identity::{AgreementId, Board, CitizenId, Code, EntryId, Key, Reference, Sequence};
use crate::domain::observation::CancelledBy;
use crate::domain::{alarms, discharges, duties, entry, phone, shift, sources, visits};

/// A command as sent. The same `id` again gives the same answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CommandRequest {
    /// Drawn by the sender, unique per person.
    #[schema(value_type = String)]
    pub id: Key,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryId>,
    /// Demanded only for closing, redirecting and stopping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// RFC 3339 with a zone; never in the future.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<DateTime<Utc>>,
    pub command: WireCommand,
}

/// The answer to a command that took effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandReply {
    #[schema(value_type = u64)]
    pub sequence: Sequence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The note waits in memory for the care system.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
}

tagged_enum! {
    /// What a person can ask for. On the wire `type` is `board.verb`; the board may be left out.
    WireCommand {
        "claim" => Claim {}
        "release" => Release {}
        "take-over" => TakeOver {}
        "note" => Note { #[schema(value_type = String)] pub text: LongText, }
        "correct" => Correct { #[schema(value_type = String)] pub what: Code, #[schema(value_type = String)] pub reason: Code, }
        "link" => Link { #[schema(value_type = String)] pub to: EntryId, }
        "assign" => Assign { #[schema(value_type = String)] pub agreement: AgreementId, }
        "answer" => Answer {}
        "call-back" => CallBack {
            pub reached: bool,
            #[serde(default, deserialize_with = "wire::zoned_option", skip_serializing_if = "Option::is_none")]
            pub promise_at: Option<DateTime<Utc>>,
        }
        "give-up" => GiveUp { #[schema(value_type = String)] pub reason: Code, }
        "documented" => Documented {}
        "respond" => Respond {
            /// own-help, nurse, doctor or 112.
            #[schema(value_type = String)] pub with: alarms::Response,
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub helper: Option<Code>,
        }
        "arrive" => Arrive {}
        "close" => Close { #[schema(value_type = String)] pub outcome: Code, }
        "redirect" => Redirect { #[schema(value_type = String)] pub to: Code, }
        "contest-redirect" => ContestRedirect { #[schema(value_type = String)] pub reason: Code, }
        "justify.begin" => JustifyBegin {}
        "justify.sent" => JustifySent {
            #[schema(value_type = String)] pub channel: Code,
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub reference: Option<Reference>,
            /// With channel `care-system`: the text, written through at once; the receipt becomes the reference.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub text: Option<LongText>,
        }
        "technical.done" => TechnicalDone {}
        "done" => Done {
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub reference: Option<Reference>,
            /// Of what the municipality is told at once: whom there (assessors, nurse, municipal-unit, office or care-system).
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub to: Option<Code>,
            /// When it was told, if not now.
            #[serde(default, deserialize_with = "wire::zoned_option", skip_serializing_if = "Option::is_none")] pub told_at: Option<DateTime<Utc>>,
        }
        "notify" => Notify {
            /// Of what the municipality is to be told at once: serious-neglect, abuse, accident, unserved-citizen,
            /// irregularity, admission, death or cancelled-activities. About the entry, if one is named.
            #[schema(value_type = String)] pub what: Code,
            /// Only without an entry, and may be left out by who has only one.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub agreement: Option<AgreementId>,
            /// Only without an entry.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
        }
        "postpone" => Postpone {
            #[serde(deserialize_with = "wire::zoned")] pub until: DateTime<Utc>,
            #[schema(value_type = String)] pub reason: Code,
        }
        "open" => OpenStay {
            /// May be left out by who has only one.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub agreement: Option<AgreementId>,
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
            #[serde(deserialize_with = "wire::zoned")] pub expected_at: DateTime<Utc>,
            #[schema(value_type = String)] pub told_by: Code,
        }
        "expect" => Expect {
            /// Only without an entry, as for `open`.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub agreement: Option<AgreementId>,
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub citizen: Option<CitizenId>,
            #[serde(deserialize_with = "wire::zoned")] pub expected_at: DateTime<Utc>,
            #[schema(value_type = String)] pub told_by: Code,
        }
        "resume" => Resume {}
        "stop" => Stop { #[schema(value_type = String)] pub reason: Code, }
        "step" => TickStep {
            #[schema(value_type = String)] pub step: Code,
            #[serde(default = "yes")] pub done: bool,
        }
        "assessors-told" => AssessorsTold { pub told: bool, }
        "still-there" => StillThere {}
        "join" => JoinStay {
            /// The entry that a hospital's message opened.
            #[schema(value_type = String)] pub same_as: EntryId,
        }
        "contact" => ContactCitizen { pub reached: bool, }
        "move" => MoveVisit {
            #[serde(deserialize_with = "wire::zoned")] pub to: DateTime<Utc>,
            /// citizen, provider or municipality.
            #[schema(value_type = String)] pub asked_by: CancelledBy,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)] pub confirmed: bool,
        }
        "replace" => ReplaceVisit {
            #[serde(deserialize_with = "wire::zoned")] pub at: DateTime<Utc>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)] pub confirmed: bool,
        }
        "door" => DoorStep {
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub step: Option<Code>,
            #[serde(default = "yes")] pub done: bool,
            /// Ends the list: how the closed door turned out.
            #[schema(value_type = Option<String>)] #[serde(default, skip_serializing_if = "Option::is_none")] pub outcome: Option<Code>,
        }
        "cancel" => CancelVisit {
            /// citizen, provider or municipality.
            #[schema(value_type = String)] pub by: CancelledBy,
            #[serde(default, deserialize_with = "wire::zoned_option", skip_serializing_if = "Option::is_none")] pub told_at: Option<DateTime<Utc>>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)] pub confirmed: bool,
        }
        "sign-on" => SignOn {
            #[serde(default, deserialize_with = "wire::zoned_option", skip_serializing_if = "Option::is_none")]
            pub until: Option<DateTime<Utc>>,
        }
        "sign-off" => SignOff {}
    }
}

/// A step that is named is done unless the sender says otherwise.
fn yes() -> bool {
    true
}

/// A command read and checked, with its board if it was named.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedCommand {
    pub id: Key,
    pub entry: Option<EntryId>,
    pub expected_version: Option<u32>,
    pub happened_at: Option<DateTime<Utc>>,
    pub board: Option<Board>,
    pub command: WireCommand,
}

/// The outcomes and reasons that say that the citizen is dead.
const DEATHS: [&str; 2] = ["dead", "deceased"];

impl WireCommand {
    /// It says that somebody is dead.
    pub fn says_dead(&self) -> bool {
        let code = match self {
            Self::Close(it) => Some(&it.outcome),
            Self::DoorStep(it) => it.outcome.as_ref(),
            Self::Stop(it) => Some(&it.reason),
            _ => None,
        };
        code.is_some_and(|code| DEATHS.contains(&code.as_str()))
    }
}

/// Reads a request body. Errors name the field.
pub fn parse(body: Value) -> Result<ParsedCommand, Problem> {
    wire::check_depth(&body)?;
    let Value::Object(mut fields) = body else { return Err(Problem::new(422, "not-an-object")) };
    let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_null());
    let id = take("id").ok_or_else(|| Problem::field(422, "missing-field", "id"))?;
    let command = take("command").ok_or_else(|| Problem::field(422, "missing-field", "command"))?;
    let entry = take("entry").map(|value| wire::read("entry", value)).transpose()?;
    let expected_version =
        take("expected_version").map(|value| wire::read("expected_version", value)).transpose()?;
    let happened_at = take("happened_at").map(|value| wire::time("happened_at", &value)).transpose()?;
    let (tag, body) = wire::tagged("command", command)?;
    let (board, verb) = split_board(&tag);
    let command = WireCommand::parse("command", verb, body)
        .ok_or_else(|| Problem::field(422, "unknown-command", "command.type"))??;
    Ok(ParsedCommand { id: wire::read("id", id)?, entry, expected_version, happened_at, board, command })
}

/// `alarms.justify.begin` is board `alarms`, verb `justify.begin`; `claim` is no board.
fn split_board(tag: &str) -> (Option<Board>, &str) {
    match tag.split_once('.').and_then(|(board, verb)| Some((Board::parse(board)?, verb))) {
        Some((board, verb)) => (Some(board), verb),
        None => (None, tag),
    }
}

/// Free text that must be written through to the care system before the command is decided.
#[derive(Debug, Clone, PartialEq)]
pub enum Through {
    Note(LongText),
    Justification { channel: Code, text: LongText },
}

/// A command for the domain, or one whose text goes to the care system first.
#[derive(Debug, Clone, PartialEq)]
pub enum ForDomain {
    Command(domain::Command),
    WriteThrough(Through),
}

impl WireCommand {
    /// Translates; `done` and `assign` need to know the entry's board.
    pub fn for_domain(self, board: Option<Board>) -> Result<ForDomain, Problem> {
        use domain::Command as C;
        let command = match self {
            Self::Claim(_) => C::Entry(entry::Command::Claim),
            Self::Release(_) => C::Entry(entry::Command::Release),
            Self::TakeOver(_) => C::Entry(entry::Command::TakeOver),
            Self::Note(it) => return Ok(ForDomain::WriteThrough(Through::Note(it.text))),
            Self::Correct(it) => C::Entry(entry::Command::Correct { what: it.what, reason: it.reason }),
            Self::Link(it) => C::Entry(entry::Command::Link { to: it.to }),
            Self::Assign(it) if board == Some(Board::Alarms) => {
                C::Alarms(alarms::Command::Assign { agreement: it.agreement })
            }
            Self::Assign(it) => C::Phone(phone::Command::Assign { agreement: it.agreement }),
            Self::Answer(_) => C::Phone(phone::Command::Answer {}),
            Self::CallBack(it) => {
                C::Phone(phone::Command::CallBack { reached: it.reached, promise_at: it.promise_at })
            }
            Self::GiveUp(it) => C::Phone(phone::Command::GiveUp { reason: it.reason }),
            Self::Documented(_) => C::Phone(phone::Command::Documented {}),
            Self::Respond(it) => C::Alarms(alarms::Command::Respond { with: it.with, helper: it.helper }),
            Self::Arrive(_) => C::Alarms(alarms::Command::Arrive {}),
            Self::Close(it) => C::Alarms(alarms::Command::Close { outcome: it.outcome }),
            Self::Redirect(it) => C::Alarms(alarms::Command::Redirect { to: it.to }),
            Self::ContestRedirect(it) => C::Alarms(alarms::Command::ContestRedirect { reason: it.reason }),
            Self::JustifyBegin(_) => C::Alarms(alarms::Command::JustifyBegin {}),
            Self::JustifySent(JustifySent { channel, text: Some(text), .. }) => {
                return Ok(ForDomain::WriteThrough(Through::Justification { channel, text }));
            }
            Self::JustifySent(it) => {
                C::Alarms(alarms::Command::JustifySent { channel: it.channel, reference: it.reference })
            }
            Self::TechnicalDone(_) => C::Alarms(alarms::Command::TechnicalDone {}),
            Self::Done(it) => match board {
                Some(Board::Sources) => C::Sources(sources::Command::Done {}),
                Some(Board::Visits) => C::Visits(visits::Command::Done {}),
                Some(Board::Duties) => {
                    let Done { reference, to, told_at } = it;
                    C::Duties(duties::Command::Done { reference, to, told_at })
                }
                _ => return Err(Problem::field(422, "unknown-command", "command.type")),
            },
            Self::Notify(Notify { what, agreement, citizen }) => {
                C::Duties(duties::Command::Notify { what, agreement, citizen })
            }
            Self::Postpone(it) => C::Duties(duties::Command::Postpone { until: it.until, reason: it.reason }),
            Self::OpenStay(OpenStay { agreement, citizen, expected_at, told_by })
            | Self::Expect(Expect { agreement, citizen, expected_at, told_by }) => {
                C::Discharges(discharges::Command::Open { agreement, citizen, expected_at, told_by })
            }
            Self::Resume(_) => C::Discharges(discharges::Command::Resume {}),
            Self::Stop(it) => C::Discharges(discharges::Command::Stop { reason: it.reason }),
            Self::TickStep(it) => C::Discharges(discharges::Command::Step { step: it.step, done: it.done }),
            Self::StillThere(_) => C::Discharges(discharges::Command::StillThere {}),
            Self::AssessorsTold(it) => C::Discharges(discharges::Command::AssessorsTold { told: it.told }),
            Self::JoinStay(it) => C::Discharges(discharges::Command::Join { same_as: it.same_as }),
            Self::ContactCitizen(it) => C::Visits(visits::Command::Contact { reached: it.reached }),
            Self::MoveVisit(MoveVisit { to, asked_by, confirmed }) => {
                C::Visits(visits::Command::Move { to, asked_by, confirmed })
            }
            Self::ReplaceVisit(ReplaceVisit { at, confirmed }) => {
                C::Visits(visits::Command::Replace { at, confirmed })
            }
            Self::DoorStep(DoorStep { step, done, outcome }) => {
                C::Visits(visits::Command::Door { step, done, outcome })
            }
            Self::CancelVisit(CancelVisit { by, told_at, confirmed }) => {
                C::Visits(visits::Command::Cancel { by, told_at, confirmed })
            }
            Self::SignOn(it) => C::Shift(shift::Command::SignOn { until: it.until }),
            Self::SignOff(_) => C::Shift(shift::Command::SignOff {}),
        };
        Ok(ForDomain::Command(command))
    }

    /// Closing, redirecting and stopping demand the version that was read.
    pub fn demands_version(&self) -> bool {
        matches!(self, Self::Close(_) | Self::Redirect(_) | Self::Stop(_))
    }
}
