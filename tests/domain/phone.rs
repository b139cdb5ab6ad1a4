//! The phone queue: waiting, answered, missed, called back, and which fact wins.

use chrono::Duration;
use vagttavle::domain::Refusal;
use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::DueKind;
use vagttavle::domain::identity::{Board, EntryId};
use vagttavle::domain::observation::{MissedReason, Observation, Rank};
use vagttavle::domain::phone::{self, Phase};
use vagttavle::domain::vocabulary::Word;

use crate::support::*;

fn waiting() -> (World, EntryId) {
    let mut world = World::new();
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    (world, call)
}

fn missed() -> (World, EntryId) {
    let (mut world, call) = waiting();
    world.pass_seconds(40).given(call_missed("c-1", MissedReason::HungUp));
    (world, call)
}

#[test]
fn a_waiting_call_has_a_time_to_be_answered_by() {
    let (mut world, call) = waiting();
    assert_eq!(world.state_of(call), "waiting");
    assert_eq!(world.due(call, DueKind::Answer), Some(world.now + Duration::seconds(60)));
    assert_eq!(world.tells("central", call_waiting("c-1")), Err(Refusal::Unchanged));
}

#[test]
fn answered_and_ended_is_over_and_counts_its_wait() {
    let (mut world, call) = waiting();
    world.pass_seconds(25).given(call_answered("c-1", Some("bo")));
    assert_eq!(world.state_of(call), "answered");
    assert_eq!(world.call(call).answered_by, Some(person("bo")));
    assert_eq!(world.due(call, DueKind::Answer), None);
    world.pass_minutes(4).given(call_ended("c-1"));
    assert_eq!(world.state_of(call), "ended");
    assert!(!world.entry(call).is_open());
    assert_eq!(world.answering("jammerbugt", Board::Phone, 24), (0, 1));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 25), (1, 1));
}

#[test]
fn an_agent_who_is_not_one_of_us_is_not_named() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", Some("PJSIP/2421")));
    assert_eq!(world.call(call).answered_by, None);
}

#[test]
fn a_person_answers_for_an_exchange_that_does_not_tell() {
    let (mut world, call) = waiting();
    world.does("anna", call, answer());
    assert_eq!(world.call(call).answered_by, Some(person("anna")));
    assert_eq!(world.tries("bo", call, answer()), Err(Refusal::WrongState { state: "answered".into() }));
}

#[test]
fn an_answer_pressed_on_the_wrong_row_does_not_hide_a_miss() {
    let (mut world, call) = waiting();
    world.does("anna", call, answer()).pass_seconds(30);
    world.given(call_missed("c-1", MissedReason::HungUp));
    assert_eq!(world.state_of(call), "missed");
    assert_eq!(world.answering("jammerbugt", Board::Phone, 999), (0, 1));
}

#[test]
fn the_exchange_confirms_a_persons_answer_and_gives_it_its_time() {
    let (mut world, call) = waiting();
    let answered_at = world.now + Duration::seconds(5);
    world.pass_seconds(20).does("anna", call, answer());
    world.tells_of("central", answered_at, call_answered("c-1", None)).unwrap();
    assert_eq!(world.call(call).answered_at, Some(answered_at));
    assert_eq!(world.call(call).answered_by, Some(person("anna")));
    assert_eq!(world.call(call).rank, Rank::Event);
}

#[test]
fn answering_what_somebody_else_has_is_refused_with_the_holder() {
    let (mut world, call) = waiting();
    world.does("anna", call, claim());
    for command in [answer(), give_up("no-number")] {
        assert!(matches!(world.tries("bo", call, command), Err(Refusal::HeldByOther { .. })));
    }
}

#[test]
fn a_missed_call_stays_until_it_is_called_back() {
    let (mut world, call) = missed();
    assert_eq!(world.state_of(call), "missed");
    assert_eq!(world.due(call, DueKind::CallBack), Some(world.now + Duration::minutes(15)));
    assert_eq!(world.due(call, DueKind::Kept), Some(world.now + Duration::days(30)));
    world.pass_days(7).does("anna", call, call_back(true));
    assert_eq!(world.state_of(call), "called-back");
    assert!(!world.entry(call).is_open());
    assert!(world.entry(call).dues.is_empty());
    assert_eq!(world.answering("jammerbugt", Board::Phone, 999), (0, 1), "called back is still missed");
}

#[test]
fn a_missed_call_leaves_after_thirty_days_with_an_event_that_says_so() {
    let (mut world, call) = missed();
    world.pass_days(30);
    assert_eq!(world.state_of(call), "given-up");
    assert_eq!(world.last_kinds(1), ["phone.given-up"]);
    assert!(format!("{:?}", world.log.last().unwrap().event).contains("kept-period-over"));
}

#[test]
fn a_call_back_that_reached_nobody_leaves_the_call_with_its_promise() {
    let (mut world, call) = missed();
    let promise_at = world.now + Duration::hours(2);
    let tried = |promise_at| {
        vagttavle::domain::Command::Phone(phone::Command::CallBack { reached: false, promise_at })
    };
    assert_eq!(
        world.tries("anna", call, tried(Some(world.now))),
        Err(Refusal::InPast { field: "promise_at".into() })
    );
    world.does("anna", call, tried(Some(promise_at)));
    assert_eq!(world.state_of(call), "missed");
    assert_eq!(world.call(call).attempts, 1);
    assert_eq!(world.due(call, DueKind::Promise), Some(promise_at));
    assert_eq!(world.due(call, DueKind::CallBack), None);
    assert!(world.due(call, DueKind::Kept).is_some());
}

#[test]
fn calling_back_a_call_that_waits_or_was_answered_is_refused() {
    let (mut world, call) = waiting();
    assert_eq!(
        world.tries("anna", call, call_back(true)),
        Err(Refusal::WrongState { state: "waiting".into() })
    );
    world.does("anna", call, answer());
    assert_eq!(
        world.tries("anna", call, call_back(true)),
        Err(Refusal::WrongState { state: "answered".into() })
    );
    assert_eq!(
        world.tries("anna", call, give_up("no-number")),
        Err(Refusal::WrongState { state: "answered".into() })
    );
}

#[test]
fn giving_up_needs_a_reason_from_the_list() {
    let (mut world, call) = missed();
    for reason in phone::GiveUpReason::ALL {
        let (mut world, call) = missed();
        world.does("anna", call, give_up(reason.name()));
        assert_eq!(world.state_of(call), "given-up");
    }
    world.does("anna", call, give_up("duplicate"));
    assert_eq!(
        world.tries("anna", call, call_back(true)),
        Err(Refusal::WrongState { state: "given-up".into() })
    );
}

// ---- documentation ------------------------------------------------------------------------------

#[test]
fn a_talk_opens_the_reminder_to_document_it() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", Some("bo"))).pass_minutes(3).given(call_ended("c-1"));
    let duty = world.open_duties(DutyKind::Documentation)[0];
    let due = world.entry(duty).due(DueKind::Duty).unwrap();
    assert_eq!(due.at, world.now + Duration::minutes(60));
    assert_eq!(due.clause.as_deref(), Some("3.1.6"));
    world.does("bo", call, documented());
    assert!(!world.entry(duty).is_open());
    assert!(world.call(call).documented_at.is_some());
    assert_eq!(world.tries("bo", call, documented()), Err(Refusal::AlreadyDone));
}

#[test]
fn ticking_the_reminder_documents_the_call() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", None)).given(call_ended("c-1"));
    let duty = world.open_duties(DutyKind::Documentation)[0];
    world.does("bo", duty, duty_done());
    assert!(world.call(call).documented_at.is_some());
}

#[test]
fn a_talk_documented_before_it_ends_reminds_nobody() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", None)).does("anna", call, documented()).given(call_ended("c-1"));
    assert!(world.open_duties(DutyKind::Documentation).is_empty());
}

#[test]
fn where_there_was_no_talk_there_is_nothing_to_document() {
    let (mut world, call) = waiting();
    assert_eq!(world.tries("anna", call, documented()), Err(Refusal::WrongState { state: "waiting".into() }));
    world.given(call_missed("c-1", MissedReason::Timeout));
    assert_eq!(world.tries("anna", call, documented()), Err(Refusal::WrongState { state: "missed".into() }));
}

#[test]
fn an_agreement_that_asks_for_no_documentation_gets_none() {
    let mut world = World::new().within(&["albertslund"]);
    world.given(call_waiting("c-1")).given(call_answered("c-1", None)).given(call_ended("c-1"));
    assert!(world.open_duties(DutyKind::Documentation).is_empty());
}

#[test]
fn reaching_the_caller_back_is_a_talk_to_document() {
    let (mut world, call) = missed();
    world.does("anna", call, call_back(true));
    assert_eq!(world.open_duties(DutyKind::Documentation).len(), 1);
    world.does("anna", call, correct("call-back"));
    assert!(world.open_duties(DutyKind::Documentation).is_empty(), "it did not take place");
}

#[test]
fn a_reminder_that_is_overdue_falls_late_and_stays_late_when_done_through_the_call() {
    let (mut world, call) = waiting();
    world.given(call_answered("c-1", None)).given(call_ended("c-1")).pass_minutes(61);
    let duty = world.open_duties(DutyKind::Documentation)[0];
    assert_eq!(world.state_of(duty), "late");
    world.does("bo", call, documented());
    assert!(matches!(&world.entry(duty).body, vagttavle::domain::entry::Body::Duties(it) if it.late));
}

// ---- ranks and disorder ---------------------------------------------------------------------------

/// Tells facts in this order and gives the phase and what the figures count.
fn told(facts: &[(Rank, i64, Observation)]) -> (Phase, (u32, u32), bool) {
    let mut world = World::new();
    let start = world.now;
    world.pass_minutes(10);
    for (rank, second, fact) in facts {
        world.rank = *rank;
        let _ = world.tells_of("central", start + Duration::seconds(*second), fact.clone());
    }
    let call = world.of("c-1");
    assert_eq!(world.replayed(), world.state);
    (world.call(call).phase, world.answering("jammerbugt", Board::Phone, 60), world.entry(call).is_open())
}

#[test]
fn a_call_that_ended_without_an_answer_is_missed_until_a_better_fact_says_otherwise() {
    let ended = (Rank::Event, 30, call_ended("c-1"));
    let wait = (Rank::Event, 0, call_waiting("c-1"));
    assert_eq!(told(&[wait.clone(), ended.clone()]).0, Phase::Missed);
    let answered = (Rank::Event, 20, call_answered("c-1", None));
    assert_eq!(told(&[wait, ended, answered]), (Phase::Ended, (1, 1), false));
}

#[test]
fn the_exchanges_log_corrects_a_miss_into_an_answer_and_an_answer_into_a_miss() {
    let wait = (Rank::Event, 0, call_waiting("c-1"));
    let abandon = (Rank::Event, 30, call_missed("c-1", MissedReason::HungUp));
    let connect = (Rank::Log, 29, call_answered("c-1", None));
    let end = (Rank::Log, 90, call_ended("c-1"));
    assert_eq!(told(&[wait.clone(), abandon, connect, end]), (Phase::Ended, (1, 1), false));
    let connect = (Rank::Event, 29, call_answered("c-1", None));
    let end = (Rank::Event, 40, call_ended("c-1"));
    let timeout = (Rank::Log, 30, call_missed("c-1", MissedReason::Timeout));
    assert_eq!(told(&[wait, connect, end, timeout]), (Phase::Missed, (0, 1), true));
}

#[test]
fn a_worse_fact_never_corrects_a_better_one() {
    let wait = (Rank::Event, 0, call_waiting("c-1"));
    let timeout = (Rank::Log, 30, call_missed("c-1", MissedReason::Timeout));
    let connect = (Rank::Event, 29, call_answered("c-1", None));
    assert_eq!(told(&[wait, timeout, connect]).0, Phase::Missed);
}

#[test]
fn the_same_facts_in_any_order_come_to_the_same_end() {
    let waiting = (Rank::Event, 0, call_waiting("c-1"));
    let cases = [
        vec![
            waiting.clone(),
            (Rank::Event, 30, call_missed("c-1", MissedReason::Timeout)),
            (Rank::Event, 50, call_answered("c-1", None)),
            (Rank::Event, 90, call_ended("c-1")),
        ],
        vec![
            waiting.clone(),
            (Rank::Event, 30, call_missed("c-1", MissedReason::HungUp)),
            (Rank::Log, 30, call_missed("c-1", MissedReason::HungUp)),
            (Rank::Event, 31, call_answered("c-1", None)),
        ],
        vec![
            waiting.clone(),
            (Rank::Inference, 70, call_missed("c-1", MissedReason::HungUp)),
            (Rank::Log, 30, call_answered("c-1", None)),
            (Rank::Log, 60, call_ended("c-1")),
        ],
        vec![
            waiting,
            (Rank::Event, 30, call_answered("c-1", None)),
            (Rank::Log, 30, call_answered("c-1", None)),
            (Rank::Event, 60, call_ended("c-1")),
        ],
    ];
    for facts in cases {
        let expected = told(&facts);
        for order in orders(facts.len()) {
            let facts: Vec<_> = order.iter().map(|at| facts[*at].clone()).collect();
            // The end of a call nobody knows of is nothing (see below); then the rest is another story.
            if matches!(facts[0].2, Observation::CallEnded { .. }) {
                continue;
            }
            assert_eq!(told(&facts), expected, "{facts:?}");
        }
    }
}

fn orders(of: usize) -> Vec<Vec<usize>> {
    if of == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(of - 1) {
        for place in 0..=shorter.len() {
            let mut order = shorter.clone();
            order.insert(place, of - 1);
            all.push(order);
        }
    }
    all
}

#[test]
fn a_waiting_told_after_the_answer_gives_the_call_its_beginning() {
    let mut world = World::new();
    let began_at = world.now;
    world.pass_seconds(50).given(call_answered("c-1", None));
    let call = world.of("c-1");
    assert_eq!(world.call(call).queue, None);
    world.tells_of("central", began_at, call_waiting("c-1")).unwrap();
    assert_eq!(world.last_kinds(1), ["phone.arrival-known"]);
    assert_eq!(world.entry(call).opened_at, began_at);
    assert_eq!(world.answering("jammerbugt", Board::Phone, 49), (0, 1));
    assert_eq!(world.state_of(call), "answered");
}

#[test]
fn the_end_of_a_call_we_never_heard_of_is_a_miss_until_a_better_fact_says_otherwise() {
    let mut world = World::new();
    world.rank = Rank::Inference;
    assert_eq!(world.tells("central", call_ended("c-1")), Err(Refusal::Unchanged), "concluded from nothing");
    for rank in [Rank::Event, Rank::Log] {
        let mut world = World::new();
        world.rank = rank;
        let began = world.now;
        world.pass_minutes(2).given(call_ended("c-1"));
        let call = world.of("c-1");
        assert_eq!(world.state_of(call), "missed", "{rank:?}");
        assert_eq!(world.tells("central", call_ended("c-1")), Err(Refusal::Unchanged));
        world.tells_of("central", began, call_waiting("c-1")).unwrap();
        world.tells_of("central", began + Duration::seconds(5), call_answered("c-1", None)).unwrap();
        assert_eq!((world.state_of(call), world.entry(call).opened_at), ("ended", began), "{rank:?}");
        assert_eq!(world.open_duties(DutyKind::Documentation).len(), 1);
        assert_eq!(world.replayed(), world.state);
    }
}

#[test]
fn a_better_reason_for_the_same_miss_starts_no_clock_anew() {
    let (mut world, call) = missed();
    let due = world.due(call, DueKind::CallBack);
    world.rank = Rank::Log;
    world.pass_minutes(5).given(call_missed("c-1", MissedReason::NoAgent));
    assert_eq!(world.call(call).reason, Some(MissedReason::NoAgent));
    assert_eq!(world.due(call, DueKind::CallBack), due);
}

// ---- the same caller -------------------------------------------------------------------------------

#[test]
fn the_same_callers_answered_call_is_linked_to_the_missed_one() {
    let (mut world, earlier) = missed();
    world.pass_seconds(30).given(call_waiting("c-2"));
    let later = world.of("c-2");
    world.same_caller = vec![earlier, later];
    world.given(call_answered("c-2", Some("bo")));
    assert_eq!(world.last_kinds(3), ["phone.answered", "entry.linked", "entry.linked"]);
    assert_eq!(world.entry(earlier).links[0].to, later);
    assert_eq!(world.entry(later).links.len(), 1, "not to itself");
    let shown = vagttavle::protocol::project::entry(&world.state, world.entry(earlier), world.now);
    let vagttavle::protocol::Details::Phone(details) = shown.details else { panic!("a call") };
    assert_eq!(details.answered_later, Some(later));
    assert_eq!(shown.attention.next, word("close-missed"));
}

// ---- whose it is --------------------------------------------------------------------------------------

#[test]
fn a_call_to_the_common_number_counts_nowhere_until_somebody_says_whose_it_is() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.given(call_waiting("c-1")).pass_seconds(10).given(call_answered("c-1", None));
    let call = world.of("c-1");
    assert_eq!(world.answering("norddjurs", Board::Phone, 60), (0, 0));
    world.does("anna", call, assign("norddjurs"));
    assert_eq!(world.answering("norddjurs", Board::Phone, 60), (1, 1));
    assert_eq!(world.tries("anna", call, assign("norddjurs")), Err(Refusal::AlreadyDone));
    world.does("anna", call, assign("jammerbugt"));
    assert_eq!(world.answering("norddjurs", Board::Phone, 60), (0, 0));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 60), (1, 1));
    world.does("anna", call, correct("agreement"));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 60), (0, 0));
    assert_eq!(world.tries("anna", call, correct("agreement")), Err(Refusal::NothingToCorrect));
}

#[test]
fn the_reminder_about_a_call_follows_it_to_its_municipality() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.given(call_waiting("c-1")).given(call_answered("c-1", None)).given(call_ended("c-1"));
    let (call, duty) = (world.of("c-1"), world.open_duties(DutyKind::Documentation)[0]);
    assert_eq!(world.entry(duty).agreements().len(), 2, "whose the talk was is not known");
    for municipality in ["norddjurs", "jammerbugt"] {
        world.does("anna", call, assign(municipality));
        assert_eq!(world.entry(duty).agreements(), [agreement(municipality)]);
        assert_eq!(world.state_of(duty), "open");
    }
    world.does("anna", call, correct("agreement"));
    assert_eq!(world.entry(duty).agreements().len(), 2);
    assert_eq!(world.replayed(), world.state);
}

#[test]
fn a_call_cannot_be_given_to_an_agreement_that_is_not_there_or_not_ones_own() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    let unknown = |name: &str| Err(Refusal::UnknownAgreement { agreement: agreement(name) });
    assert_eq!(world.tries("anna", call, assign("atlantis")), unknown("atlantis"));
    assert_eq!(world.tries("mette", call, assign("jammerbugt")), unknown("jammerbugt"));
}

#[test]
fn a_fact_for_an_agreement_that_is_not_adopted_is_recorded_without_rules() {
    let mut world = World::new().within(&["atlantis"]);
    world.given(call_waiting("c-1"));
    assert!(world.entry(world.of("c-1")).dues.is_empty());
}

// ---- the way back --------------------------------------------------------------------------------------

#[test]
fn a_wrong_call_back_brings_the_missed_call_back_with_its_clocks() {
    let (mut world, call) = missed();
    let kept = world.due(call, DueKind::Kept);
    world.pass_minutes(5).does("anna", call, call_back(true)).pass_minutes(5);
    world.does("anna", call, correct("call-back"));
    assert_eq!(world.state_of(call), "missed");
    assert_eq!(world.due(call, DueKind::CallBack), Some(world.now), "now");
    assert_eq!(world.due(call, DueKind::Kept), kept, "and it still leaves when it was to leave");
}

#[test]
fn a_wrong_try_to_call_back_is_taken_out_of_the_count() {
    let (mut world, call) = missed();
    world.does("anna", call, call_back(false)).does("anna", call, correct("call-back"));
    assert_eq!(world.call(call).attempts, 0);
    assert_eq!(world.tries("anna", call, correct("call-back")), Err(Refusal::NothingToCorrect));
}

#[test]
fn a_call_given_up_by_mistake_comes_back() {
    let (mut world, call) = missed();
    assert_eq!(world.tries("anna", call, correct("give-up")), Err(Refusal::NothingToCorrect));
    world.does("anna", call, give_up("duplicate")).does("bo", call, correct("give-up"));
    assert_eq!(world.state_of(call), "missed");
    assert!(world.entry(call).is_open());
    assert!(world.due(call, DueKind::Kept).is_some());
}

#[test]
fn a_call_kept_its_thirty_days_and_brought_back_is_kept_again() {
    let (mut world, call) = missed();
    world.pass_days(31).does("anna", call, correct("give-up"));
    assert!(world.due(call, DueKind::Kept).unwrap() > world.now);
}

#[test]
fn a_waiting_call_given_up_by_mistake_waits_again_or_was_missed_if_it_ended_since() {
    let (mut world, call) = waiting();
    world.does("anna", call, give_up("duplicate")).does("anna", call, correct("give-up"));
    assert_eq!(world.state_of(call), "waiting");
    world.does("anna", call, give_up("duplicate")).pass_seconds(9).given(call_ended("c-1"));
    world.does("anna", call, correct("give-up"));
    assert_eq!(world.state_of(call), "missed");
    assert_eq!(world.answering("jammerbugt", Board::Phone, 999), (0, 1));
}
