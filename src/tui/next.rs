//! The next step as an act: which verb takes it. What stands under *Næste* is then the first key hinted and the first
//! act in the menu.

use crate::protocol::Entry;

/// The verb that takes the entry's next step; none where it is no one act.
pub fn verb(entry: &Entry) -> Option<&'static str> {
    Some(match entry.attention.next.as_str() {
        "claim" | "redirect-or-claim" => "claim",
        "respond" => "respond",
        "arrive" => "arrive",
        "close" => "close",
        "technical-done" => "technical.done",
        "justify-begin" => "justify.begin",
        "justify-send" => "justify.sent",
        "answer" => "answer",
        "close-missed" => "give-up",
        "call-back" => "call-back",
        "contact" => "contact",
        "door-steps" => "door",
        "replace" | "ask-or-replace" => "replace",
        "receipt" => "done",
        "offer-another-day" => "move",
        "prepare" => "step",
        "resume" | "resume-or-look" => "resume",
        "stop" | "stop-help-again" => "stop",
        "assessors-told" => "assessors-told",
        "ask-moved" => "still-there",
        "put-in-by-hand" => "done",
        next if next.starts_with("do-") => "done",
        _ => return None,
    })
}
