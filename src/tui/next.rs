//! The next step as an act: which verb takes it. What stands under *Næste* is then the first key hinted and the first
//! act in the menu.

use crate::protocol::Entry;
use crate::protocol::attention::Next;

/// The verb that takes the entry's next step; none where it is no one act.
pub fn verb(entry: &Entry) -> Option<&'static str> {
    Some(match entry.attention.next {
        Next::Claim | Next::RedirectOrClaim => "claim",
        Next::Respond => "respond",
        Next::Arrive => "arrive",
        Next::Close => "close",
        Next::TechnicalDone => "technical.done",
        Next::JustifyBegin => "justify.begin",
        Next::JustifySend => "justify.sent",
        Next::Answer => "answer",
        Next::CloseMissed => "give-up",
        Next::CallBack => "call-back",
        Next::Contact => "contact",
        Next::DoorSteps => "door",
        Next::Replace | Next::AskOrReplace => "replace",
        Next::OfferAnotherDay => "move",
        Next::Prepare => "step",
        Next::Resume | Next::ResumeOrLook => "resume",
        Next::Stop | Next::StopHelpAgain => "stop",
        Next::AssessorsTold => "assessors-told",
        Next::AskMoved | Next::AskStillThere => "still-there",
        Next::Receipt
        | Next::PutInByHand
        | Next::DoActionPlan
        | Next::DoDocumentation
        | Next::DoHospitalMessages
        | Next::DoFollowUp
        | Next::DoStartOfHelp
        | Next::DoAgreeTime
        | Next::DoImmediateNotice
        | Next::DoNoticeTakenBack => "done",
        Next::SettleComplaint | Next::ForwardComplaint => "settle",
        Next::Nothing
        | Next::SayWhatWasDone
        | Next::LookAtSource
        | Next::ReportToAssessors
        | Next::CheckPlan => return None,
    })
}
