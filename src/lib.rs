//! Vagttavle: duty board for the on-call coordinators of Danish home care.

pub mod domain;
