//! Social care alarms over SIP (SCAIP): the alarm units in citizens' homes tell us themselves.
//!
//! sip: the transport. sockets: what is read; arrived: a request; flow: the way back; contacts: the way to a unit; counted:
//! who sends too many. frames: bytes -> messages; head: their heads; served: what was answered and may come again; pure.
//! wire: a body -> a request, and an answer -> a body; salvage: what of a broken one can be read. codes: the one table of
//! what units say. translate: what a request means for the boards, and what is answered; pure. auth: digest
//! authentication. parts: what a unit says in several messages. pulse: who should be heard and is not. memory: that over
//! a restart. trust: whom we call by TLS. link: the listener. answers: what is told to units, apart from what is taken in.
//! start: the receivers of the settings, opened. ask: the other side of it, to try whether alarms get through.
//!
//! A unit gets its SIP 200 when the alarm is on disk; the answer *handled* only when a person's claim is, *not treated*
//! only when the ring-out is, until then *hold*. A unit that says that more parts follow has its SIP 200 and its alarm at
//! once, and the answer after the last part.
//!
//! An alarm is never refused for its form while it can be read who sent it: it rings as *unreadable*, if nothing more is
//! known. One that does not say that much is a duty for whoever is on shift.
//!
//! # What a unit is called
//!
//! `cid`, the account number, is the device id: that is what a care system knows, so it is asked by it who the
//! citizen is. An alarm's id is `cid/ref`, since a reference is only unique to its unit; the second session under a
//! reused reference is `cid/ref/2`. What cannot be an id (it has the shape of a CPR number, or a character that no id
//! has) becomes a digest of itself: the alarm rings all the same, and only the care system cannot tell whose it is.

mod answers;
mod arrived;
pub mod ask;
pub mod auth;
pub mod codes;
mod contacts;
mod counted;
mod flow;
pub mod frames;
pub mod head;
pub mod link;
mod memory;
pub mod parts;
pub mod places;
pub mod pulse;
pub mod salvage;
mod served;
pub mod settings;
pub mod sip;
mod sockets;
mod start;
pub mod translate;
pub mod trust;
pub mod wire;
mod words;

pub use start::{CannotStart, Means, start};
