//! Settings of the care systems: `[care]`, or one `[[care]]` of several.
//!
//! Owns their names, and that each agreement has one care system. What each adapter needs to be opened is asked when it
//! is. Must never read a file: tokens and secrets are read by the caller.

use std::path::{Path, PathBuf};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::care::nexus::settings as nexus;
use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::settings::{Block, Source, resolve};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    Demo,
    /// KMD Nexus.
    Nexus,
    /// Not set up: nobody is asked, and notes cannot be written.
    #[default]
    Off,
}

impl Adapter {
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
pub struct Settings {
    #[serde(default)]
    pub adapter: Adapter,
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

impl Settings {
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

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[[care]]"
    }

    fn source(&self) -> Option<Source> {
        Some(Source { name: self.name(), may_have_token: true })
    }

    fn resolve(&mut self, folder: &Path) {
        resolve(&mut self.token_file, folder);
        resolve(&mut self.secret_file, folder);
    }

    fn checked(&self) -> Result<(), String> {
        Ok(())
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        let own = self.agreements.iter().map(|id| ("[[care]] agreements".to_owned(), id));
        let lists = self.lists.iter();
        let lists = lists.map(|list| (format!("[[care.lists]] {}, agreement", list.name), &list.agreement));
        let visits = self.visits.iter().map(|it| ("[care.visits] agreement".to_owned(), &it.agreement));
        own.chain(lists).chain(visits).collect()
    }
}

/// Which of the care systems serves an agreement.
fn care_of<'c>(care: &'c [Settings], agreement: &AgreementId) -> Option<&'c Settings> {
    let named = care.iter().find(|it| it.agreements.contains(agreement));
    named.or_else(|| care.iter().find(|it| it.agreements.is_empty()))
}

/// Whether somebody can be asked about each of these agreements; of none, whether anybody can be asked at all.
pub fn answers_for<'a>(care: &[Settings], agreements: impl IntoIterator<Item = &'a AgreementId>) -> bool {
    let is_asked = |it: &Settings| it.adapter != Adapter::Off;
    let mut agreements = agreements.into_iter().peekable();
    match agreements.peek() {
        Some(_) => agreements.all(|id| care_of(care, id).is_some_and(is_asked)),
        None => care.iter().any(is_asked),
    }
}

/// What is wrong with several care systems together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error("{0}")]
    AgreementTwice(AgreementId),
    #[error("agreements")]
    NoAgreementsTwice,
    #[error("{setting} = \"{agreement}\"")]
    ToldElsewhere { setting: &'static str, agreement: AgreementId },
}

impl Unclear {
    /// The word for it among the troubles of a file.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AgreementTwice(_) => "care-agreement-twice",
            Self::NoAgreementsTwice => "care-no-agreements-twice",
            Self::ToldElsewhere { .. } => "care-told-elsewhere",
        }
    }
}

/// Every agreement has one care system at most, and what a list tells is told of its own citizens.
///
/// # Errors
/// The first that is not so.
pub fn check_together(care: &[Settings]) -> Result<(), Unclear> {
    let mut named: Vec<&AgreementId> = Vec::new();
    for agreement in care.iter().flat_map(|it| &it.agreements) {
        if named.contains(&agreement) {
            return Err(Unclear::AgreementTwice(agreement.clone()));
        }
        named.push(agreement);
    }
    if care.iter().filter(|it| it.agreements.is_empty()).count() > 1 {
        return Err(Unclear::NoAgreementsTwice);
    }
    for it in care {
        let is_elsewhere = |agreement| care_of(care, agreement).is_none_or(|own| own.name() != it.name());
        if let Some((setting, agreement)) = it.told_under().find(|(_, agreement)| is_elsewhere(agreement)) {
            return Err(Unclear::ToldElsewhere { setting, agreement: agreement.clone() });
        }
    }
    Ok(())
}

/// A table as it was while there was one care system, or an array of tables.
///
/// # Errors
/// Those of the reader, with their place.
pub fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Settings>, D::Error> {
    struct Tables;
    impl<'de> Visitor<'de> for Tables {
        type Value = Vec<Settings>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("[care] or [[care]]")
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
            Settings::deserialize(MapAccessDeserializer::new(table)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, tables: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(tables))
        }
    }
    // An untagged enum would lose the line and the name of what is wrong.
    deserializer.deserialize_any(Tables)
}
