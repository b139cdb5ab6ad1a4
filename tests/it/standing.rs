//! What comes round by the calendar: the daily hospital messages, as a duty that somebody ticks off by name.

use chrono::TimeDelta;
use serde_json::json;
use vagttavle::clock::Clock;

use crate::world::{Setup, night, wait_for};

#[tokio::test]
async fn the_daily_hospital_messages_come_once_a_day_and_are_ticked_off_by_name() {
    let clock = Clock::manual(night());
    let server = Setup::memory().clock(&clock).start().await;
    let rounds = || async {
        let board = server.board("anna").await;
        let entries = board["entries"].as_array().cloned().unwrap_or_default();
        let open = entries.into_iter().filter(|it| it["details"]["duty"] == "hospital-messages");
        open.filter(|it| it["agreement"] == "jammerbugt").collect::<Vec<_>>()
    };
    assert!(rounds().await.is_empty());
    // From the night to the next forenoon: the hour of the round has passed, once.
    clock.set(night() + TimeDelta::hours(12));
    let first = wait_for("the day's round", || async {
        let open = rounds().await;
        if open.len() == 1 { Ok(open[0].clone()) } else { Err(open) }
    })
    .await;
    let done = server.act("anna", &first, json!({ "type": "done" })).await.done();
    assert_eq!(done["state"], "done");
    clock.set(night() + TimeDelta::hours(36));
    let second = wait_for("the next day's round", || async {
        let open = rounds().await;
        if open.len() == 1 { Ok(open[0].clone()) } else { Err(open) }
    })
    .await;
    assert_ne!(first["id"], second["id"]);
    server.stop().await;
}
