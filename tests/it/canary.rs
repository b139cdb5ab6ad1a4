//! The canary alarm, by the real program through its own receiver: back, closed and counted nowhere; or missed.

use serde_json::{Value, json};

use crate::ports::free_port;
use crate::process::{Home, Serving};
use crate::world::wait_for;

fn serve(home: &Home, listens: u16, sends_to: u16) -> Serving {
    let text = format!(
        "[[scaip]]\nlisten = [\"udp://127.0.0.1:{listens}\"]\nagreement = \"jammerbugt\"\ntest_accounts = [\"kanariefugl\"]\n\
         [canary]\nalarm = \"127.0.0.1:{sends_to}\"\nwithin_s = 5\n"
    );
    let config = home.write("server.toml", &text);
    home.serve(&format!("--config {}", config.display()))
}

fn canary(board: &Value) -> Value {
    board["sources"].as_array().unwrap().iter().find(|it| it["kind"] == "canary").cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_canary_that_comes_back_is_closed_by_itself_and_is_in_no_figure() {
    let home = Home::new();
    let anna = home.add("anna", "coordinator", "jammerbugt");
    let port = free_port();
    let server = serve(&home, port, port);
    let board = wait_for("the canary to be back", || async {
        let board = server.get("/v1/board", &anna).await.body;
        if canary(&board)["heard_at"].is_string() { Ok(board) } else { Err(board) }
    })
    .await;
    assert_eq!(canary(&board)["state"], "ok");
    let open: Vec<&Value> =
        board["entries"].as_array().unwrap().iter().filter(|it| it["board"] == "alarms").collect();
    assert!(open.is_empty(), "{open:?}");
    let counted = board["answering"].as_array().unwrap().iter().filter(|it| it["board"] == "alarms");
    for figure in counted {
        assert!(
            figure["within"].as_array().unwrap().iter().all(|within| within["of"] == json!(0)),
            "{figure}"
        );
    }
}

#[tokio::test]
async fn a_canary_that_does_not_come_back_is_an_entry_that_says_so() {
    let home = Home::new();
    let anna = home.add("anna", "coordinator", "jammerbugt");
    // Somebody is there and says nothing.
    let deaf = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = serve(&home, free_port(), deaf.local_addr().unwrap().port());
    let board = wait_for("the canary to be missed", || async {
        let board = server.get("/v1/board", &anna).await.body;
        let is_missed =
            |it: &Value| it["state"] == "failed" && it["details"]["source"] == "kanariefugl-nødkald";
        if board["entries"].as_array().unwrap().iter().any(is_missed) { Ok(board) } else { Err(board) }
    })
    .await;
    assert_eq!(canary(&board)["state"], "silent");
}

#[test]
fn a_canary_that_would_ring_as_a_real_alarm_is_refused() {
    let home = Home::new();
    let config = home.write("server.toml", "[canary]\nalarm = \"127.0.0.1:5060\"\n");
    let said = home.run(&format!("serve --data {{data}} --listen 127.0.0.1:0 --config {}", config.display()));
    assert!(!said.status.success() && said.err.contains("test_accounts"), "{said:#?}");
}

#[test]
fn a_canary_call_to_an_unknown_exchange_or_a_queue_that_is_read_is_refused() {
    let home = Home::new();
    home.write("ami.secret", "kun-til-proeve");
    let ami = "[[ami]]\nname = \"central\"\naddress = \"127.0.0.1:1\"\nuser = \"vagt\"\nsecret_file = \"ami.secret\"\n\
               queues = { doegnvagt = { kind = \"phone\", agreements = [\"jammerbugt\"] } }\n";
    let calls = [
        ("anden", "kanarie", "sip:2999@127.0.0.1", "anden er ikke navnet"),
        ("central", "doegnvagt", "sip:2999@127.0.0.1", "doegnvagt"),
        ("central", "kanarie", "2999", "sip:NUMBER@HOST:PORT"),
    ];
    for (exchange, queue, to, why) in calls {
        let call = format!("exchange = \"{exchange}\", queue = \"{queue}\", to = \"{to}\"");
        let config = home.write("server.toml", &format!("{ami}[canary]\ncall = {{ {call} }}\n"));
        let said =
            home.run(&format!("serve --data {{data}} --listen 127.0.0.1:0 --config {}", config.display()));
        assert!(!said.status.success() && said.err.contains(why), "{said:#?}");
    }
}
