//! Settings: the only file that reads the settings file, the environment and the places a user keeps things.
//!
//! An unknown key is refused with its line and the nearest right one. Must never know what a setting is used for.

#![expect(clippy::disallowed_methods, reason = "this is where settings are read")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::care::nexus::settings as nexus;
use crate::domain::identity::{AgreementId, ExternalId, SourceName};
use crate::sources::ami::settings as ami;
use crate::sources::canary_call::{CALLER, Callee, is_user};
use crate::sources::scaip::settings as scaip;
use crate::sources::visits;

/// A settings file larger than this is none (bytes).
const FILE_MAX: u64 = 1024 * 1024;

/// What is wrong with a settings file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct BadConfig {
    pub file: String,
    /// From 1; 0 when the file itself is the trouble.
    pub line: usize,
    pub column: usize,
    pub what: String,
    /// The nearest right key to an unknown one.
    pub nearest: Option<String>,
    /// What is wrong with the file itself, where that is known: it has a sentence of its own.
    pub code: Option<&'static str>,
}

impl BadConfig {
    fn whole(file: &Path, what: impl std::fmt::Display) -> Self {
        let (file, what) = (file.display().to_string(), what.to_string());
        Self { file, line: 0, column: 0, what, nearest: None, code: None }
    }

    fn coded(file: &Path, code: &'static str, what: impl std::fmt::Display) -> Self {
        Self { code: Some(code), ..Self::whole(file, what) }
    }

    fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => "missing",
            ErrorKind::PermissionDenied => "forbidden",
            ErrorKind::IsADirectory => "folder",
            ErrorKind::InvalidData => "not-text",
            _ => return Self::whole(file, error),
        };
        Self::coded(file, code, error)
    }
}

/// `serve --config FILE`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on; the command line wins.
    #[serde(default)]
    pub listen: Option<std::net::SocketAddr>,
    /// Folder of the head witness: another disk than the data, if there is one.
    #[serde(default)]
    pub witness: Option<PathBuf>,
    /// The secret under which ids that must not be stored are kept as digests; made at the first start. Never beside the
    /// data.
    #[serde(default)]
    pub id_key_file: Option<PathBuf>,
    /// Folder of agreement files that are adopted at start.
    #[serde(default)]
    pub agreements: Option<PathBuf>,
    /// Telephone exchanges.
    #[serde(default)]
    pub ami: Vec<ami::Settings>,
    /// Receivers of alarms by SIP.
    #[serde(default)]
    pub scaip: Vec<scaip::Settings>,
    /// Care systems: one table, or one for each.
    #[serde(default, deserialize_with = "one_or_several")]
    pub care: Vec<CareSettings>,
    /// Hospital notifications posted to `/v1/medcom`.
    #[serde(default)]
    pub medcom: Option<MedcomSettings>,
    /// An alarm of our own that must come back.
    #[serde(default)]
    pub canary: Option<CanarySettings>,
    /// How a second person is called.
    #[serde(default)]
    pub escalation: Option<EscalationSettings>,
    /// What is known of sources that post to us.
    #[serde(default)]
    pub web_hook: Vec<WebHookSettings>,
    /// Folders of route lists.
    #[serde(default)]
    pub visits: Vec<visits::settings::Settings>,
    /// Short names of alarm units, by the id that `vagttavle unit` says.
    #[serde(default)]
    pub units: BTreeMap<ExternalId, String>,
}

/// `[escalation]`: how a second person is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationSettings {
    /// A program and its arguments, run without a shell; words in braces stand for what it is about.
    #[serde(default)]
    pub command: Vec<String>,
    /// Where it is posted to.
    #[serde(default)]
    pub web_hook: Option<String>,
    /// What is posted is signed with it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The program, or the answer, may take this long (seconds).
    #[serde(default = "escalation_timeout_s")]
    pub timeout_s: u32,
    /// How often it is tried.
    #[serde(default = "escalation_tries")]
    pub tries: u32,
}

fn escalation_timeout_s() -> u32 {
    20
}

fn escalation_tries() -> u32 {
    5
}

impl EscalationSettings {
    /// The words that a command's arguments may have in braces.
    pub const WORDS: [&str; 8] =
        ["text", "why", "number", "board", "state", "agreement", "opened_at", "again"];

    fn check(&self) -> Result<(), String> {
        if self.command.is_empty() && self.web_hook.is_none() {
            return Err("neither command nor web_hook is set: nobody would be called".into());
        }
        if self.command.first().is_some_and(|program| !program.starts_with('/')) {
            return Err(
                "the command's first word must be a program with its whole path, beginning with /".into()
            );
        }
        if let Some(url) = &self.web_hook
            && !url.starts_with("https://")
            && !url.starts_with("http://")
        {
            return Err("web_hook must begin with https:// or http://".into());
        }
        if !(1..=300).contains(&self.timeout_s) || !(1..=20).contains(&self.tries) {
            return Err("timeout_s must be 1 to 300 and tries 1 to 20".into());
        }
        for word in self.command.iter().flat_map(|argument| words_in(argument)) {
            if !Self::WORDS.contains(&word) {
                return Err(format!(
                    "{{{word}}} is no word of a command; known are: {}",
                    Self::WORDS.join(", ")
                ));
            }
        }
        Ok(())
    }
}

/// What stands in braces.
fn words_in(argument: &str) -> impl Iterator<Item = &str> {
    argument.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(word, _)| word))
}

/// `[canary]`: an alarm of our own, sent to our own receiver, and a call of our own to the exchange.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanarySettings {
    /// The receiver's address as units use it; by UDP.
    #[serde(default)]
    pub alarm: Option<std::net::SocketAddr>,
    /// Its account (`cid`): one of the receiver's `test_accounts`.
    #[serde(default = "canary_account")]
    pub account: String,
    /// How often it is sent (seconds).
    #[serde(default = "canary_every_s")]
    pub every_s: u32,
    /// How soon it must be back on the board (seconds).
    #[serde(default = "canary_within_s")]
    pub within_s: u32,
    /// A telephone call that must be seen in a queue without members.
    #[serde(default)]
    pub call: Option<CanaryCallSettings>,
}

/// `[canary] call`: a call of our own to an exchange.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryCallSettings {
    /// The `[[ami]]` that must see it.
    pub exchange: SourceName,
    /// The exchange's queue for it alone: none of those that are read.
    pub queue: String,
    /// The number that leads to that queue; by UDP.
    pub to: Callee,
    /// The exchange's user that calls.
    #[serde(default = "canary_caller")]
    pub user: String,
    /// That user's secret, for an exchange that asks who calls.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The number as which the exchange shows that user's calls; the user's name otherwise.
    #[serde(default)]
    pub caller: Option<String>,
    #[serde(default = "canary_call_every_minutes")]
    pub every_minutes: u32,
    /// How soon it must be seen in the queue (seconds).
    #[serde(default = "canary_within_s")]
    pub within_s: u32,
}

/// Longest wait for a canary call (seconds): one must be over before the next begins.
const CANARY_CALL_WITHIN_MAX_S: u32 = 45;

fn canary_call_every_minutes() -> u32 {
    15
}

fn canary_caller() -> String {
    CALLER.into()
}

fn canary_account() -> String {
    "kanariefugl".into()
}

fn canary_every_s() -> u32 {
    300
}

fn canary_within_s() -> u32 {
    10
}

impl CanarySettings {
    fn check(&self) -> Result<(), String> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if self.account.is_empty() || self.account.len() > 40 || !self.account.chars().all(is_plain) {
            return Err("account must be letters, digits and hyphens".into());
        }
        if self.every_s < 30 || self.within_s == 0 || self.within_s >= self.every_s {
            return Err("every_s must be 30 or more, and within_s shorter than that".into());
        }
        if self.alarm.is_none() && self.call.is_none() {
            return Err("names neither an alarm nor a call".into());
        }
        if let Some(call) = &self.call
            && (call.every_minutes == 0 || !(1..=CANARY_CALL_WITHIN_MAX_S).contains(&call.within_s))
        {
            return Err(format!(
                "call: every_minutes must be 1 or more, within_s 1 to {CANARY_CALL_WITHIN_MAX_S}"
            ));
        }
        if let Some(call) = &self.call
            && !(is_user(&call.user) && call.caller.as_deref().is_none_or(is_user))
        {
            return Err("call: user and caller must be a name or number, without spaces".into());
        }
        Ok(())
    }
}

/// One `[[web_hook]]`: a source that has a token and posts to us.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebHookSettings {
    /// The name it was given with `vagttavle user add`.
    pub name: SourceName,
    /// Silence longer than this is trouble (seconds); without it silence is not seen.
    #[serde(default)]
    pub expected_within_s: Option<u32>,
    /// The secret it signs with; then its token alone is refused.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Its units are those of this source, or of `scaip`, the alarm receivers: device 7 there is device 7 here. Without
    /// it they are its own.
    #[serde(default)]
    pub units_of: Option<SourceName>,
    /// It hands in plans of visits and never tells when one starts.
    #[serde(default)]
    pub plan_only: bool,
}

/// Whose hospital notifications are ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OursRule {
    /// Every message that reaches us is about a citizen we serve.
    #[default]
    All,
    /// The care system is asked who is ours; of others nothing is kept.
    Care,
}

/// `[medcom]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedcomSettings {
    #[serde(default)]
    pub ours: OursRule,
    /// How the folder is called on the screen. A token's name where messages come both ways: they are one source then.
    #[serde(default)]
    pub name: Option<SourceName>,
    /// Folder that a forwarder drops messages into; a file is deleted once its effects are on disk.
    #[serde(default)]
    pub inbox: Option<PathBuf>,
    /// Folder of the acknowledgements of those; the inbox with `-outbox` behind its name otherwise.
    #[serde(default)]
    pub outbox: Option<PathBuf>,
    /// GLN or SOR of the receiver.
    #[serde(default)]
    pub agreement_by_receiver: BTreeMap<String, AgreementId>,
    /// For receivers that are not listed.
    #[serde(default)]
    pub default_agreement: Option<AgreementId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CareAdapter {
    Demo,
    /// KMD Nexus.
    Nexus,
    /// Not set up: nobody is asked, and notes cannot be written.
    #[default]
    Off,
}

impl CareAdapter {
    /// As it stands in the settings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Nexus => "nexus",
            Self::Off => "off",
        }
    }
}

/// `[care]`, or one `[[care]]` of several.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CareSettings {
    #[serde(default)]
    pub adapter: CareAdapter,
    /// Whose citizens these are; without it those of every agreement that no other care system names.
    #[serde(default)]
    pub agreements: Vec<AgreementId>,
    /// How its sources are called; a name that was used stays with what was told under it.
    #[serde(default)]
    pub name: Option<SourceName>,
    /// Where the care system answers; the demo adapter starts its own without one.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Nexus: where its tokens are given out, and who we are there.
    #[serde(default)]
    pub token_url: Option<String>,
    #[serde(default)]
    pub client_id: Option<String>,
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    #[serde(default)]
    pub nexus: nexus::Settings,
    #[serde(default)]
    pub lists: Vec<nexus::List>,
    #[serde(default)]
    pub visits: Option<nexus::Visits>,
    /// How often lists and calendars are read (seconds).
    #[serde(default)]
    pub poll_seconds: Option<u32>,
    /// Older rows of a list are left alone (days).
    #[serde(default)]
    pub look_back_days: Option<u32>,
}

impl CareSettings {
    /// How its sources are called: the adapter's name while it is the only one of its kind that names nobody.
    pub fn name(&self) -> SourceName {
        let adapter = self.adapter.name();
        let name = self.name.clone().map_or_else(
            || match self.agreements.first() {
                Some(agreement) => SourceName::new(format!("{adapter}-{agreement}")),
                None => SourceName::new(adapter),
            },
            Ok,
        );
        name.expect("an agreement's id behind a short word")
    }

    /// The agreements that its lists and calendars are told under, each with its setting.
    pub fn told_under(&self) -> impl Iterator<Item = (&'static str, &AgreementId)> {
        let lists = self.lists.iter().map(|list| ("care.lists.agreement", &list.agreement));
        lists.chain(self.visits.iter().map(|visits| ("care.visits.agreement", &visits.agreement)))
    }
}

/// Which of the care systems serves an agreement.
fn care_of<'c>(care: &'c [CareSettings], agreement: &AgreementId) -> Option<&'c CareSettings> {
    let named = care.iter().find(|it| it.agreements.contains(agreement));
    named.or_else(|| care.iter().find(|it| it.agreements.is_empty()))
}

/// Every agreement has one care system at most, and what a list tells is told of its own citizens.
fn check_care(file: &Path, care: &[CareSettings]) -> Result<(), BadConfig> {
    let mut named: Vec<&AgreementId> = Vec::new();
    for agreement in care.iter().flat_map(|it| &it.agreements) {
        if named.contains(&agreement) {
            return Err(BadConfig::coded(file, "care-agreement-twice", agreement));
        }
        named.push(agreement);
    }
    if care.iter().filter(|it| it.agreements.is_empty()).count() > 1 {
        return Err(BadConfig::coded(file, "care-no-agreements-twice", "agreements"));
    }
    for it in care {
        let is_elsewhere = |agreement| care_of(care, agreement).is_none_or(|own| own.name() != it.name());
        if let Some((setting, agreement)) = it.told_under().find(|(_, agreement)| is_elsewhere(agreement)) {
            return Err(BadConfig::coded(
                file,
                "care-told-elsewhere",
                format!("{setting} = \"{agreement}\""),
            ));
        }
    }
    Ok(())
}

/// A table as it was while there was one care system, or an array of tables.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CareSettings>, D::Error> {
    struct Tables;
    impl<'de> Visitor<'de> for Tables {
        type Value = Vec<CareSettings>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("[care] or [[care]]")
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
            CareSettings::deserialize(MapAccessDeserializer::new(table)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(tables))
        }
    }
    // An untagged enum would lose the line and the name of what is wrong.
    deserializer.deserialize_any(Tables)
}

/// The desk's own settings, from the user's configuration folder.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskSettings {
    #[serde(default)]
    pub server: Option<String>,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    #[serde(default)]
    pub lang: Option<String>,
    #[serde(default)]
    pub theme: Option<String>,
}

/// Reads the server's settings; files named in it are relative to it.
pub fn settings(file: &Path) -> Result<Settings, BadConfig> {
    let text = read_text(file)?;
    let mut settings: Settings = parse(file, &text)?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    for ami in &mut settings.ami {
        ami.secret_file = folder.join(&ami.secret_file);
        ami.queue_log = ami.queue_log.take().map(|path| folder.join(path));
    }
    for scaip in &mut settings.scaip {
        scaip.certificate_file = scaip.certificate_file.take().map(|path| folder.join(path));
        scaip.key_file = scaip.key_file.take().map(|path| folder.join(path));
        scaip.unit_certificates_file = scaip.unit_certificates_file.take().map(|path| folder.join(path));
        scaip.accounts.values_mut().for_each(|path| *path = folder.join(&*path));
    }
    for ami in &settings.ami {
        ami.check().map_err(|bad| BadConfig::whole(file, format!("[[ami]] {}: {bad}", ami.name)))?;
    }
    for scaip in &settings.scaip {
        scaip.check().map_err(|bad| BadConfig::whole(file, format!("[[scaip]] {}: {bad}", scaip.name)))?;
    }
    let exchanges = settings.ami.iter().map(|it| ("[[ami]]", &it.name));
    let mut names: Vec<&SourceName> = Vec::new();
    for (block, name) in exchanges.chain(settings.scaip.iter().map(|it| ("[[scaip]]", &it.name))) {
        if names.contains(&name) {
            return Err(BadConfig::whole(file, format!("{block} {name}: the name is used twice")));
        }
        names.push(name);
    }
    if let Some(canary) = &mut settings.canary {
        if let Some(call) = &mut canary.call {
            call.secret_file = call.secret_file.take().map(|path| folder.join(path));
        }
        canary.check().map_err(|bad| BadConfig::whole(file, format!("[canary]: {bad}")))?;
    }
    if let Some(escalation) = &mut settings.escalation {
        escalation.secret_file = escalation.secret_file.take().map(|path| folder.join(path));
        escalation.check().map_err(|bad| BadConfig::whole(file, format!("[escalation]: {bad}")))?;
    }
    for hook in &mut settings.web_hook {
        hook.secret_file = hook.secret_file.take().map(|path| folder.join(path));
    }
    let hooks = settings.web_hook.iter().map(|hook| ("web_hook", &hook.name));
    for (block, name) in hooks {
        if names.contains(&name) {
            return Err(BadConfig::whole(file, format!("[[{block}]] {name}: the name is used twice")));
        }
        names.push(name);
    }
    if let Some(medcom) = &mut settings.medcom {
        if medcom.outbox.is_some() && medcom.inbox.is_none() {
            return Err(BadConfig::whole(file, "[medcom] outbox: there is no inbox"));
        }
        let is_asked = |it: &CareSettings| it.adapter != CareAdapter::Off;
        let mut named = medcom.agreement_by_receiver.values().chain(&medcom.default_agreement).peekable();
        let has_care = match named.peek() {
            Some(_) => named.all(|id| care_of(&settings.care, id).is_some_and(is_asked)),
            None => settings.care.iter().any(is_asked),
        };
        if medcom.ours == OursRule::Care && !has_care {
            return Err(BadConfig::whole(
                file,
                "[medcom] ours = \"care\" needs a care system: [care] adapter",
            ));
        }
        medcom.inbox = medcom.inbox.take().map(|path| folder.join(path));
        medcom.outbox = medcom.outbox.take().map(|path| folder.join(path));
    }
    for visits in &mut settings.visits {
        visits.folder = folder.join(&visits.folder);
        visits.mapping = visits.mapping.take().map(|path| folder.join(path));
    }
    let mut lists: Vec<SourceName> = Vec::new();
    for visits in &settings.visits {
        let name = visits.name();
        visits.check().map_err(|bad| BadConfig::whole(file, format!("[[visits]] {name}: {bad}")))?;
        if names.contains(&&name) || lists.contains(&name) {
            return Err(BadConfig::whole(file, format!("[[visits]] {name}: the name is used twice")));
        }
        lists.push(name);
    }
    check_care(file, &settings.care)?;
    for care in &mut settings.care {
        care.token_file = care.token_file.take().map(|path| folder.join(path));
        care.secret_file = care.secret_file.take().map(|path| folder.join(path));
        let name = care.name();
        if names.contains(&&name) || lists.contains(&name) {
            return Err(BadConfig::whole(file, format!("[[care]] {name}: the name is used twice")));
        }
        lists.push(name);
    }
    settings.agreements = settings.agreements.take().map(|path| folder.join(path));
    settings.witness = settings.witness.take().map(|path| folder.join(path));
    settings.id_key_file = Some(folder.join(settings.id_key_file.take().unwrap_or_else(|| ID_KEY.into())));
    Ok(settings)
}

/// Reads what the columns and values of a system's route lists mean.
pub fn visit_mapping(file: &Path) -> Result<visits::Mapping, BadConfig> {
    parse(file, &read_text(file)?)
}

/// The desk's settings; none is as good as empty.
pub fn desk_settings() -> Result<DeskSettings, BadConfig> {
    let Some(file) = user_folder("XDG_CONFIG_HOME", ".config").map(|it| it.join("vagttavle/desk.toml"))
    else {
        return Ok(DeskSettings::default());
    };
    if !file.exists() {
        return Ok(DeskSettings::default());
    }
    let text = read_text(&file)?;
    let mut settings: DeskSettings = parse(&file, &text)?;
    let folder = file.parent().unwrap_or_else(|| Path::new(".")).to_owned();
    settings.token_file = settings.token_file.map(|path| folder.join(path));
    Ok(settings)
}

/// Where the log lies when nobody says otherwise.
pub fn default_data_folder() -> Option<PathBuf> {
    user_folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("vagttavle"))
}

/// Where a user keeps own themes.
pub fn theme_folder() -> Option<PathBuf> {
    user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("vagttavle/themes"))
}

/// Where a user keeps own agreement files.
pub fn agreement_folder() -> Option<PathBuf> {
    user_folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("vagttavle/agreements"))
}

fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.or_else(|| std::env::home_dir().map(|home| home.join(below_home)))
}

/// Whether the terminal's user asked for no colour (no-color.org).
pub fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The server that the environment names, for `vagttavle` alone.
pub fn server() -> Option<String> {
    std::env::var("VAGTTAVLE_SERVER").ok().filter(|server| !server.is_empty())
}

/// The token file that the environment names.
pub fn token_file() -> Option<PathBuf> {
    std::env::var_os("VAGTTAVLE_TOKEN_FILE").map(PathBuf::from)
}

/// What the terminal calls itself.
pub fn terminal() -> String {
    std::env::var("TERM").unwrap_or_default()
}

/// The log filter, e.g. `info`.
pub fn log_filter() -> String {
    std::env::var("VAGTTAVLE_LOG").unwrap_or_else(|_| "info".into())
}

/// The file of the secret under which ids are kept as digests, where the settings do not say: in the settings' folder,
/// or without settings in the witness's.
pub const ID_KEY: &str = "ids.key";

/// The secret under which ids are kept as digests: 64 hex digits in a file that only its owner may read; drawn and
/// written where there is none.
///
/// # Errors
/// As [`secret`], and a text that is not such a secret. Nothing is written over.
pub fn id_key(file: &Path, draw: impl FnOnce() -> [u8; 32]) -> Result<[u8; 32], BadConfig> {
    if !file.exists() {
        let key = draw();
        write_secret(file, &hex::encode(key)).map_err(|error| BadConfig::unreadable(file, &error))?;
        return Ok(key);
    }
    let text = secret(file)?;
    let mut key = [0; 32];
    hex::decode_to_slice(text.expose_secret(), &mut key)
        .map_err(|_| BadConfig::coded(file, "not-a-key", "not 64 hex digits"))?;
    Ok(key)
}

/// Whole or not at all: a half-written key would be another key.
fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let draft = file.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(open, "{text}")?;
    open.sync_all()?;
    std::fs::rename(&draft, file)
}

/// Reads a secret: the first line of a file that only its owner may read.
pub fn secret(file: &Path) -> Result<SecretString, BadConfig> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(file).map_err(|error| BadConfig::unreadable(file, &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let what = format!("others may read it; run: chmod 600 {}", file.display());
        return Err(BadConfig::coded(file, "open-to-others", what));
    }
    let text = read_text(file)?;
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        return Err(BadConfig::coded(file, "empty-secret", "the file is empty"));
    }
    Ok(SecretString::from(secret.to_owned()))
}

fn read_text(file: &Path) -> Result<String, BadConfig> {
    let metadata = std::fs::metadata(file).map_err(|error| BadConfig::unreadable(file, &error))?;
    if metadata.len() > FILE_MAX {
        return Err(BadConfig::coded(file, "too-large", format!("larger than {FILE_MAX} bytes")));
    }
    std::fs::read_to_string(file).map_err(|error| BadConfig::unreadable(file, &error))
}

fn parse<T: serde::de::DeserializeOwned>(file: &Path, text: &str) -> Result<T, BadConfig> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = &text[..at.min(text.len())];
        let message = error.message().to_owned();
        BadConfig {
            file: file.display().to_string(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            nearest: nearest(&message),
            what: message,
            code: None,
        }
    })
}

/// From "unknown field `x`, expected one of `a`, `b`": the one most like `x`.
fn nearest(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted
        .map(|known| (strsim::jaro_winkler(unknown, known), known))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, BadConfig> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("server.toml");
        std::fs::write(&file, text).expect("a file in it");
        settings(&file)
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_right_one() {
        let bad = read("[care]\nadaptor = \"demo\"\n").expect_err("an unknown key");
        assert_eq!((bad.line, bad.nearest.as_deref()), (2, Some("adapter")));
    }

    #[test]
    fn one_care_system_or_several_are_taken_each_with_its_own_names() {
        assert!(read("").expect("good settings").care.is_empty());
        let one = read("[care]\nadapter = \"nexus\"\nsecret_file = \"s\"\n").expect("one table").care;
        assert!(one.len() == 1 && one[0].agreements.is_empty());
        assert_eq!(one[0].name().as_str(), "nexus", "what was told under it stays its own");
        assert!(one[0].secret_file.as_ref().is_some_and(|file| file.is_absolute()));
        let several = read(
            "[[care]]\nadapter = \"nexus\"\nagreements = [\"jammerbugt\"]\nnexus.citizens_link = \"a\"\n\
             [[care]]\nadapter = \"nexus\"\n[care.nexus]\ncitizens_link = \"b\"\n",
        );
        let several = several.expect("several tables").care;
        let names: Vec<_> = several.iter().map(|it| it.name().to_string()).collect();
        assert_eq!(names, ["nexus-jammerbugt", "nexus"]);
        let links: Vec<_> = several.iter().filter_map(|it| it.nexus.citizens_link.as_deref()).collect();
        assert_eq!(links, ["a", "b"]);
    }

    #[test]
    fn care_systems_that_leave_open_whose_citizens_they_know_are_refused() {
        let block = |agreements: &str, rest: &str| {
            format!("[[care]]\nadapter = \"demo\"\nagreements = [{agreements}]\n{rest}\n")
        };
        let list = "[[care.lists]]\nname = \"liste\"\nagreement = \"norddjurs\"\nrows = { a = \"admitted\" }";
        let (a, b) = ("\"jammerbugt\"", "\"norddjurs\"");
        for (text, code) in [
            (block("\"jammerbugt\", \"norddjurs\"", "") + &block(b, ""), "care-agreement-twice"),
            (block("\"jammerbugt\", \"jammerbugt\"", ""), "care-agreement-twice"),
            (block("", "") + &block("", ""), "care-no-agreements-twice"),
            (block(a, list), "care-told-elsewhere"),
            (block("", list) + &block(b, ""), "care-told-elsewhere"),
        ] {
            let bad = read(&text).expect_err(code);
            assert_eq!(bad.code, Some(code), "{text}: {bad}");
        }
        read(&(block(a, "") + &block("", list))).expect("good settings");
        let bad = read(&(block(a, "name = \"x\"") + &block(b, "name = \"x\""))).expect_err("one name");
        assert!(bad.what.contains("twice"), "{bad}");
        let unknown =
            read("[[care]]\nadapter = \"demo\"\n[[care]]\nadaptor = \"demo\"\n").expect_err("a typo");
        assert_eq!((unknown.line, unknown.nearest.as_deref()), (4, Some("adapter")));
        let medcom = "[medcom]\nours = \"care\"\ndefault_agreement = \"norddjurs\"\n";
        read(&(block(a, "") + medcom)).expect_err("nobody to ask about Norddjurs");
        read(&(block(b, "") + medcom)).expect("good settings");
    }

    #[test]
    fn files_named_in_the_settings_are_relative_to_them() {
        let text = "[[ami]]\nname = \"central\"\naddress = \"127.0.0.1:5038\"\nuser = \"laes\"\n\
                    secret_file = \"ami.secret\"\nqueues = { nat = { kind = \"alarm\", agreements = [\"norddjurs\"] } }\n";
        let settings = read(text).expect("good settings");
        assert!(settings.ami[0].secret_file.is_absolute());
    }

    #[test]
    fn an_escalation_that_would_call_nobody_or_something_else_is_refused() {
        for (text, says) in [
            ("tries = 3", "nobody would be called"),
            ("command = [\"ring-op\"]", "whole path"),
            ("command = [\"/bin/ring\", \"nr {nummer}\"]", "{nummer}"),
            ("web_hook = \"ftp://somewhere\"", "https://"),
            ("command = [\"/bin/ring\"]\ntries = 0", "tries"),
        ] {
            let bad = read(&format!("[escalation]\n{text}\n")).expect_err(text);
            assert!(bad.what.contains(says), "{text}: {bad}");
        }
        read("[escalation]\ncommand = [\"/bin/ring\", \"{text} ({number})\"]\n").expect("good settings");
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused_with_the_command_to_run() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("token");
        std::fs::write(&file, "hemmelig\n").expect("a file in it");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("its owner");
        assert!(secret(&file).expect_err("too open").what.contains("chmod 600"));
    }
}
