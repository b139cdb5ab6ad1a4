//! The desk without a terminal: keys in, screens and effects out.

mod closed;
mod complaints;
mod desk;
mod foot;
mod guard;
mod health;
mod hidden;
mod homecare;
mod keys;
mod night;
mod odd;
mod screens;
mod texts;
mod updates;
