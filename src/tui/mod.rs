//! The desk: the screen in front of a coordinator.
//!
//! Elm-like: `update(&mut Model, Msg) -> Vec<Effect>` and `view(&Model, &Look, &mut Frame)`
//! are pure and testable without a terminal. Only `run` and `terminal` touch the world.

pub mod action;
mod bindings;
pub mod input;
pub mod keymap;
pub mod look;
mod paint;
pub mod terminal;
