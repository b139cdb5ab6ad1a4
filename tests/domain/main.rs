//! The domain, from outside: given, when, then.

mod agreements;
mod calendar;
mod discharges;
mod homecare;
mod links;
mod visits;
