//! Activity lists: which rows say that a citizen is in hospital, comes home, has died or moved.
//!
//! Owns the way from a list's name to its rows, over all its pages. A row may carry a CPR number: it is read only where
//! a citizen has no number of Nexus, and goes into the search.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::{CareError, Cpr, Heard, Held, ListedFact};
use super::settings::{List, Says};
use super::{AWAY_MAX, Client, UNREADABLE, citizen_id, external, hal, not_set_up};
use crate::domain::identity::{CitizenId, Code, ExternalId, Key};
use crate::domain::observation::{Observation, Setting};

/// Rows asked for at a time.
const PAGE_ROWS: &str = "50";
/// Pages of one list that are read at most; more are said to be unreadable.
const PAGES_MAX: usize = 40;

/// See [`super::super::Care::lists`].
pub async fn read(client: &Client) -> Result<Heard, CareError> {
    if client.names.lists.is_empty() {
        return Err(not_set_up("care.lists"));
    }
    let preferences = client.preferences().await?;
    let mut heard = Heard::default();
    let mut away = 0;
    for list in &client.names.lists {
        let (rows, is_cut) = rows(client, &preferences, &list.name).await?;
        if is_cut {
            heard.unreadable.extend(ExternalId::new("nexus-list-too-long"));
        }
        for row in &rows {
            let Some(says) = hal::text(row, "name").and_then(|name| list.rows.get(name)) else { continue };
            match told(client, list, *says, row).await {
                Ok(told) => {
                    heard.told.push(told);
                    away = 0;
                }
                // Another row may be read all the same.
                Err(CareError::Unknown | UNREADABLE) => heard.unreadable.push(row_id(row)),
                Err(error) => hold(&mut heard.held, &mut away, error)?,
            }
        }
    }
    heard.told.sort_by_key(|told| told.at);
    Ok(heard)
}

/// Keeps a row for the next time. Errors: what is wrong is wrong for all rows.
fn hold(held: &mut Option<Held>, away: &mut u32, error: CareError) -> Result<(), CareError> {
    *away = if matches!(error, CareError::Away { .. }) { *away + 1 } else { 0 };
    if *away == AWAY_MAX || matches!(error, CareError::NotSetUp { .. }) {
        return Err(error);
    }
    Held::add(held, error);
    Ok(())
}

/// All rows of a list, and whether there were more pages than are read.
pub async fn rows(client: &Client, preferences: &Value, name: &str) -> Result<(Vec<Value>, bool), CareError> {
    let lists = preferences.get("ACTIVITY_LIST").and_then(Value::as_array).ok_or(UNREADABLE)?;
    let list = hal::named(lists, name).ok_or(not_set_up("care.lists.name"))?;
    let list = client.follow(list, "self").await?;
    let mut content = client.session.link(&list, "content")?;
    content
        .query_pairs_mut()
        .append_pair("pageSize", PAGE_ROWS)
        .append_pair("assignmentOrganizationAssignee", "ALL_ORGANIZATIONS")
        .append_pair("assignmentProfessionalAssignee", "NO_PROFESSIONAL_CRITERIA");
    let content = client.session.get(&content).await.map_err(super::not_a_citizen)?;
    let pages = hal::list(&content, "pages").ok_or(UNREADABLE)?;
    let mut rows = Vec::new();
    for page in pages.iter().take(PAGES_MAX) {
        let link = if hal::href(page, "content").is_some() { "content" } else { "self" };
        let page = client.follow(page, link).await?;
        rows.extend(hal::list(&page, "content").ok_or(UNREADABLE)?.iter().cloned());
    }
    Ok((rows, pages.len() > PAGES_MAX))
}

/// Whom a row is about.
pub async fn citizen_of(client: &Client, row: &Value) -> Result<u64, CareError> {
    if let Some(patient) = patient(row) {
        return patient_number(client, patient).await;
    }
    let whole = client.whole(row).await?;
    patient_number(client, patient(&whole).ok_or(UNREADABLE)?).await
}

/// The one citizen of a row: of several it is not known who is meant.
fn patient(object: &Value) -> Option<&Value> {
    match object.get("patients").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => Some(only),
        Some([_, _, ..]) => None,
        _ => object.get("patient").filter(|it| it.is_object()),
    }
}

async fn patient_number(client: &Client, patient: &Value) -> Result<u64, CareError> {
    if let Some(number) = hal::id(patient) {
        client.met(number, patient);
        return Ok(number);
    }
    let cpr = patient.get("patientIdentifier").and_then(|it| hal::text(it, "identifier").or(it.as_str()));
    let cpr = cpr.and_then(|it| Cpr::new(it).ok()).ok_or(UNREADABLE)?;
    hal::id(&client.by_cpr(&cpr).await?).ok_or(UNREADABLE)
}

async fn told(client: &Client, list: &List, says: Says, row: &Value) -> Result<ListedFact, CareError> {
    let at = hal::time(row, "date").ok_or(UNREADABLE)?;
    let citizen = citizen_id(citizen_of(client, row).await?).ok_or(UNREADABLE)?;
    let observation = observation(client, list, says, row, citizen).await?;
    let number = hal::id(row).ok_or(UNREADABLE)?;
    let name = hal::text(row, "name").unwrap_or_default();
    let content = format!("{}\n{name}\n{number}\n{}", list.name, at.timestamp_millis());
    let key = Key::of_bytes("nexus-row-", &Sha256::digest(content.as_bytes())[..16]);
    Ok(ListedFact { key, at, agreement: list.agreement.clone(), observation })
}

async fn observation(
    client: &Client,
    list: &List,
    says: Says,
    row: &Value,
    citizen: CitizenId,
) -> Result<Observation, CareError> {
    // Each row is a thing of its own in Nexus: that it is about a stay we know, the citizen says.
    let stay = external("nexus-row", row).ok_or(UNREADABLE)?;
    Ok(match says {
        Says::Admitted => Observation::StayAdmitted {
            stay,
            citizen: Some(citizen),
            setting: Setting::Inpatient,
            planned: false,
            department: None,
        },
        Says::Discharged => Observation::StayDischarged { stay, citizen: Some(citizen) },
        Says::Died => Observation::StayDied { stay, citizen: Some(citizen) },
        Says::Moved => Observation::CitizenMoved { citizen },
        Says::DischargeExpected => {
            let field = list.expected_field.as_deref().ok_or(not_set_up("care.lists.expected_field"))?;
            let expected_at = match hal::time(row, field) {
                Some(at) => at,
                None => hal::time(&client.whole(row).await?, field).ok_or(UNREADABLE)?,
            };
            let told_by = Code::new("care-system").map_err(|_| UNREADABLE)?;
            Observation::StayDischargeExpected { stay, citizen: Some(citizen), expected_at, told_by }
        }
    })
}

fn row_id(row: &Value) -> ExternalId {
    let unnamed = || ExternalId::new("nexus-row-without-id").expect("a constant id");
    external("nexus-row", row).unwrap_or_else(unnamed)
}

/// The numbers of all citizens on a list, and the rows that could not be asked about; rows that are about nobody in
/// particular are passed over.
pub async fn citizens(client: &Client, name: &str) -> Result<(BTreeSet<u64>, Option<Held>), CareError> {
    let preferences = client.preferences().await?;
    let (rows, _) = rows(client, &preferences, name).await?;
    let (mut numbers, mut held, mut away) = (BTreeSet::new(), None, 0);
    for row in &rows {
        match citizen_of(client, row).await {
            Ok(number) => {
                numbers.insert(number);
                away = 0;
            }
            Err(CareError::Unknown | UNREADABLE) => {}
            Err(error) => hold(&mut held, &mut away, error)?,
        }
    }
    Ok((numbers, held))
}
