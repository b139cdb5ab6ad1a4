//! A SCAIP request -> observations, and where an alarm stands -> the answer. Pure.
//!
//! What the codes mean stands in `codes`. Must never keep a text or a number: they go beside the observation, as live
//! data.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::codes::{self, Says};
use super::settings::Settings;
use super::wire::{Kind, Request, Status};
use crate::domain::identity::{Code, ExternalId, Key};
use crate::domain::masking::{Field, Masked, Masking};
use crate::domain::observation::{Ends, Observation, Rank};
use crate::protocol::observations::{LiveFacts, Observed, Said};
use crate::protocol::text::{TEXT_CHARS_MAX, Text};
use crate::sources::{AlarmStanding, Stands};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    Person,
    /// Battery, mains, line, tamper: kept apart.
    Technical,
    /// An installer's.
    Test,
}

/// A request's codes, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    pub sort: Sort,
    pub trigger: Code,
    /// The unit says that what it told before is over.
    pub is_reset: bool,
    /// It is not about an alarm: it opens nothing.
    pub word: Option<Word>,
}

/// What a unit says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Well(Ends),
    Presence,
}

/// The trigger of an alarm of which nothing but its unit could be read.
const UNREADABLE: &str = "unreadable";
/// Digits of a telephone number without its country.
const NUMBER_DIGITS: usize = 8;

/// What a unit says, by its codes.
pub fn meaning(request: &Request, settings: &Settings) -> Meaning {
    let says = codes::state(request.state);
    let gives_up = request.kind == Kind::Reset;
    let (sort, trigger) = match says {
        _ if is_test(request, settings) => (Sort::Test, codes::trigger(request.device_type)),
        Says::Technical(trigger) => (Sort::Technical, trigger),
        _ if request.is_broken => (Sort::Person, UNREADABLE),
        _ => (Sort::Person, codes::trigger(request.device_type)),
    };
    let word = match says {
        _ if gives_up => None,
        Says::Well(ends) => Some(Word::Well(ends)),
        Says::Reset => Some(Word::Well(Ends::All)),
        Says::Presence => Some(Word::Presence),
        Says::Rings | Says::Technical(_) | Says::GivenUp => None,
    };
    let is_reset = gives_up || matches!(says, Says::GivenUp | Says::Reset);
    Meaning { sort, trigger: Code::constant(trigger), is_reset, word }
}

fn is_test(request: &Request, settings: &Settings) -> bool {
    let is_test_account =
        request.account.as_ref().is_some_and(|account| settings.test_accounts.contains(account));
    is_test_account || request.info.is_some_and(|info| settings.test_info_codes.contains(&info))
}

/// The device id of an account; see the head of the folder. An account may be the unit's telephone number.
pub fn device(account: &str, masking: &Masking) -> (ExternalId, Option<Masked>) {
    let id = masking.id(Field::Device, account);
    id.unwrap_or_else(|| (id_of_digest("account-", account), Some(Masked::Form)))
}

/// The id of an alarm: `session` counts from 1 and is more for a reference that is used again.
pub fn alarm(account: &str, reference: &str, session: u32, masking: &Masking) -> ExternalId {
    let (device, masked) = device(account, masking);
    let known = match masked.is_some() && repeats(reference, account) {
        true => masking.digest(reference),
        false => masking.id(Field::Other, reference).map(|(id, _)| id),
    };
    let reference = known.unwrap_or_else(|| id_of_digest("reference-", reference));
    let plain = match session {
        1 => format!("{device}/{reference}"),
        _ => format!("{device}/{reference}/{session}"),
    };
    ExternalId::new(plain)
        .unwrap_or_else(|_| id_of_digest("session-", &format!("{device}\n{reference}\n{session}")))
}

/// What a message without a reference is known by: the name of its SIP call, in which units write whatever they like.
pub fn by_call(call_id: &str, masking: &Masking) -> ExternalId {
    masking.digest(call_id).unwrap_or_else(|| id_of_digest("call-", call_id))
}

/// Whether a text holds the digits of an account: then it keeps what the account may not.
fn repeats(text: &str, account: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let number = digits(account);
    let own = &number[number.len().saturating_sub(NUMBER_DIGITS)..];
    !own.is_empty() && digits(text).contains(own)
}

fn id_of_digest(prefix: &'static str, text: &str) -> ExternalId {
    let key = Key::of_bytes(prefix, &Sha256::digest(text.as_bytes())[..16]);
    ExternalId::new(key.as_str()).expect("a short word and letters are an id")
}

/// A key for what is said of an alarm. With the date: a reference of long ago must not silence one of today. The
/// same session over midnight is told apart by the alarm's id.
fn key(prefix: &'static str, alarm: &ExternalId, now: DateTime<Utc>, content: &str) -> Key {
    let text = format!("{alarm}\n{}\n{content}", now.date_naive());
    Key::of_bytes(prefix, &Sha256::digest(text.as_bytes())[..16])
}

fn observed(settings: &Settings, key: Key, at: DateTime<Utc>, observation: Observation) -> Observed {
    Observed {
        key,
        at,
        agreement: Some(settings.agreement.clone()),
        candidates: Vec::new(),
        rank: Rank::Event,
        observation,
        live: LiveFacts::default(),
        said: Said::default(),
    }
}

/// What an alarm says, for the first time or again: the same key, so that it is one alarm.
pub fn raised(
    settings: &Settings,
    request: &Request,
    meaning: &Meaning,
    (alarm, device): (&ExternalId, Option<&ExternalId>),
    from_user: Option<&str>,
    now: DateTime<Utc>,
) -> Observed {
    let content = format!("{}/{:?}", meaning.trigger, meaning.sort);
    let key = key("scaip-raised-", alarm, now, &content);
    signal(settings, request, Some(meaning), (alarm, device), from_user, (key, now))
}

/// More about an alarm that is known: its texts and its number. Never what would make a person's alarm a lesser one.
pub fn updated(
    settings: &Settings,
    request: &Request,
    (alarm, device): (&ExternalId, Option<&ExternalId>),
    from_user: Option<&str>,
    now: DateTime<Utc>,
) -> Observed {
    let key = key("scaip-updated-", alarm, now, "");
    signal(settings, request, None, (alarm, device), from_user, (key, now))
}

/// What a unit says of an alarm; without a meaning nothing but that it is about this one.
fn signal(
    settings: &Settings,
    request: &Request,
    meaning: Option<&Meaning>,
    (alarm, device): (&ExternalId, Option<&ExternalId>),
    from_user: Option<&str>,
    (key, now): (Key, DateTime<Utc>),
) -> Observed {
    let is = |sort: Sort| meaning.is_some_and(|it| it.sort == sort);
    let observation = Observation::AlarmRaised {
        alarm: alarm.clone(),
        device: device.cloned(),
        citizen: None,
        trigger: meaning.map(|it| it.trigger.clone()),
        technical: is(Sort::Technical),
        test: is(Sort::Test),
    };
    Observed { live: live(request, from_user), ..observed(settings, key, now, observation) }
}

/// The unit gave up, or was reset.
pub fn cleared(settings: &Settings, alarm: &ExternalId, now: DateTime<Utc>) -> Observed {
    let observation = Observation::AlarmCleared { alarm: alarm.clone() };
    observed(settings, key("scaip-cleared-", alarm, now, ""), now, observation)
}

/// The unit was told that nobody treats it, and goes to its next receiver.
pub fn redirected(settings: &Settings, alarm: &ExternalId, now: DateTime<Utc>) -> Observed {
    let observation =
        Observation::AlarmRedirected { alarm: alarm.clone(), to: settings.redirects_to.clone() };
    observed(settings, key("scaip-redirected-", alarm, now, ""), now, observation)
}

/// The unit was not heard for too long; `since` is when it was heard last.
pub fn silent(
    settings: &Settings,
    device: &ExternalId,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Observed {
    let observation = Observation::DeviceSilent { device: device.clone() };
    observed(settings, key("scaip-silent-", device, now, &since.timestamp().to_string()), now, observation)
}

/// The unit is heard.
pub fn heard(settings: &Settings, device: &ExternalId, now: DateTime<Utc>) -> Observed {
    let observation = Observation::DeviceHeard { device: device.clone() };
    observed(settings, key("scaip-heard-", device, now, &now.timestamp().to_string()), now, observation)
}

/// What a unit says of itself. Each time it is news: what it ends may have come again.
pub fn word(
    settings: &Settings,
    device: &ExternalId,
    word: Word,
    (reference, now): (Option<&str>, DateTime<Utc>),
) -> Observed {
    let observation = match word {
        Word::Well(ends) => Observation::DeviceWell { device: device.clone(), ends },
        Word::Presence => Observation::DevicePresence { device: device.clone() },
    };
    let content = format!("{word:?}/{}/{reference:?}", now.timestamp_micros());
    observed(settings, key("scaip-word-", device, now, &content), now, observation)
}

/// The texts in one line. Where they are too long each is cut and marked, so that none hides the others.
fn texts(request: &Request) -> String {
    let whole = request.texts.join(" · ");
    if whole.chars().count() <= TEXT_CHARS_MAX {
        return whole;
    }
    let room = TEXT_CHARS_MAX / request.texts.len().max(1) - 4;
    let cut = |text: &String| match text.char_indices().nth(room) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.clone(),
    };
    request.texts.iter().map(cut).collect::<Vec<_>>().join(" · ")
}

fn live(request: &Request, from_user: Option<&str>) -> LiveFacts {
    let text = texts(request);
    let number = numbers(request, from_user).into_iter().next();
    LiveFacts {
        caller: number.map(|number| Text::cut(&number)),
        caller_name: None,
        text: if text.is_empty() { None } else { Some(Text::cut(&text)) },
    }
}

/// Whether the unit can be spoken with.
pub fn has_voice(request: &Request) -> bool {
    request.callers.is_empty() || request.callers.iter().any(|caller| !is_no_voice(caller))
}

fn is_no_voice(caller: &str) -> bool {
    caller.to_ascii_lowercase().starts_with("no-voice")
}

/// Numbers the unit may call from: what it says itself, else who sent the message. Nothing but digits and a plus.
fn numbers(request: &Request, from_user: Option<&str>) -> Vec<String> {
    let said = request.callers.iter().filter(|caller| !is_no_voice(caller));
    let said = said.map(|caller| caller.split_once(':').map_or(caller.as_str(), |(_, rest)| rest));
    let users = said.map(|caller| caller.split(['@', ';']).next().unwrap_or_default());
    let candidates: Vec<&str> =
        if request.callers.is_empty() { from_user.into_iter().collect() } else { users.collect() };
    candidates
        .into_iter()
        .map(|it| it.chars().filter(|c| !matches!(c, ' ' | '-')).collect::<String>())
        .filter(|it| is_number(it))
        .collect()
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The answer to an alarm: *handled* once a person has it, or nobody needs to; *not treated* once it rang out.
pub fn status(stands: Stands) -> Status {
    match stands {
        Stands::Ringing => Status::Hold,
        Stands::Taken | Stands::Apart => Status::Handled,
        Stands::RangOut { .. } => Status::NotTreated,
    }
}

/// Whether an alarm that is known is the one this request is about: of the same sort, and young enough that the
/// sender can still be holding. A reference that is used for something else, or again, is another alarm.
pub fn is_same_session(known: &AlarmStanding, meaning: &Meaning, now: DateTime<Utc>) -> bool {
    let is_sort = meaning.is_reset || (known.stands == Stands::Apart) == (meaning.sort != Sort::Person);
    is_sort && now - known.signalled_at <= SESSION_MAX
}

/// A unit holds for half an hour at most (SCAIP); the rest is for clocks and queues.
const SESSION_MAX: chrono::TimeDelta = chrono::TimeDelta::minutes(45);
