//! The domain, from outside: given, when, then.

mod agreements;
mod calendar;
