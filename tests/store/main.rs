//! The event log: memory and SQLite tell the same story; what is damaged is found; what was acknowledged stays.

mod build;
mod closed;
mod damage;
mod format;
mod kill;
mod refusals;
mod story;
