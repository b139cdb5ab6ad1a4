//! What the desk asks of the world: plain data, compared in tests, carried out in `run`.

use crate::protocol::closed::ClosedQuery;
use crate::protocol::{AgreementId, CitizenId, CommandRequest, EntryId};

/// Why a citizen's data is looked at; goes into the log of looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Duty,
    Handover,
    FollowUp,
    Complaint,
    Inspection,
}

impl Purpose {
    pub const ALL: [Purpose; 5] =
        [Self::Duty, Self::Handover, Self::FollowUp, Self::Complaint, Self::Inspection];

    /// As in the header `Purpose`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Duty => "duty",
            Self::Handover => "handover",
            Self::FollowUp => "follow-up",
            Self::Complaint => "complaint",
            Self::Inspection => "inspection",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send, and try again under the same id until there is an answer.
    Submit(CommandRequest),
    FetchEntry {
        entry: EntryId,
        purpose: Purpose,
    },
    /// What the log knows of a citizen.
    FetchHistory {
        citizen: CitizenId,
        /// Of the entry that is asked from: another municipality may have another citizen of that id.
        agreement: Option<AgreementId>,
        purpose: Purpose,
    },
    FetchAgreements,
    /// Open entries that the board does not carry: by number, citizen or what the outside calls them.
    Find(String),
    /// What is over: the page that is asked for.
    FetchClosed(ClosedQuery),
    /// Something is missing in the replica: fetch the board anew.
    Resync,
    Bell,
    /// A notice on the desktop: counts only, never a citizen's data.
    Notify {
        ringing: usize,
    },
    SetTitle {
        alarms: usize,
        ringing: usize,
    },
    /// To the clipboard of the terminal's owner.
    Copy(String),
    Redraw,
    /// Give the terminal to the shell until it brings the desk back.
    Suspend,
    Quit,
}
