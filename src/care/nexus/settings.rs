//! Settings of the Nexus adapter: `[care]` with `adapter = "nexus"`.
//!
//! Owns their names and what works without which. No public description of the interface exists; what is known is from
//! municipalities' own published programs. So each name that a municipality's administrator chooses, and each thing
//! that is not known, is a setting of its own, and without it that one thing is not set up. Must never read a file.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::identity::AgreementId;
use crate::domain::observation::{Grant, Help};

use super::super::Ability;

/// `[care.nexus]`. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The root's link under which a citizen is found by id. Without it only citizens that the lists or a CPR number
    /// led to since the start are known.
    #[serde(default)]
    pub citizens_link: Option<String>,
    /// What the search calls an alarm device's number (`keyType`).
    #[serde(default)]
    pub device_key_type: Option<String>,
    /// The field of a citizen that says which key box is theirs.
    #[serde(default)]
    pub key_box_field: Option<String>,
    /// The form that a note becomes, its text field's label, and the action that saves it.
    #[serde(default)]
    pub note_form: Option<String>,
    #[serde(default)]
    pub note_field: Option<String>,
    #[serde(default)]
    pub note_action: Option<String>,
    /// The citizen states that mean *paused* and *active*.
    #[serde(default)]
    pub paused_state: Option<String>,
    #[serde(default)]
    pub active_state: Option<String>,
}

/// What a row of an activity list says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    Admitted,
    DischargeExpected,
    Discharged,
    Died,
    Moved,
}

/// `[[care.lists]]`: an activity list that the municipality made for us.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// As in Nexus.
    pub name: String,
    pub agreement: AgreementId,
    /// By the row's name; other rows are none of our business.
    pub rows: BTreeMap<String, Says>,
    /// The field of what a `discharge-expected` row leads to that says when.
    #[serde(default)]
    pub expected_field: Option<String>,
}

/// `[care.visits]`: the calendars of the citizens on an activity list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visits {
    /// The activity list whose rows are about the citizens we help.
    pub citizens_list: String,
    pub agreement: AgreementId,
    /// The name of a citizen's calendar.
    #[serde(default = "calendar")]
    pub calendar: String,
    /// The field of an event that names it, and what help it is by that name; other events are no visits.
    pub title_field: String,
    pub help: BTreeMap<String, Help>,
    pub grant: Grant,
    /// The field that says when the visit is planned to begin.
    pub planned_field: String,
    /// The fields that say when it began and ended. Not publicly known: without them a visit is late only when somebody
    /// says so.
    #[serde(default)]
    pub started_field: Option<String>,
    #[serde(default)]
    pub done_field: Option<String>,
}

fn calendar() -> String {
    "Borgerkalender".into()
}

/// Everything the adapter is told, but for addresses and the secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub nexus: Settings,
    pub lists: Vec<List>,
    pub visits: Option<Visits>,
}

impl Names {
    /// What is not set up, each with the setting that is missing.
    pub fn missing(&self) -> Vec<(Ability, &'static str)> {
        let it = &self.nexus;
        let expected = |list: &List| {
            list.expected_field.is_none() && list.rows.values().any(|says| *says == Says::DischargeExpected)
        };
        let list = match self.lists.as_slice() {
            [] => Some("care.lists"),
            lists => lists.iter().any(expected).then_some("care.lists.expected_field"),
        };
        let started = self.visits.as_ref().and_then(|visits| visits.started_field.as_ref());
        let unset = |name: &'static str, value: bool| (!value).then_some(name);
        [
            (Ability::Citizens, unset("care.nexus.citizens_link", it.citizens_link.is_some())),
            (Ability::Devices, unset("care.nexus.device_key_type", it.device_key_type.is_some())),
            (Ability::Notes, self.note().err()),
            (Ability::Lists, list),
            (Ability::Visits, unset("care.visits", self.visits.is_some())),
            (Ability::VisitStarts, unset("care.visits.started_field", started.is_some())),
            (Ability::Pause, self.states().err()),
        ]
        .into_iter()
        .filter_map(|(ability, missing)| Some((ability, missing?)))
        .collect()
    }

    /// Form, field and action of a note, or the setting that is missing.
    pub fn note(&self) -> Result<(&str, &str, &str), &'static str> {
        let it = &self.nexus;
        Ok((
            it.note_form.as_deref().ok_or("care.nexus.note_form")?,
            it.note_field.as_deref().ok_or("care.nexus.note_field")?,
            it.note_action.as_deref().ok_or("care.nexus.note_action")?,
        ))
    }

    /// The names of the states paused and active, or the setting that is missing.
    pub fn states(&self) -> Result<(&str, &str), &'static str> {
        Ok((
            self.nexus.paused_state.as_deref().ok_or("care.nexus.paused_state")?,
            self.nexus.active_state.as_deref().ok_or("care.nexus.active_state")?,
        ))
    }
}
