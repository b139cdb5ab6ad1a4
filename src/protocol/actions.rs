//! Actions: what may be done to an entry, and its refusal if it is not to be had just now.
//!
//! Owns what every board offers, and that the refusals come from the domain itself (the command is decided on trial), so
//! that the list and the rule cannot differ. What a board offers besides, and in which order, is the board's own.

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use super::action::{Action, Field, FieldKind};
use super::action::{field, word};
pub use super::boards::discharges::opening_a_stay;
pub use super::boards::duties::opening_a_notice;
use super::boards::{self, MadeUp, Offer, offer};
use super::commands::{Command, NOTE, Weight, weight_of};
use super::problem::Problem;
use super::sight::{Shown, Sight};
use crate::domain::agreement::Matter;
use crate::domain::entry::{self, Entry};
use crate::domain::identity::{EntryId, ExternalId};
use crate::domain::vocabulary::Word;
use crate::domain::{self, Actor, Ctx, Refusal, State, duties};

/// Every action of the entry's board with its refusal as of `now`, for nobody in particular of those who see so much.
pub fn actions(state: &State, entry: &Entry, sight: Sight<'_>, now: DateTime<Utc>) -> Vec<Action> {
    let shown = Shown { state, entry, sight, now };
    let (board, nobody) = (entry.board(), shown.nobody());
    let mut offers = boards::offers(shown);
    offers.extend(common_offers(shown));
    // What even the holder may not do is refused for that reason; only then for being somebody else's.
    let holder = entry.holder.as_ref().map(|it| Ctx::new(now, Actor::Person(it.name.clone()), Uuid::nil()));
    let depends_on_who_asks = |offer: &Offer<domain::Command>| {
        use entry::Command as C;
        matches!(&offer.trial, domain::Command::Entry(C::Claim {} | C::TakeOver {} | C::Release {}))
    };
    let as_holder =
        |offer: &Offer<domain::Command>| domain::trial(state, holder.as_ref()?, entry, &offer.trial);
    offers
        .into_iter()
        .map(|offer| {
            let (own, others) = (as_holder(&offer), domain::trial(state, &nobody, entry, &offer.trial));
            let (own, refusal) = match depends_on_who_asks(&offer) {
                true => (own.filter(|_| others.is_none()), others),
                false => (None, own.or(others)),
            };
            // One for an argument that was made up says nothing.
            let is_of_trial = |refusal: &Refusal| offer.made_up.is_some_and(|it| it.is_refused_by(refusal));
            let refusal = refusal.filter(|refusal| !is_of_trial(refusal));
            let holder = entry.holder.as_ref().map(|it| it.name.as_str()).unwrap_or_default();
            let verb = verb(offer.trial);
            Action {
                verb: format!("{}.{verb}", board.name()),
                fields: offer.fields,
                confirm: weight_of(board, verb) >= Weight::Grave,
                refused: refusal.as_ref().map(Problem::from),
                refused_to_holder: own.map(|own| Problem::from(&own).with("holder", holder)),
            }
        })
        .collect()
}

/// What a person says to give it. What the server records of an entry by itself is what it wrote of a person's note.
fn verb(trial: domain::Command) -> &'static str {
    match trial {
        domain::Command::OfServer(entry::OfServer::NoteWritten { .. }) => NOTE.name,
        other => Command::from(other).name().map_or("", |(_, verb)| verb),
    }
}

fn common_offers(shown: Shown<'_>) -> Vec<Offer<domain::Command>> {
    use entry::Command as C;
    let wrap = domain::Command::Entry;
    let mut offers = vec![
        offer(vec![], wrap(C::Claim {})),
        offer(vec![], wrap(C::TakeOver {})),
        offer(vec![], wrap(C::Release {})),
    ];
    if boards::is_of_citizens(shown.entry.board()) {
        let receipt = ExternalId::new("trial").expect("a constant id");
        let note = domain::Command::OfServer(entry::OfServer::NoteWritten { receipt });
        offers.push(offer(vec![field("text", FieldKind::Text, true, &[])], note));
        let notify = duties::Command::Notify { what: Matter::ALL[0], agreement: None, citizen: None };
        let notify = offer(vec![word("what", Matter::ALL)], domain::Command::Duties(notify));
        offers.push(notify.made_up(MadeUp::Matter));
    }
    offers.extend(boards::correction(shown));
    let to = vec![field("to", FieldKind::Entry, true, &[])];
    offers.push(offer(to, wrap(C::Link { to: EntryId(Uuid::nil()) })).made_up(MadeUp::Entry));
    offers
}
