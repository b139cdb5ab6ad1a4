//! What the columns and values of a route list mean: the built-in words, and a file for each system that has others.
//!
//! Owns our fields and every word for them. Must never see a row.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::observation::{CancelledBy, Grant, Help};

/// What we read of a visit. Nothing else of a row is ever looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The visit's own id: the same in every list.
    Visit,
    /// The care system's opaque id, or a CPR number that the care system is asked about.
    Citizen,
    Help,
    Grant,
    /// Date and time; or a time alone beside `date`.
    AgreedAt,
    Date,
    WindowFrom,
    WindowTo,
    ExpectedAt,
    StartedAt,
    DoneAt,
    Status,
    CancelledBy,
    ToldAt,
}

/// What a status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Planned,
    Started,
    Done,
    Cancelled,
    /// Cancelled, and by whom.
    CancelledByCitizen,
    DoorUnanswered,
    /// The row says nothing that concerns us.
    PassOver,
}

/// What holds where a row says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    #[serde(default)]
    pub grant: Option<Grant>,
    #[serde(default)]
    pub help: Option<Help>,
    #[serde(default)]
    pub cancelled_by: Option<CancelledBy>,
}

/// One column's name, or several that mean the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

/// The file. What it says of a field replaces the built-in names of that field; values are added.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    separator: Option<char>,
    columns: BTreeMap<Field, Names>,
    help: BTreeMap<String, Help>,
    grant: BTreeMap<String, Grant>,
    status: BTreeMap<String, Status>,
    cancelled_by: BTreeMap<String, CancelledBy>,
    defaults: Defaults,
}

/// Words for columns and values, without regard to capitals, spaces and signs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "File")]
pub struct Mapping {
    /// Between two cells; none: found out from the first line.
    pub separator: Option<char>,
    columns: BTreeMap<Field, Vec<String>>,
    help: BTreeMap<String, Help>,
    grant: BTreeMap<String, Grant>,
    status: BTreeMap<String, Status>,
    cancelled_by: BTreeMap<String, CancelledBy>,
    pub defaults: Defaults,
}

const COLUMNS: &[(Field, &[&str])] = &[
    (Field::Visit, &["visit", "visit id", "besøg", "besøgs id", "besøgsid", "besøgsnummer", "besøgsnr"]),
    (Field::Citizen, &["citizen", "citizen id", "borger", "borger id", "borgerid", "cpr", "cpr nummer"]),
    (Field::Help, &["help", "hjælp", "ydelsestype", "hjælpetype", "ydelse", "indsats"]),
    (Field::Grant, &["grant", "bevilling", "bevillingstype", "lovgrundlag"]),
    (
        Field::AgreedAt,
        &[
            "agreed at",
            "agreed",
            "planned at",
            "aftalt",
            "aftalt tid",
            "planlagt",
            "planlagt start",
            "starttid",
            "start",
        ],
    ),
    (Field::Date, &["date", "dato", "besøgsdato"]),
    (Field::WindowFrom, &["window from", "tidligst", "vindue fra"]),
    (Field::WindowTo, &["window to", "senest", "vindue til"]),
    (Field::ExpectedAt, &["expected at", "expected", "forventet", "forventet start", "forventet tid"]),
    (Field::StartedAt, &["started at", "started", "startet", "faktisk start", "påbegyndt", "ankomst"]),
    (Field::DoneAt, &["done at", "done", "afsluttet", "udført", "faktisk slut", "kvitteret"]),
    (Field::Status, &["status", "besøgsstatus", "tilstand"]),
    (Field::CancelledBy, &["cancelled by", "aflyst af"]),
    (Field::ToldAt, &["told at", "meddelt", "aflyst den", "ændret"]),
];

const HELP: &[(Help, &[&str])] = &[
    (Help::Personal, &["personal", "personlig pleje", "personlig", "pleje", "morgenpleje", "aftenpleje"]),
    (Help::Practical, &["practical", "praktisk hjælp", "praktisk", "rengøring", "tøjvask", "indkøb"]),
    (Help::Food, &["food", "mad", "måltid", "kost", "madservice"]),
    (Help::Nursing, &["nursing", "sygepleje"]),
    (Help::Training, &["training", "træning", "genoptræning", "rehabilitering"]),
];

const GRANT: &[(Grant, &[&str])] = &[
    (Grant::Pathway, &["pathway", "forløb", "helhedspleje", "ældreloven"]),
    (Grant::Service, &["service", "ydelse", "enkeltydelse", "serviceloven"]),
];

const STATUS: &[(Status, &[&str])] = &[
    (Status::Planned, &["planned", "planlagt", "disponeret"]),
    (Status::Started, &["started", "startet", "påbegyndt", "i gang", "ankommet"]),
    (Status::Done, &["done", "completed", "udført", "afsluttet", "gennemført", "kvitteret"]),
    (Status::Cancelled, &["cancelled", "canceled", "aflyst", "annulleret"]),
    (Status::CancelledByCitizen, &["afbud", "afbud fra borger", "aflyst af borger"]),
    (Status::DoorUnanswered, &["door unanswered", "ikke hjemme", "forgæves gang", "ingen åbner", "låst dør"]),
];

const CANCELLED_BY: &[(CancelledBy, &[&str])] = &[
    (CancelledBy::Citizen, &["citizen", "borger", "borgeren", "pårørende"]),
    (CancelledBy::Provider, &["provider", "leverandør", "leverandøren"]),
    (CancelledBy::Municipality, &["municipality", "kommune", "kommunen", "visitationen"]),
];

fn words<T: Copy>(table: &[(T, &[&str])]) -> BTreeMap<String, T> {
    table.iter().flat_map(|(code, words)| words.iter().map(|word| (plain(word), *code))).collect()
}

/// Letters and digits only, small: `Besøgs-ID` and `besøgs id` are the same word. Danish letters as their two-letter
/// forms, so that a list without them is read as well.
pub fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match c {
            'æ' => plain.push_str("ae"),
            'ø' => plain.push_str("oe"),
            'å' => plain.push_str("aa"),
            c if c.is_alphanumeric() => plain.push(c),
            _ => {}
        }
    }
    plain
}

impl Default for Mapping {
    fn default() -> Self {
        Self::from(File::default())
    }
}

impl From<File> for Mapping {
    fn from(file: File) -> Self {
        let mut columns: BTreeMap<Field, Vec<String>> = COLUMNS
            .iter()
            .map(|(field, names)| (*field, names.iter().map(|it| plain(it)).collect()))
            .collect();
        for (field, names) in file.columns {
            let names = match names {
                Names::One(name) => vec![name],
                Names::Several(names) => names,
            };
            let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
            // A column that is claimed for one field is no other field's by its built-in name.
            for (other, built_in) in &mut columns {
                if *other != field {
                    built_in.retain(|name| !names.contains(name));
                }
            }
            columns.insert(field, names);
        }
        Self {
            separator: file.separator,
            columns,
            help: with(words(HELP), file.help),
            grant: with(words(GRANT), file.grant),
            status: with(words(STATUS), file.status),
            cancelled_by: with(words(CANCELLED_BY), file.cancelled_by),
            defaults: file.defaults,
        }
    }
}

fn with<T>(mut built_in: BTreeMap<String, T>, file: BTreeMap<String, T>) -> BTreeMap<String, T> {
    built_in.extend(file.into_iter().map(|(word, code)| (plain(&word), code)));
    built_in
}

impl Mapping {
    /// The field a column stands for. Of two columns for one field the earlier name in the list of names wins, so
    /// the place in that list comes with it.
    pub fn field(&self, column: &str) -> Option<(Field, usize)> {
        let column = plain(column);
        self.columns
            .iter()
            .find_map(|(field, names)| names.iter().position(|name| *name == column).map(|at| (*field, at)))
    }

    pub fn help(&self, word: &str) -> Option<Help> {
        self.help.get(&plain(word)).copied()
    }

    pub fn grant(&self, word: &str) -> Option<Grant> {
        self.grant.get(&plain(word)).copied()
    }

    pub fn status(&self, word: &str) -> Option<Status> {
        self.status.get(&plain(word)).copied()
    }

    pub fn cancelled_by(&self, word: &str) -> Option<CancelledBy> {
        self.cancelled_by.get(&plain(word)).copied()
    }
}
