//! Agreements: a contract with one municipality, as data.
//!
//! Owns the shape of every rule that differs by contract, and the three that are built in. Each
//! value is from the contract (with its clause), the provider's own rule, or unset. Must never
//! hold a number of its own: no default, no fall-back. How the file is read, and how a mistake in
//! it is named, is `agreement_file`.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use serde_with::skip_serializing_none;
use sha2::{Digest, Sha256};

use super::agreement_file;
use super::calendar::{self, ClockWindow, Days, ExtraDaysOff};
use super::identity::{AgreementId, Code};
use super::observation::{Grant, Help};
pub use super::toml_reader::{Mistake, Problem};
use super::vocabulary::vocabulary;

/// A value of an agreement and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Value<T> {
    /// Agreed with the municipality.
    Contract {
        value: T,
        clause: Clause,
        /// What the clause says, in one sentence of our own (Danish, as the contract is).
        says: String,
    },
    /// The provider's own habit; the screen marks it "egen regel".
    Own { value: T },
}

impl<T> Value<T> {
    pub fn value(&self) -> &T {
        match self {
            Self::Contract { value, .. } | Self::Own { value } => value,
        }
    }

    /// The clause, when the value is agreed.
    pub fn clause(&self) -> Option<&Clause> {
        match self {
            Self::Contract { clause, .. } => Some(clause),
            Self::Own { .. } => None,
        }
    }

    /// Our one-sentence reading of the clause.
    pub fn says(&self) -> Option<&str> {
        match self {
            Self::Contract { says, .. } => Some(says),
            Self::Own { .. } => None,
        }
    }

    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own { .. })
    }
}

/// A rule of an agreement: `None` is unset, and the board shows nothing rather than a guess.
pub type Rule<T> = Option<Value<T>>;

/// The bare value of a rule, if set.
pub fn value_of<T: Copy>(rule: &Rule<T>) -> Option<T> {
    rule.as_ref().map(|rule| *rule.value())
}

/// True when a yes-or-no rule is set and says yes.
pub fn holds(rule: &Rule<bool>) -> bool {
    value_of(rule).unwrap_or(false)
}

/// The number of a contract's clause, e.g. `3.1.13`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Clause(String);

impl Clause {
    const LONGEST: usize = 20;

    /// Numbers with dots between; anything else is `None`.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text: String = text.into();
        let numbered =
            text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        (numbered && text.len() <= Self::LONGEST).then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Clause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Clause> for String {
    fn from(clause: Clause) -> String {
        clause.0
    }
}

impl TryFrom<String> for Clause {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::new(text).ok_or_else(|| "a clause is numbers with dots between".to_owned())
    }
}

/// A contract with one municipality. Its clock is Europe/Copenhagen, always.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    pub id: AgreementId,
    /// The municipality as people say it, e.g. "Jammerbugt".
    pub name: String,
    /// Which edition of the file this is; shown and stored beside every duty it starts.
    pub version: String,
    /// First local date on which it counts.
    pub valid_from: NaiveDate,
    pub alarms: AlarmRules,
    pub phone: PhoneRules,
    pub duties: DutyRules,
    pub discharges: DischargeRules,
    pub visits: VisitRules,
    pub records: RecordRules,
    pub calendar: CalendarRules,
    pub contacts: Contacts,
    /// What goes to the municipality at once; those of [`Matter`]. (J 3.2)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immediate_notice: Rule<Vec<Matter>>,
    /// The care system that it shares with other agreements: with those that say the same, citizens' ids are one and
    /// the same. Without it its citizens are its own, whatever their ids.
    pub care_system: Option<Code>,
}

impl Agreement {
    /// Reads an agreement file. Errors: every mistake found, with line and key, in order of line.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        agreement_file::read(text)
    }

    /// SHA-256 in hex over the values themselves: comments, order and spacing in the file do not
    /// count, and neither do rules that are unset.
    pub fn hash(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("an agreement has only plain fields and string keys");
        hex::encode(Sha256::digest(canonical))
    }

    /// The contacts one may reach now, in the order of the file.
    pub fn contacts_at(&self, at: DateTime<Utc>) -> Vec<&Contact> {
        self.contacts.at(at, &self.calendar.extra_days_off())
    }

    /// Until when a citizen's cancellation of a visit is in time: the agreed clock time on the
    /// working day before the visit's local date. (J 3.1.5)
    pub fn cancellation_until(&self, visit_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = value_of(&self.visits.cancellation_before)?;
        let day =
            calendar::working_day_before(calendar::local_date(visit_at), &self.calendar.extra_days_off());
        Some(calendar::instant(day.and_time(before)))
    }
}

vocabulary! {
    /// How "within n days" ends.
    DeadlineEnd {
        /// The same clock time on the last day: the strict reading.
        SameClockTime,
        /// The end of the last local date.
        EndOfDay,
    }
}

vocabulary! {
    /// What may be done about an alarm. (J 3.1.13 names these four.)
    Response {
        OwnHelp,
        Nurse,
        Doctor,
        #[serde(rename = "112")]
        #[strum(serialize = "112")]
        Emergency112,
    }
}

/// Answered within so many seconds, for at least so much of a month's calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerTarget {
    pub seconds: u32,
    /// Thousandths, so that 97.5 % is the whole number 975. The file says `percent = 97.5`.
    pub permille: u32,
}

impl AnswerTarget {
    /// How many of `of` calls may miss the target. Below 40 calls not one, at 97.5 %.
    pub fn allowed_misses(&self, of: u64) -> u64 {
        of * u64::from(1000 - self.permille.min(1000)) / 1000
    }
}

/// Alarms (nødkald).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlarmRules {
    /// Calendar days from the ring-out to the written justification. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification_days: Rule<u32>,
    /// How those days end; unset is read as the strict one by [`AlarmRules::justification_due_at`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub justification_until: Rule<DeadlineEnd>,
    /// This many redirects within the window and an action plan is demanded. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_limit: Rule<u32>,
    /// Two redirects count together when their local dates are at most this far apart. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_window_days: Rule<u32>,
    /// Service levels of a month, the shortest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_within: Rule<Vec<AnswerTarget>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_on_site_minutes: Rule<u32>,
    /// An alarm nobody took has rung out after this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring_out_seconds: Rule<u32>,
    /// A claim on an alarm that leads to nothing comes back after this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_minutes: Rule<u32>,
    /// An unclaimed alarm is sounded again this often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bell_repeat_seconds: Rule<u32>,
    /// An alarm that nobody has taken after this long has a second person called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_person_seconds: Rule<u32>,
    /// No desk open for this long: nobody is listening, and a second person is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nobody_listening_seconds: Rule<u32>,
    /// What may be done about an alarm. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Rule<Vec<Response>>,
    /// Not keeping to the action plan may be a material breach; the leader judges. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub material_breach: Rule<bool>,
    /// Acute need beyond the grant out of hours is the municipal nurse's to decide. (J 3.1.10)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nurse_decides_acute_need: Rule<bool>,
}

impl AlarmRules {
    /// When the written justification for an alarm that rang out is due, `None` when unset. Never
    /// extended for a weekend or holiday.
    pub fn justification_due_at(&self, rang_out_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = i64::from(value_of(&self.justification_days)?);
        Some(match value_of(&self.justification_until) {
            Some(DeadlineEnd::EndOfDay) => calendar::end_of_day_after(rang_out_at, days),
            Some(DeadlineEnd::SameClockTime) | None => calendar::plus_calendar_days(rang_out_at, days),
        })
    }

    /// When a redirect falls out of the rolling window: 00:00 local of the first date that is
    /// further away than the window is wide. `None` when unset.
    pub fn redirect_falls_out_at(&self, redirected_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = i64::from(value_of(&self.redirect_window_days)?);
        Some(calendar::starts_of_local_date(calendar::local_date(redirected_at) + Duration::days(days + 1)))
    }
}

/// The phone queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneRules {
    /// One main number, answered around the clock. (J 3.1.12)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_number_always: Rule<bool>,
    /// Service levels of a month, the shortest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_within: Rule<Vec<AnswerTarget>>,
    /// A caller who hangs up sooner than this is left out of the service level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_abandon_seconds: Rule<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_too_long_seconds: Rule<u32>,
    /// A missed call stays on the board this long unless called back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed_kept_days: Rule<u32>,
    /// How soon a missed call is to be called back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_back_minutes: Rule<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_minutes: Rule<u32>,
    /// A talk about a citizen is documented in the care system. (N 3.9.1, J 3.1.6)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Rule<bool>,
    /// How soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_minutes: Rule<u32>,
}

vocabulary! {
    /// Which complaints go on to the municipality.
    Complaints {
        /// All of them. (N 3.7.3)
        All,
        /// At once, those that found no solution locally. (J 3.2.2)
        Unresolved,
    }
}

/// Duties that do not hang on one citizen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DutyRules {
    /// Hospital messages and notices are gone through every day. (J 3.1.3)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hospital_messages_daily: Rule<bool>,
    /// The local clock time at which that daily duty falls due; the contracts name no hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hospital_messages_daily_at: Rule<NaiveTime>,
    /// Too many redirects: the municipality demands an action plan. (J 3.1.13)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_plan: Rule<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaints_forwarded: Rule<Complaints>,
    /// How soon "at once" is when the municipality is to be told of a matter of `immediate_notice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immediate_notice_minutes: Rule<u32>,
    /// Self-control is sent this often. (N 3.7.3: half-yearly)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_control_months: Rule<u32>,
}

/// Hospital stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DischargeRules {
    /// Acute admission: the first day's visits are wasted unless the assessors told before. (N 3.5.3)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day_wasted: Rule<bool>,
    /// Planned admission: the cancelled visits are reported to the assessors. (N 3.5.3)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_planned_admission: Rule<bool>,
    /// Help stops on admission, moving away and death, without a new assessment. (J 3.1.1)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_stops: Rule<bool>,
    /// Acute help to receive groceries may be needed on discharge. (N 3.4)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groceries_help: Rule<bool>,
    /// Steps to tick off before help is resumed; names of [`DischargeStep`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Rule<Vec<DischargeStep>>,
    /// How soon after a discharge help is to be resumed. No contract we know sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_within_minutes: Rule<u32>,
}

/// A delivery window: the clock window and the dates on which it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryWindow {
    pub from: NaiveTime,
    pub to: NaiveTime,
    pub days: Days,
}

impl DeliveryWindow {
    pub fn clock(&self) -> ClockWindow {
        ClockWindow { from: self.from, to: self.to }
    }

    /// True when help may be delivered at an instant.
    pub fn allows(&self, at: DateTime<Utc>, extra: &ExtraDaysOff) -> bool {
        self.clock().covers(at, self.days, extra)
    }
}

/// When help of one kind may be delivered.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRule {
    /// `None`: under either kind of grant.
    pub grant: Option<Grant>,
    pub help: Help,
    pub window: Value<DeliveryWindow>,
}

vocabulary! {
    /// May the provider move a visit of its own accord?
    ProviderMoves {
        /// Not by the provider. (N 3.5.4, personal care)
        Never,
        /// It depends on what the visit is for. (J 3.1.5)
        DependsOnContent,
    }
}

/// A rule about moving visits.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRule {
    /// `None`: every kind of help without a rule of its own.
    pub help: Option<Help>,
    pub by_provider: Value<ProviderMoves>,
}

/// Visits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VisitRules {
    /// From this many minutes early or late the citizen is contacted. (N 3.5.5)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_minutes: Rule<u32>,
    /// Delivery windows by grant and help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowRule>,
    /// Morning care has a window of its own; which visit is morning care, the plan says. (N 3.4)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub morning_care: Rule<DeliveryWindow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveRule>,
    /// A granted visit is never cancelled by the provider. (N 3.2, J 3.1.5)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_never_cancels: Rule<bool>,
    /// Nothing is postponed several times in a row. (N 3.2)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postponed_once_at_most: Rule<bool>,
    /// Practical help postponed by the provider, or during a stay, is owed a replacement. (N 3.2)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement_owed: Rule<bool>,
    /// Practical help on a public holiday is offered another day, food is not. (N 3.2)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holiday_offers_another_day: Rule<bool>,
    /// A move the citizen asks for that the provider cannot meet is the citizen's own
    /// cancellation, and that gives no replacement as a rule. (N 3.5.4)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citizen_cancellation_unreplaced: Rule<bool>,
    /// Local clock time on the working day before, until which a cancellation is in time. (J 3.1.5)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_before: Rule<NaiveTime>,
    /// A new citizen's practical help starts within this many days of the notice. (N 3.4)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_within_days: Rule<u32>,
    /// A time is agreed with a new citizen by the order date. (N 3.4)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agree_by_order_date: Rule<bool>,
    /// A delivered visit is receipted in the care system. (J 3.1.3, N 3.9.1)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipts: Rule<bool>,
    /// What to do when nobody opens; names of [`DoorStep`]. (J 3.1.8, N 3.5.6)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_steps: Rule<Vec<DoorStep>>,
    /// Where the municipality's instruction is to be found: an address, or the name of the portal. (J 3.1.8)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door_instruction: Rule<String>,
    /// Nobody at home and nobody knows where: the municipality is told at once. (J 3.1.8)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_found_told: Rule<bool>,
}

impl VisitRules {
    /// The window for a kind of help under a kind of grant; one for the very grant goes first.
    pub fn window_for(&self, grant: Grant, help: Help) -> Option<&WindowRule> {
        let of_help = || self.windows.iter().filter(|rule| rule.help == help);
        of_help()
            .find(|rule| rule.grant == Some(grant))
            .or_else(|| of_help().find(|rule| rule.grant.is_none()))
    }

    /// What holds when the provider wants to move a visit; a rule for the very help goes first.
    pub fn moves_for(&self, help: Help) -> Option<&Value<ProviderMoves>> {
        let found = self.moves.iter().find(|rule| rule.help == Some(help));
        found.or_else(|| self.moves.iter().find(|rule| rule.help.is_none())).map(|rule| &rule.by_provider)
    }
}

/// Where citizens' data may be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordRules {
    /// Paper with citizens' data: allowed (locked in, shredded after use: N 3.11.4) or not (J 3.1.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paper_allowed: Rule<bool>,
}

/// Days that are no public holidays: does this agreement count them as days off?
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarRules {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_off_24_december: Rule<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_off_31_december: Rule<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_off_5_june: Rule<bool>,
}

impl CalendarRules {
    /// For the calendar; an unset day is a working day.
    pub fn extra_days_off(&self) -> ExtraDaysOff {
        ExtraDaysOff {
            december_24: holds(&self.day_off_24_december),
            december_31: holds(&self.day_off_31_december),
            june_5: holds(&self.day_off_5_june),
        }
    }
}

vocabulary! {
    /// Whom a coordinator may have to reach.
    ContactRole {
        #[serde(rename = "emergency-112")]
        #[strum(serialize = "emergency-112")]
        Emergency112,
        Doctor,
        Nurse,
        MunicipalUnit,
        BackUp,
        Assessors,
    }
}

/// A number to call and the hours it answers. Never a citizen's.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub role: ContactRole,
    pub number: String,
    /// Local hours; `None`: around the clock.
    pub hours: Option<ClockWindow>,
    #[serde(default)]
    pub days: Days,
}

/// The contact cards of an agreement, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contacts(pub Vec<Contact>);

impl Contacts {
    /// Those that answer at an instant. Hours that pass midnight belong to the date they began on.
    pub fn at(&self, at: DateTime<Utc>, extra: &ExtraDaysOff) -> Vec<&Contact> {
        let open = |contact: &&Contact| {
            contact.hours.unwrap_or(ClockWindow::WHOLE_DAY).covers(at, contact.days, extra)
        };
        self.0.iter().filter(open).collect()
    }
}

vocabulary! {
    /// What is ticked off before somebody comes home.
    DischargeStep {
        VisitsPlanned,
        Groceries,
        Medicine,
        Aids,
        Key,
        CitizenPhoned,
    }
}

vocabulary! {
    /// What is done when nobody opens the door.
    DoorStep {
        Windows,
        Light,
        Curtains,
        Car,
        Bicycle,
        MunicipalInstruction,
    }
}

vocabulary! {
    /// What the municipality is told at once (J 3.2), those first that no message tells of and a person must.
    Matter {
        SeriousNeglect,
        Abuse,
        Accident,
        UnservedCitizen,
        Irregularity,
        Admission,
        Death,
        CancelledActivities,
        NotFound,
    }
}

/// The files built in, by agreement id.
const BUILT_IN: [(&str, &str); 3] = [
    ("albertslund", include_str!("agreements/albertslund.toml")),
    ("jammerbugt", include_str!("agreements/jammerbugt.toml")),
    ("norddjurs", include_str!("agreements/norddjurs.toml")),
];

/// The agreements that come with the program, by id.
pub fn built_in() -> Vec<Agreement> {
    BUILT_IN
        .iter()
        .map(|(_, text)| Agreement::parse(text).expect("a test reads every built-in file"))
        .collect()
}

/// The rules that the file built in under the same id sets and this agreement does not have at all, as they would be
/// written: it was adopted before there were such rules, or was made without them.
pub fn newer_rules(adopted: &Agreement) -> Vec<String> {
    let Some(built_in) = built_in().into_iter().find(|it| it.id == adopted.id) else { return Vec::new() };
    let (known, offered) = (serde_json::to_value(adopted), serde_json::to_value(&built_in));
    let (Ok(Json::Object(known)), Ok(Json::Object(offered))) = (known, offered) else { return Vec::new() };
    let sections = offered.iter().filter_map(|(name, section)| Some((name, section.as_object()?)));
    let missing = sections.flat_map(|(name, section)| {
        let has = |rule: &String| known.get(name).and_then(|it| it.get(rule)).is_some();
        let is_rule = |value: &Json| value.get("kind").is_some() && value.get("value").is_some();
        let missing = section.iter().filter(move |(rule, value)| is_rule(value) && !has(rule));
        missing.map(move |(rule, _)| format!("{name}.{rule}"))
    });
    missing.collect()
}

/// The text of a built-in file: what `vagttavle agreement show --file` prints, comments and all.
pub fn built_in_text(id: &AgreementId) -> Option<&'static str> {
    BUILT_IN.iter().find(|(name, _)| *name == id.as_str()).map(|(_, text)| *text)
}
