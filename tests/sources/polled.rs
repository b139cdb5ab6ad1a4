//! A source that is asked: what is new is handed in, once; silence and what cannot be read are said.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vagttavle::domain::identity::{Code, ExternalId, Key, SourceName};
use vagttavle::domain::observation::{Observation, Rank};
use vagttavle::protocol::board::SourceState;
use vagttavle::protocol::observations::{LiveFacts, Observed, Said};
use vagttavle::sources::polled::{Answer, Asked, NoAnswer, Poll};

use crate::inbox::TestInbox;

type Answers = VecDeque<Result<Answer, NoAnswer>>;

/// Gives the answers in turn, the last one for ever.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Answers>>);

impl Asked for Script {
    async fn ask(&self) -> Result<Answer, NoAnswer> {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    }
}

fn id(text: &str) -> ExternalId {
    ExternalId::new(text).unwrap()
}

fn discharged(stay: &str) -> Observed {
    Observed {
        key: Key::new(stay).unwrap(),
        at: "2026-11-22T02:00:00Z".parse().unwrap(),
        agreement: None,
        candidates: Vec::new(),
        rank: Rank::Event,
        observation: Observation::StayDischarged { stay: id(stay), citizen: None },
        live: LiveFacts::default(),
        said: Said::default(),
    }
}

fn all(stays: &[&str]) -> Result<Answer, NoAnswer> {
    Ok(Answer { observed: stays.iter().map(|stay| discharged(stay)).collect(), ..Answer::default() })
}

fn away() -> Result<Answer, NoAnswer> {
    Err(NoAnswer::Away(Code::new("care-failed").unwrap()))
}

fn start(answers: impl IntoIterator<Item = Result<Answer, NoAnswer>>) -> (TestInbox, CancellationToken) {
    let (inbox, stop) = (TestInbox::new(), CancellationToken::new());
    let poll = Poll {
        source: SourceName::new("nexus").unwrap(),
        inbox: inbox.clone(),
        asked: Script(Arc::new(Mutex::new(answers.into_iter().collect()))),
        every: Duration::from_millis(1),
    };
    tokio::spawn(poll.run(stop.clone()));
    (inbox, stop)
}

fn keys(inbox: &TestInbox) -> Vec<String> {
    inbox.change(|seen| seen.observed.iter().map(|it| it.key.to_string()).collect())
}

#[tokio::test]
async fn only_what_is_new_is_handed_in() {
    let (inbox, stop) = start([all(&["a", "b"]), all(&["a", "b"]), all(&["b", "c"]), all(&["c"])]);
    inbox.until("several answers", |seen| seen.heard > 8).await;
    assert_eq!(keys(&inbox), ["a", "b", "c"]);
    stop.cancel();
}

#[tokio::test]
async fn what_could_not_be_stored_comes_again() {
    let (inbox, stop) = start([all(&["a"])]);
    inbox.change(|seen| seen.turn_away = 2);
    inbox.until("it to be stored", |seen| seen.observed.len() == 1).await;
    stop.cancel();
}

#[tokio::test]
async fn one_missed_answer_is_no_silence_three_are() {
    let (inbox, stop) = start([all(&[]), away(), away(), all(&[]), away(), away(), away(), all(&["a"])]);
    inbox.until("all of it", |seen| seen.observed.len() == 1).await;
    let silences = inbox.change(|seen| {
        seen.states.iter().filter(|(state, _)| *state == SourceState::Silent).cloned().collect::<Vec<_>>()
    });
    assert_eq!(silences, [(SourceState::Silent, Some("care-failed".to_owned()))]);
    stop.cancel();
}

#[tokio::test]
async fn what_needs_somebody_is_said_at_once_and_once() {
    let never = Err(NoAnswer::Never(Code::new("care-refused").unwrap()));
    let (inbox, stop) = start([never.clone(), never.clone(), never, all(&["a"])]);
    inbox.until("the end of it", |seen| seen.observed.len() == 1).await;
    let silences = inbox.change(|seen| seen.states.iter().filter(|it| it.0 == SourceState::Silent).count());
    assert_eq!(silences, 1);
    stop.cancel();
}

#[tokio::test]
async fn each_unreadable_thing_is_said_once() {
    let with = |rows: &[&str]| {
        Ok(Answer { observed: Vec::new(), unreadable: rows.iter().map(|it| id(it)).collect(), waiting: None })
    };
    let (inbox, stop) = start([with(&["r-1"]), with(&["r-1", "r-2"]), with(&["r-2"]), with(&["r-2"])]);
    inbox.until("several answers", |seen| seen.heard > 8).await;
    assert_eq!(inbox.change(|seen| seen.unreadable.clone()), ["care-row-unreadable", "care-row-unreadable"]);
    stop.cancel();
}
