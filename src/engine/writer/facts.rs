//! One fact of a source: whether it was said before, what is known about it here, and what came of it.
//!
//! Owns what of live data a decision may hang on: whose number and whose citizen it is. Must never write.

use std::collections::HashMap;

use super::again::{again_key, content, fact_cause, is_equal, is_said_later};
use super::{Working, Writer, in_micros};
use crate::domain::entry::Body;
use crate::domain::identity::{AgreementId, EntryId, ExternalId, Key, SourceName};
use crate::domain::observation::Observation;
use crate::domain::{self, Actor, Ctx, Refusal, Request, State, sources};
use crate::engine::live::{Personal, is_same_number};
use crate::engine::{Fact, FactOutcome};
use crate::store::Seen;

/// A sender's clock so far ahead of ours is told among the sources.
const CLOCK_AHEAD_TOLD: chrono::TimeDelta = chrono::TimeDelta::seconds(2);

impl Writer {
    pub(super) fn fact(
        &self,
        working: &mut Working,
        known: &HashMap<(String, Key), Seen>,
        source: &SourceName,
        fact: Fact,
    ) -> FactOutcome {
        let actor = Actor::Source(source.clone());
        let scope = actor.to_string();
        let content = content(&fact);
        let mut fact = fact;
        if let Some(seen) = working.seen_before(known, &scope, &fact.key)
            && !is_equal(seen, &fact, &content)
            && !(is_said_later(seen, &content) && still_rings(&working.state, seen))
        {
            // A sender whose counter began again: another thing, under a key of its own.
            working.reused.push(source.clone());
            fact.key = again_key(&fact.key, &content);
        }
        if let Some(seen) = working.seen_before(known, &scope, &fact.key) {
            let entry = seen.entry.filter(|entry| is_concerned(&working.state, fact.scope(), *entry));
            // After a restart the same fact brings the number again: it is live data that was lost.
            working.keep_personal(entry, fact.personal);
            return FactOutcome::Repeat(entry);
        }
        self.odd(working, source, &fact);
        let digest = content;
        let now = self.engine.clock.now();
        // What rang unstored is stored under the id it rang with.
        let base = self.unstored.base_of(source, &fact).unwrap_or_else(|| self.engine.ids.uuid(now));
        let mut ctx = Ctx::new(now, actor, base);
        ctx.at = in_micros(fact.at.min(now));
        ctx.rank = fact.rank;
        ctx.is_timed = fact.is_timed;
        ctx.is_session = fact.is_session;
        ctx.namespace = Some(self.engine.namespaces.of(source));
        ctx.device_before = self.engine.units.before(device_of(&fact.observation));
        ctx.visit_starts = !self.engine.plan_only.contains(source);
        ctx.agreement = fact.agreement;
        ctx.candidates = fact.candidates;
        if let Observation::CallAnswered { call, .. } = &fact.observation {
            ctx.same_caller = self.same_caller(&working.state, source, call);
        }
        let speaks = |it: &Observation| {
            use Observation as O;
            matches!(it, O::CallWaiting { .. } | O::AlarmRaised { .. } | O::AlarmWaiting { .. })
        };
        if speaks(&fact.observation) {
            ctx.same_number = self.same_number(working, &fact.personal);
        }
        ctx.same_person = self.same_person(working, &fact.personal);
        let cause = fact_cause(&scope, &fact.key);
        let request = Request::Observation(fact.observation);
        let (outcome, entry, observed) = match domain::decide(&working.state, &ctx, &request) {
            Ok(drafts) => {
                let entry = drafts.first().map(|draft| draft.entry).filter(|id| *id != domain::NO_ENTRY);
                working.record(&ctx, &cause, drafts);
                working.keep_personal(entry, fact.personal);
                let seen = entry.filter(|id| is_concerned(&working.state, ctx.scope(), *id));
                ("recorded", entry, FactOutcome::Recorded(seen))
            }
            Err(Refusal::Unchanged) => {
                let Request::Observation(observation) = &request else { return FactOutcome::Ignored };
                let about = domain::intake::about(&working.state, &ctx, observation);
                let (entry, is_open) = (about.map(|it| it.id), about.is_some_and(|it| it.is_open()));
                working.keep_personal(entry, fact.personal);
                let seen = entry.filter(|id| is_concerned(&working.state, ctx.scope(), *id));
                // Of a unit that signals ten times a second not even the keys are kept: judged again it says the same.
                if matches!(observation, Observation::AlarmRaised { .. }) && (is_open || entry.is_none()) {
                    return FactOutcome::Repeat(seen);
                }
                match entry {
                    Some(_) => ("repeat", entry, FactOutcome::Repeat(seen)),
                    None => ("ignored", None, FactOutcome::Ignored),
                }
            }
            Err(refusal) => ("refused", None, FactOutcome::Refused(refusal)),
        };
        if !matches!(observed, FactOutcome::Refused(_)) {
            let seen = Seen {
                scope,
                key: fact.key,
                digest,
                outcome: outcome.into(),
                entry,
                first: None,
                answer: None,
            };
            working.remember(seen);
        }
        observed
    }

    /// Missed calls, still open, of the one who is being answered now.
    fn same_caller(&self, state: &State, source: &SourceName, call: &ExternalId) -> Vec<EntryId> {
        let Some(answered) = state.by_origin(source, call).map(|entry| entry.id) else { return Vec::new() };
        let Some(number) = self.engine.live.get(answered).and_then(|personal| personal.caller) else {
            return Vec::new();
        };
        let is_missed = |id: &EntryId| {
            state.entry(*id).is_some_and(
                |entry| matches!(&entry.body, Body::Phone(call) if entry.is_open() && call.missed_at.is_some()),
            )
        };
        self.engine
            .live
            .same_caller(&number)
            .into_iter()
            .filter(|id| *id != answered)
            .filter(is_missed)
            .collect()
    }

    /// Entries with the same number, those of this batch included.
    fn same_number(&self, working: &Working, personal: &Personal) -> Vec<EntryId> {
        let Some(number) = &personal.caller else { return Vec::new() };
        let has_it = |it: &Personal| it.caller.as_deref().is_some_and(|other| is_same_number(number, other));
        let here = working.personal.iter().filter(|(_, it)| has_it(it)).map(|(entry, _)| *entry);
        let mut found = self.engine.live.same_caller(number);
        found.extend(here);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The entries of the citizen whom a hospital's message names, those of this batch too.
    fn same_person(&self, working: &Working, personal: &Personal) -> Vec<EntryId> {
        let Some(cpr) = &personal.cpr else { return Vec::new() };
        let here =
            working.personal.iter().filter(|(_, it)| it.cpr.as_ref() == Some(cpr)).map(|(entry, _)| *entry);
        let mut found = self.engine.live.same_person(cpr);
        found.extend(here);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What was odd about a fact that is taken all the same: its form, and a clock ahead of ours.
    fn odd(&self, working: &mut Working, source: &SourceName, fact: &Fact) {
        let now = self.engine.clock.now();
        let ahead = fact.at - now;
        if fact.is_timed {
            self.engine.health.clock_ahead(source, Some(ahead).filter(|ahead| *ahead >= CLOCK_AHEAD_TOLD));
        }
        for what in &fact.marks {
            if let Some(times) = self.engine.health.odd(source, what, now) {
                let trouble = sources::TroubleKind::Odd;
                let report = sources::Report::Trouble { trouble, what: Some(what.clone()), times };
                working.odd.push((source.clone(), report));
            }
        }
    }
}

/// What was told then is still to be looked at: nothing is lost by taking it as said again.
fn still_rings(state: &State, seen: &Seen) -> bool {
    let entry = seen.entry.and_then(|id| state.entry(id)).filter(|entry| entry.is_open());
    entry.is_some_and(|entry| match &entry.body {
        Body::Alarms(alarm) => alarm.takes_signals(),
        _ => true,
    })
}

/// Whether whoever speaks for these agreements may hear of an entry. A source that was given none speaks for all.
fn is_concerned(state: &State, scope: &[AgreementId], entry: EntryId) -> bool {
    state.entry(entry).is_some_and(|entry| scope.is_empty() || entry.is_in(scope))
}

/// The device that a fact names.
fn device_of(observation: &Observation) -> Option<&ExternalId> {
    match observation {
        Observation::AlarmRaised { device, .. } => device.as_ref(),
        Observation::DeviceHeard { device } | Observation::DeviceSilent { device } => Some(device),
        _ => None,
    }
}
