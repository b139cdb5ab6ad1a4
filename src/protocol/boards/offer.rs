//! An offer: a command of a board with what it needs to be told, before it is known whether it would be refused.
//!
//! Owns the offers that several boards make alike. Must never know a board, nor ask the domain for anything but a
//! trial.

use super::super::action::{Field, FieldKind, field, word};
use super::super::sight::Shown;
use crate::domain::identity::AgreementId;
use crate::domain::vocabulary::{CorrectionReason, Word};
use crate::domain::{self, Refusal};

/// A command to try, and the fields that a person fills in when they give it.
#[derive(Debug, Clone)]
pub struct Offer<C> {
    pub fields: Vec<Field>,
    pub trial: C,
    pub made_up: Option<MadeUp>,
}

/// An argument of a trial that nobody chose. A refusal of just that says nothing of the act.
#[derive(Debug, Clone, Copy)]
pub enum MadeUp {
    /// Another entry.
    Entry,
    Agreement,
    /// What the municipality is to be told of.
    Matter,
}

impl MadeUp {
    /// Whether it was refused for that.
    pub fn is_refused_by(self, refusal: &Refusal) -> bool {
        match self {
            Self::Entry => matches!(refusal, Refusal::CannotLink),
            Self::Agreement => matches!(refusal, Refusal::UnknownAgreement { .. }),
            Self::Matter => matches!(refusal, Refusal::AlreadyOpen { .. }),
        }
    }
}

/// Offers this command.
pub fn offer<C>(fields: Vec<Field>, trial: C) -> Offer<C> {
    Offer { fields, trial, made_up: None }
}

impl<C> Offer<C> {
    /// The same, with an argument that nobody chose.
    pub fn made_up(self, made_up: MadeUp) -> Self {
        Self { made_up: Some(made_up), ..self }
    }

    /// The same, as a command among all.
    pub fn among_all(self, command: impl FnOnce(C) -> domain::Command) -> Offer<domain::Command> {
        Offer { fields: self.fields, trial: command(self.trial), made_up: self.made_up }
    }
}

/// Offers to correct. Only what stands can be corrected; with nothing to correct the refusal says so.
pub fn correction<C, W: Word>(
    shown: Shown<'_>,
    among_all: fn(C) -> domain::Command,
    correct: impl Fn(W, CorrectionReason) -> C,
) -> Offer<C> {
    let (nobody, reason) = (shown.nobody(), CorrectionReason::ALL[0]);
    let trial = |what: W| domain::trial(shown.state, &nobody, shown.entry, &among_all(correct(what, reason)));
    let stands: Vec<W> = W::ALL.iter().copied().filter(|what| trial(*what).is_none()).collect();
    let first = *stands.first().unwrap_or(&W::ALL[0]);
    offer(vec![word("what", &stands), word("reason", CorrectionReason::ALL)], correct(first, reason))
}

/// Offers to say which municipality it is about, where there is a choice.
pub fn assign<C>(shown: Shown<'_>, command: impl Fn(AgreementId) -> C) -> Option<Offer<C>> {
    let Shown { state, entry, .. } = shown;
    let known: Vec<&str> = match entry.candidates.as_slice() {
        [] => state.agreements.keys().map(|id| id.as_str()).collect(),
        some => some.iter().map(|id| id.as_str()).collect(),
    };
    let other = state
        .agreements
        .keys()
        .find(|id| entry.agreement.as_ref() != Some(*id) && known.contains(&id.as_str()))?;
    let fields = vec![field("agreement", FieldKind::Agreement, true, &known)];
    Some(offer(fields, command(other.clone())).made_up(MadeUp::Agreement))
}

/// The same, of what a source with several municipalities told of without saying whose it is; the rest is known.
pub fn choice<C>(shown: Shown<'_>, command: impl Fn(AgreementId) -> C) -> Option<Offer<C>> {
    if shown.entry.candidates.len() < 2 { None } else { assign(shown, command) }
}
