//! The boards, a column each: what an entry of it is, what may be asked of it, what happens to it.

pub mod alarms;
pub mod discharges;
pub mod duties;
pub mod phone;
pub mod sources;
pub mod visits;
