//! The desk: the screen in front of a coordinator.
//!
//! Elm-like: `update(&mut Model, Msg) -> Vec<Effect>` and `view(&Model, &Look, &mut Frame)`
//! are pure and testable without a terminal. Only `run`, `seat` and `terminal` touch the world.

pub mod action;
mod bindings;
mod boards;
pub mod editor;
pub mod effect;
pub mod form;
pub mod guard;
pub mod input;
pub mod keymap;
mod layout;
pub mod look;
pub mod model;
pub mod msg;
mod next;
mod paint;
pub mod run;
mod seat;
pub mod table;
pub mod terminal;
pub mod update;
pub mod view;
mod words;
