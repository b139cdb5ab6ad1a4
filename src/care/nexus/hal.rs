//! Reading what Nexus answers: objects with `_links`, integer ids, its ways to write a time.
//!
//! Must never judge what a value means.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Where the object's link of this name leads.
pub fn href<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    let link = object.get("_links")?.get(name)?;
    // A link may stand in a list of its own.
    let link = link.as_array().map_or(Some(link), |all| all.first())?;
    link.get("href")?.as_str().filter(|href| !href.is_empty())
}

/// An integer id, as a number or as digits.
pub fn id(object: &Value) -> Option<u64> {
    let id = object.get("id")?;
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}

/// A text that says something.
pub fn text<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A time with its zone: `2026-11-22T02:14:00Z`, `2026-11-22T03:14:00.000+0100`.
pub fn time(object: &Value, name: &str) -> Option<DateTime<Utc>> {
    let text = text(object, name)?;
    let parsed = DateTime::parse_from_rfc3339(text);
    let parsed = parsed.or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    Some(parsed.ok()?.with_timezone(&Utc))
}

/// The list itself, or the one that lies under `name`.
pub fn list<'v>(answer: &'v Value, name: &str) -> Option<&'v Vec<Value>> {
    answer.as_array().or_else(|| answer.get(name)?.as_array())
}

/// Whether an answer with so many in it is all there is: it leads to no next page and says of no more.
pub fn is_all(answer: &Value, count: usize) -> bool {
    let says =
        ["totalItems", "total", "totalElements"].into_iter().filter_map(|name| answer.get(name)?.as_u64());
    let most = says.max().unwrap_or(0);
    href(answer, "next").is_none() && most <= count as u64
}

/// The one of this name.
pub fn named<'v>(all: &'v [Value], name: &str) -> Option<&'v Value> {
    all.iter().find(|it| text(it, "name") == Some(name.trim()))
}
