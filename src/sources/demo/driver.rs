//! Plays a night: hands in the facts when they are due, looks at the board before the colleague acts.
//!
//! Owns the counting of what went well and what did not. Never stops for an error, never panics, ends at once when
//! it is told to.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

use super::colleague::{self, chores, outside_id};
use super::opening::SPARED_FOR;
use super::script::{Act, Deed, Night, Said, Step};
use super::{COLLEAGUE, Clock, Hands, HandsError};
use crate::domain::Command;
use crate::domain::alarms::AlarmState;
use crate::domain::identity::{ExternalId, Key, PersonName};
use crate::protocol::commands::{self, CommandRequest};
use crate::protocol::entry::{Details, Entry};
use crate::protocol::observations::{BATCH_MAX, ObservationItem, Outcome};

/// The colleague looks at the board so often.
const LOOKS_EVERY: Duration = Duration::seconds(20);

/// What became of the night's facts and commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Facts that are on the board.
    pub recorded: u32,
    /// Facts that told nothing new: the user was first.
    pub ignored: u32,
    /// Facts that the server would not take. None, in a night that fits the server.
    pub refused: u32,
    /// What the colleague did.
    pub done: u32,
    /// What she left, because another had it or it was over.
    pub left: u32,
    /// What she was refused: she came second.
    pub declined: u32,
    /// No answer from the server.
    pub failed: u32,
}

/// Plays one night against the world.
pub struct Driver<H, C> {
    hands: H,
    clock: C,
    night: Night,
    me: PersonName,
    commands: u32,
    tally: Tally,
}

impl<H: Hands, C: Clock> Driver<H, C> {
    pub fn new(night: Night, hands: H, clock: C) -> Self {
        let me = PersonName::new(COLLEAGUE).expect("a constant name");
        Self { hands, clock, night, me, commands: 0, tally: Tally::default() }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Hands in what was before the night. The board is whole when this returns: start the desk then.
    pub async fn prepare(&mut self, stop: &CancellationToken) {
        let history = std::mem::take(&mut self.night.history);
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.hand_in_history(&history) => {}
        }
        tracing::info!(tally = ?self.tally, "the demo's past is on the board");
    }

    async fn hand_in_history(&mut self, history: &[Step]) {
        let mut rest = history;
        while let Some(first) = rest.first() {
            let is_said = |step: &Step| matches!(step.act, Act::Say(_));
            let turn = rest.iter().take_while(|step| is_said(step) == is_said(first)).count();
            let (now, later) = rest.split_at(turn);
            if is_said(first) {
                self.say_all(now).await;
            } else {
                self.do_all_at_their_time(now).await;
            }
            rest = later;
        }
    }

    async fn say_all(&mut self, steps: &[Step]) {
        for some in steps.chunks(BATCH_MAX) {
            let items = some.iter().filter_map(|step| match &step.act {
                Act::Say(said) => Some(said.clone().item(self.night.at(step))),
                _ => None,
            });
            let items = items.collect();
            self.submit(items).await;
        }
    }

    /// Past deeds carry their time; one look at the board is enough for all of them.
    async fn do_all_at_their_time(&mut self, steps: &[Step]) {
        let Some(entries) = self.look().await else { return };
        let by_id: HashMap<_, _> = entries.iter().filter_map(|it| Some((outside_id(it)?, it))).collect();
        for step in steps {
            let Act::Do(deed) = &step.act else { continue };
            let it = deed.on.as_ref().and_then(|id| by_id.get(id).copied());
            let entry = if deed.is_duty { it.and_then(|it| duty_about(&entries, it)) } else { it };
            if deed.on.is_some() && entry.is_none() {
                self.tally.left += 1;
                continue;
            }
            self.command(entry, deed.command.clone(), Some(self.night.at(step))).await;
        }
    }

    /// Plays the night from its start on until it is told to stop.
    pub async fn run(&mut self, stop: &CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.play() => {}
        }
        tracing::info!(tally = ?self.tally, "the demo's night is over");
    }

    async fn play(&mut self) {
        let mut looks_at = self.night.start + LOOKS_EVERY;
        for step in self.night.live() {
            let at = self.night.at(&step);
            while looks_at <= at {
                self.clock.sleep_until(looks_at).await;
                self.do_chores().await;
                // After a pause of the whole machine one look is enough.
                looks_at = (looks_at + LOOKS_EVERY).max(self.clock.now());
            }
            self.clock.sleep_until(at).await;
            self.play_step(step.act, at).await;
        }
    }

    async fn play_step(&mut self, act: Act, at: DateTime<Utc>) {
        match act {
            Act::Say(said) => self.submit(vec![said.item(at)]).await,
            Act::SayIfUntaken { alarm, said } => self.say_if_untaken(&alarm, said, at).await,
            Act::Do(deed) => self.act(deed).await,
        }
    }

    async fn say_if_untaken(&mut self, alarm: &ExternalId, said: Said, at: DateTime<Utc>) {
        let Some(entries) = self.look().await else { return };
        let is_untaken = entries.iter().any(|entry| {
            outside_id(entry) == Some(alarm)
                && matches!(entry.state_of(), Some(AlarmState::Raised | AlarmState::Unanswered))
        });
        if is_untaken {
            self.submit(vec![said.item(at)]).await;
        } else {
            self.tally.left += 1;
        }
    }

    async fn act(&mut self, deed: Deed) {
        let Some(id) = deed.on else { return self.command(None, deed.command, None).await };
        let Some(entries) = self.look().await else { return };
        let it = entries.iter().find(|entry| outside_id(entry) == Some(&id));
        let entry = if deed.is_duty { it.and_then(|it| duty_about(&entries, it)) } else { it };
        match entry.filter(|entry| self.may_do(entry, &deed.command)) {
            Some(entry) => self.command(Some(entry), deed.command, None).await,
            None => self.tally.left += 1,
        }
    }

    /// Nobody else has it, nobody else has begun on it, and the board offers it.
    fn may_do(&self, entry: &Entry, command: &Command) -> bool {
        let holder = entry.holder.as_ref().map(|holder| &holder.name);
        let is_begun = match &entry.details {
            Details::Alarms(alarm) => alarm.response.is_some(),
            Details::Visits(visit) => visit.contacted_at.is_some() || !visit.moves.is_empty(),
            _ => false,
        };
        if holder != Some(&self.me) && (holder.is_some() || is_begun) {
            return false;
        }
        let command = commands::Command::from(command.clone());
        let verb = format!("{}.{}", entry.board().name(), command.name().map_or("", |(_, verb)| verb));
        entry
            .actions
            .iter()
            .any(|action| action.verb == verb && action.refused_for(self.me.as_str()).is_none())
    }

    async fn do_chores(&mut self) {
        let Some(entries) = self.look().await else { return };
        let now = self.clock.now();
        let nothing = BTreeSet::new();
        let spared = if now < self.night.start + SPARED_FOR { &self.night.spared } else { &nothing };
        for colleague::Chore { entry, command } in chores(&entries, now, &self.me, spared) {
            let entry = entries.iter().find(|known| known.id == entry);
            self.command(entry, command, None).await;
        }
    }

    // ---- hands ------------------------------------------------------------------------------

    async fn look(&mut self) -> Option<Vec<Entry>> {
        match self.hands.board(&self.me).await {
            Ok(board) => Some(board.entries),
            Err(error) => {
                self.failed("board", &error);
                None
            }
        }
    }

    async fn submit(&mut self, items: Vec<ObservationItem>) {
        match self.hands.submit(items).await {
            Ok(receipts) => {
                for receipt in receipts {
                    match receipt.outcome {
                        Outcome::Recorded => self.tally.recorded += 1,
                        Outcome::Repeat | Outcome::Ignored => self.tally.ignored += 1,
                        Outcome::Refused => {
                            self.tally.refused += 1;
                            let code = receipt.problem.map(|problem| problem.code);
                            tracing::warn!(key = ?receipt.key, ?code, "the server refused a fact of the demo");
                        }
                    }
                }
            }
            Err(error) => self.failed("observations", &error),
        }
    }

    async fn command(&mut self, entry: Option<&Entry>, command: Command, happened_at: Option<DateTime<Utc>>) {
        self.commands += 1;
        let id = Key::new(format!("demo-{:05}", self.commands)).expect("letters, a hyphen and digits");
        let command = commands::Command::from(command);
        let expected_version = entry.map(|it| it.version).filter(|_| command.demands_version());
        let entry = entry.map(|it| it.id);
        let request = CommandRequest { id, entry, expected_version, happened_at, command };
        match self.hands.command(&self.me, request).await {
            Ok(_) => self.tally.done += 1,
            Err(HandsError::Refused(problem)) => {
                self.tally.declined += 1;
                tracing::debug!(code = problem.code, "the demo's colleague came second");
            }
            Err(error) => self.failed("commands", &error),
        }
    }

    fn failed(&mut self, what: &'static str, error: &HandsError) {
        self.tally.failed += 1;
        match error {
            HandsError::Refused(problem) => {
                tracing::warn!(what, code = problem.code, "the server refuses the demo");
            }
            HandsError::Away(why) => tracing::warn!(what, why, "the demo reaches no server"),
        }
    }
}

fn duty_about<'e>(entries: &'e [Entry], about: &Entry) -> Option<&'e Entry> {
    entries
        .iter()
        .find(|entry| matches!(&entry.details, Details::Duties(duty) if duty.about == Some(about.id)))
}
