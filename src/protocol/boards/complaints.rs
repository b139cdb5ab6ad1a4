//! Complaints on the wire: what somebody complained of, and where that went.
//!
//! Owns a complaint's details: how they are made, what is offered and what it asks for. Must never know another board's
//! details.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::super::action::{Action, FieldKind, field, opening, word};
use super::super::attention::{Attention, Level, Next, Why};
use super::super::head::Head;
use super::super::sight::Shown;
use super::column::Column;
use super::offer::{Offer, correction, offer};
use crate::domain;
use crate::domain::agreement::Complaints;
use crate::domain::complaints::{Command as C, Complaint, Form, Settlement, Subject, forwarding};
use crate::domain::identity::AgreementId;
use crate::domain::vocabulary::Word;

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ComplaintDetails {
    pub form: Form,
    pub what: Subject,
    /// Which complaints the agreement wants to be sent on.
    pub forwarded: Option<Complaints>,
    /// The contract's clause that says so.
    pub clause: Option<String>,
    pub outcome: Option<Settlement>,
    pub settled_at: Option<DateTime<Utc>>,
    pub reference: Option<String>,
    /// The clause that the settlement speaks against.
    pub against_contract: Option<String>,
}

impl Column for ComplaintDetails {
    type Body = Complaint;
    type Command = C;

    fn project(complaint: &Complaint, shown: Shown<'_>) -> Self {
        let rule = forwarding(shown.state, shown.entry);
        let settled = complaint.settled.as_ref();
        Self {
            form: complaint.form,
            what: complaint.subject,
            forwarded: rule.map(|rule| *rule.value()),
            clause: rule.and_then(|rule| rule.clause()).map(|clause| clause.as_str().to_owned()),
            outcome: settled.map(|it| it.how),
            settled_at: settled.map(|it| it.at),
            reference: settled.and_then(|it| it.reference.clone()).map(String::from),
            against_contract: settled.and_then(|it| it.against_contract.clone()),
        }
    }

    fn remnant(_: &Complaint, _: DateTime<Utc>) -> Self {
        Self {
            form: Form::Oral,
            what: Subject::Other,
            forwarded: None,
            clause: None,
            outcome: None,
            settled_at: None,
            reference: None,
            against_contract: None,
        }
    }

    fn offers(_: &Complaint, _: Shown<'_>) -> Vec<Offer<C>> {
        let fields = vec![
            word("outcome", Settlement::ALL),
            field("reference", FieldKind::Reference, false, &[]),
            field("confirmed", FieldKind::Yes, false, &[]),
        ];
        let settle = C::Settle { outcome: Settlement::Forwarded, reference: None, confirmed: false };
        vec![offer(fields, settle)]
    }

    fn correction(shown: Shown<'_>) -> Option<Offer<C>> {
        Some(correction(shown, domain::Command::Complaints, |what, reason| C::Correct { what, reason }))
    }

    fn attention(&self, _: Head<'_>, _: DateTime<Utc>) -> Option<Attention> {
        let next = match self.forwarded {
            Some(Complaints::All) => Next::ForwardComplaint,
            Some(Complaints::Unresolved) | None => Next::SettleComplaint,
        };
        Some(Attention::new(Level::Duty, Why::Complaint, next))
    }
}

/// Taking a complaint down: how it came and what it is about. For whoever may use these agreements.
pub fn opening_a_complaint(agreements: &[AgreementId]) -> Action {
    let fields = vec![
        word("form", Form::ALL),
        word("what", Subject::ALL),
        field("citizen", FieldKind::Citizen, false, &[]),
    ];
    opening("complaints.receive", agreements, 2, fields)
}
