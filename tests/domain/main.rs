//! The domain, from outside: given, when, then.

#[path = "../support/old_log.rs"]
mod old_logs;
#[path = "../support/mod.rs"]
mod support;

mod accounted;
mod actions;
mod agreements;
mod alarm_notes;
mod alarms;
mod attention;
mod away;
mod calendar;
mod complaints;
mod devices;
mod discharges;
mod duties;
mod entries;
mod escalation;
mod figures;
mod homecare;
mod kinds;
mod links;
mod notices;
mod old_log;
mod passed_on;
mod people;
mod phone;
mod plans;
mod props;
mod protocol;
mod realms;
mod sync;
mod visits;
mod voice;
mod wire;
