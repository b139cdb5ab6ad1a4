//! Settings: the only file that reads the settings file, the environment and the places a user keeps things.
//!
//! An unknown key is refused with its line and the nearest right one. Must never know what a setting is used for.

#![expect(clippy::disallowed_methods, reason = "this is where settings are read")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::identity::{ExternalId, SourceName};
use crate::sources::medcom::settings::OursRule;
use crate::sources::settings::{Block, label, resolve};
use crate::sources::{ami, medcom, scaip, visits, web_hook};
use crate::workers::{canary, care, escalation};

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

/// Declares the settings file: what the server itself is told, then the blocks, a line each. Each block resolves, checks
/// and names itself.
macro_rules! settings_file {
    (
        $(#[$of_all:meta])*
        pub struct $name:ident {
            server { $($(#[$of_own:meta])* $own:ident: $own_type:ty,)* }
            blocks { $($(#[$of_block:meta])* $block:ident: $block_type:ty,)* }
        }
    ) => {
        $(#[$of_all])*
        pub struct $name {
            $($(#[$of_own])* #[serde(default)] pub $own: $own_type,)*
            $($(#[$of_block])* #[serde(default)] pub $block: $block_type,)*
        }

        impl $name {
            /// Every block that is set, in the order of its declaration.
            pub fn blocks(&self) -> Vec<&dyn Block> {
                let mut blocks: Vec<&dyn Block> = Vec::new();
                $(blocks.extend(self.$block.iter().map(|it| it as &dyn Block));)*
                blocks
            }

            fn blocks_mut(&mut self) -> Vec<&mut dyn Block> {
                let mut blocks: Vec<&mut dyn Block> = Vec::new();
                $(blocks.extend(self.$block.iter_mut().map(|it| it as &mut dyn Block));)*
                blocks
            }
        }
    };
}

settings_file! {
    /// `serve --config FILE`.
    #[derive(Debug, Clone, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Settings {
        server {
            /// Address to listen on; the command line wins.
            listen: Option<std::net::SocketAddr>,
            /// Folder of the head witness: another disk than the data, if there is one.
            witness: Option<PathBuf>,
            /// The secret under which ids that must not be stored are kept as digests; made at the first start. Never
            /// beside the data.
            id_key_file: Option<PathBuf>,
            /// Folder of agreement files that are adopted at start.
            agreements: Option<PathBuf>,
            /// Short names of alarm units, by the id that `vagttavle unit` says.
            units: BTreeMap<ExternalId, String>,
        }
        blocks {
            /// Telephone exchanges.
            ami: Vec<ami::settings::Settings>,
            /// Receivers of alarms by SIP.
            scaip: Vec<scaip::settings::Settings>,
            /// An alarm of our own that must come back, and a call.
            canary: Option<canary::settings::Settings>,
            /// How a second person is called.
            escalation: Option<escalation::settings::Settings>,
            /// What is known of sources that post to us.
            web_hook: Vec<web_hook::Settings>,
            /// Hospital notifications posted to `/v1/medcom`, or dropped into a folder.
            medcom: Option<medcom::settings::Settings>,
            /// Folders of route lists.
            visits: Vec<visits::settings::Settings>,
            /// Care systems: one table, or one for each.
            #[serde(deserialize_with = "care::settings::one_or_several")]
            care: Vec<care::settings::Settings>,
        }
    }
}

impl Settings {
    /// What no block can say of itself alone.
    fn check_together(&self, file: &Path) -> Result<(), BadConfig> {
        care::settings::check_together(&self.care)
            .map_err(|unclear| BadConfig::coded(file, unclear.code(), &unclear))?;
        if let Some(medcom) = &self.medcom
            && medcom.ours == OursRule::Care
            && !care::settings::answers_for(&self.care, medcom.agreements().into_iter().map(|(_, id)| id))
        {
            let what = "[medcom] ours = \"care\" needs a care system: [care] adapter";
            return Err(BadConfig::whole(file, what));
        }
        let mut names: Vec<SourceName> = Vec::new();
        for block in self.blocks() {
            let Some(source) = block.source() else { continue };
            if names.contains(&source.name) {
                return Err(BadConfig::whole(file, format!("{}: the name is used twice", label(block))));
            }
            names.push(source.name);
        }
        Ok(())
    }
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
    settings.blocks_mut().into_iter().for_each(|block| block.resolve(folder));
    for block in settings.blocks() {
        block.checked().map_err(|wrong| BadConfig::whole(file, wrong))?;
    }
    settings.check_together(file)?;
    resolve(&mut settings.agreements, folder);
    resolve(&mut settings.witness, folder);
    settings.id_key_file = Some(folder.join(settings.id_key_file.take().unwrap_or_else(|| ID_KEY.into())));
    Ok(settings)
}

/// Reads a file that a setting names.
///
/// # Errors
/// It cannot be read, or says something that nobody knows.
pub fn toml<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, BadConfig> {
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
    resolve(&mut settings.token_file, file.parent().unwrap_or_else(|| Path::new(".")));
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
    ::toml::from_str(text).map_err(|error| {
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
    fn a_block_says_which_one_it_is_when_something_is_wrong_with_it() {
        let visits = "[[visits]]\nfolder = \"f\"\nagreement = \"norddjurs\"\n";
        let hook = "[[web_hook]]\nname = \"visits-norddjurs\"\n";
        let scaip = "[[scaip]]\nlisten = [\"udp://127.0.0.1:5060\"]\nagreement = \"norddjurs\"\n";
        for (text, says) in [
            (visits.to_owned() + visits, "[[visits]] visits-norddjurs: the name is used twice"),
            (visits.to_owned() + hook, "[[visits]] visits-norddjurs: the name is used twice"),
            (
                visits.to_owned() + "expected_within_hours = 0\n",
                "[[visits]] visits-norddjurs: expected_within_hours",
            ),
            (scaip.to_owned() + "heartbeat_minutes = 0\n", "[[scaip]] scaip: heartbeat_minutes"),
            ("[canary]\n".to_owned(), "[canary]: names neither an alarm nor a call"),
            ("[escalation]\ntries = 0\n".to_owned(), "[escalation]: neither command nor web_hook"),
            ("[medcom]\noutbox = \"ud\"\n".to_owned(), "[medcom] outbox: there is no inbox"),
        ] {
            let bad = read(&text).expect_err(&text);
            assert!(bad.what.starts_with(says), "{text}: {bad}");
        }
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
