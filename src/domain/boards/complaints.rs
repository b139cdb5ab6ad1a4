//! Complaints (J 3.2.2, N 3.7.3): taken by whoever hears them, oral or written; solved by us, or sent on to the municipality.
//!
//! Owns what a complaint is about in a word, and by which contract it must go on. Must never know what was said, nor of
//! whom: the text is a note in the care system.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Column, Decided, OnBoard, agreement_of, untold};
use crate::domain::against::{Against, warned};
use crate::domain::agreement::{Agreement, Complaints, Value};
use crate::domain::entry::{Body, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{AgreementId, CitizenId, Reference};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::{CorrectionReason, vocabulary};
use crate::domain::{Ctx, Event, State};

vocabulary! {
    /// States, in the words of the outside contract.
    ComplaintState {
        Open,
        Solved,
        Forwarded,
        Withdrawn,
    }
}
vocabulary! {
    /// How it came.
    Form {
        Oral,
        Written,
    }
}
vocabulary! {
    /// What it is about.
    Subject {
        NotVisited,
        Late,
        Quality,
        Conduct,
        Information,
        Property,
        Other,
    }
}
vocabulary! {
    /// How it was settled.
    Settlement {
        /// The municipality has it.
        Forwarded,
        /// We put it right, and who complained agrees.
        Solved,
        /// Both.
        SolvedAndForwarded,
    }
}
vocabulary! {
    /// What may be corrected about a complaint.
    Correctable {
        /// It was none, or is another entry.
        Complaint,
        Settlement,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Complaint {
    pub form: Form,
    pub subject: Subject,
    pub settled: Option<Settled>,
    /// It was none.
    pub withdrawn: bool,
}

/// How it was settled, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    pub how: Settlement,
    pub at: DateTime<Utc>,
    /// Where the municipality finds it.
    pub reference: Option<Reference>,
    /// The clause that it speaks against: solved, and not sent on.
    pub against_contract: Option<String>,
}

verbs! {
    /// What a coordinator does with a complaint.
    Command {
        /// By hand: somebody complained. `agreement` says to which municipality it belongs, unless the person has only one.
        "receive" [Light, Nothing] => Receive {
            form: Form,
            what: Subject,
            agreement: Option<AgreementId>,
            citizen: Option<CitizenId>,
        }
        "settle" [Asked, Entry] => Settle {
            outcome: Settlement,
            reference: Option<Reference>,
            /// The warning that the contract speaks against it was read.
            #[serde(default)]
            confirmed: bool,
        }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ComplaintEvent {
    Received {
        #[serde(flatten)]
        opening: Opening,
        form: Form,
        what: Subject,
    },
    Settled {
        outcome: Settlement,
        reference: Option<Reference>,
        against_contract: Option<String>,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
    },
}

/// Which complaints go on to the municipality, by the agreements that the entry may belong to.
pub fn forwarding<'s>(state: &'s State, entry: &'s Entry) -> Option<&'s Value<Complaints>> {
    let rule = |rules: &'s Agreement| rules.duties.complaints_forwarded.as_ref();
    let mut rules = state.rules(entry.agreements()).filter_map(rule);
    let first = rules.next()?;
    // Of several the strictest.
    Some(rules.find(|it| *it.value() == Complaints::All).unwrap_or(first))
}

impl Complaint {
    pub fn state(&self) -> ComplaintState {
        match (self.withdrawn, self.settled.as_ref().map(|it| it.how)) {
            (true, _) => ComplaintState::Withdrawn,
            (false, Some(Settlement::Forwarded | Settlement::SolvedAndForwarded)) => {
                ComplaintState::Forwarded
            }
            (false, Some(Settlement::Solved)) => ComplaintState::Solved,
            (false, None) => ComplaintState::Open,
        }
    }

    fn settle(
        &self,
        state: &State,
        ctx: &Ctx,
        entry: &Entry,
        outcome: Settlement,
        reference: Option<&Reference>,
        confirmed: bool,
    ) -> Decided {
        if self.state() != ComplaintState::Open {
            return Err(entry.wrong_state());
        }
        entry.not_held_by_other(ctx)?;
        let all = forwarding(state, entry).filter(|it| *it.value() == Complaints::All);
        let is_kept = outcome == Settlement::Solved;
        let against_contract = warned(all.filter(|_| is_kept).and_then(Against::of), confirmed)?;
        let event = ComplaintEvent::Settled { outcome, reference: reference.cloned(), against_contract };
        Ok(vec![entry.draft(ctx.at, Event::Complaints(event))])
    }

    fn correct(&self, ctx: &Ctx, entry: &Entry, what: Correctable, reason: CorrectionReason) -> Decided {
        let stands = match what {
            Correctable::Complaint => !self.withdrawn,
            Correctable::Settlement => self.settled.is_some() && !self.withdrawn,
        };
        if !stands {
            return Err(Refusal::NothingToCorrect);
        }
        Ok(vec![entry.draft(ctx.at, Event::Complaints(ComplaintEvent::Corrected { what, reason }))])
    }
}

fn receive(
    state: &State,
    ctx: &Ctx,
    (form, what): (Form, Subject),
    agreement: Option<&AgreementId>,
    citizen: Option<&CitizenId>,
) -> Decided {
    let agreement = agreement_of(state, ctx, agreement)?;
    Ok(vec![untold(ctx, state.free_number(0), agreement, citizen, Vec::new(), |opening| {
        Event::Complaints(ComplaintEvent::Received { opening, form, what })
    })])
}

impl Column for Complaint {
    type Command = Command;
    type Event = ComplaintEvent;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(_record: &Record, event: &'e ComplaintEvent) -> Option<(&'e Opening, Self)> {
        let ComplaintEvent::Received { opening, form, what } = event else { return None };
        Some((opening, Self { form: *form, subject: *what, settled: None, withdrawn: false }))
    }

    fn apply(entry: &mut Entry, record: &Record, event: &ComplaintEvent) {
        let Body::Complaints(complaint) = &mut entry.body else { return };
        match event {
            ComplaintEvent::Received { .. } => {}
            ComplaintEvent::Settled { outcome, reference, against_contract } => {
                complaint.settled = Some(Settled {
                    how: *outcome,
                    at: record.happened_at,
                    reference: reference.clone(),
                    against_contract: against_contract.clone(),
                });
            }
            ComplaintEvent::Corrected { what: Correctable::Complaint, .. } => complaint.withdrawn = true,
            ComplaintEvent::Corrected { what: Correctable::Settlement, .. } => complaint.settled = None,
        }
    }

    fn settle(entry: &mut Entry, at: DateTime<Utc>) {
        let is_open = Self::of(&entry.body).is_some_and(|it| it.state() == ComplaintState::Open);
        if is_open { entry.reopen() } else { entry.close(at) }
    }

    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        match command {
            Command::Receive { .. } => Err(Refusal::WrongBoard { board: entry.board() }),
            Command::Settle { outcome, reference, confirmed } => {
                self.settle(state, ctx, entry, *outcome, reference.as_ref(), *confirmed)
            }
            Command::Correct { what, reason } => self.correct(ctx, entry, *what, *reason),
        }
    }

    fn open(state: &State, ctx: &Ctx, command: &Command) -> Decided {
        match command {
            Command::Receive { form, what, agreement, citizen } => {
                receive(state, ctx, (*form, *what), agreement.as_ref(), citizen.as_ref())
            }
            Command::Settle { .. } | Command::Correct { .. } => Err(Refusal::EntryMissing),
        }
    }
}
