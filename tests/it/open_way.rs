//! The way stays open: whoever jams the log, the door or standard output, the next alarm is taken. The real program.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::jam::{PIPE, begun, full_pipe, is_closed};
use crate::ports::free_port;
use crate::process::{Home, Serving};
use crate::world::wait_for;

pub fn address(server: &Serving) -> String {
    server.base.trim_start_matches("http://").to_owned()
}

#[tokio::test]
async fn a_log_whose_reader_is_stuck_stops_nothing_and_says_what_it_could_when_it_flows_again() {
    let home = Home::new();
    let central = home.add("central", "source", "jammerbugt");
    let (reader, stderr) = full_pipe();
    let mut command = home.command("serve --data {data} --listen 127.0.0.1:0");
    command.env("VAGTTAVLE_LOG", "debug");
    let server = Serving::saying_to(command, stderr);
    let item = |nth: usize| json!({ "type": "alarm-raised", "alarm": format!("a-{nth}") });
    for nth in 0..400 {
        let token = if nth % 2 == 0 { "" } else { "nobody-has-this" };
        assert_eq!(server.get("/v1/board", token).await.status, 401);
    }
    assert_eq!(server.get("/healthz", "").await.status, 200);
    assert_eq!(server.observe(&central, "k-1", item(1)).await["outcome"], "recorded");
    // It flows again: strangers are told of by their number, not one by one.
    let mut lines = BufReader::new(reader);
    lines.read_exact(&mut vec![0; PIPE]).unwrap();
    let said = tokio::task::spawn_blocking(move || {
        let mut said = Vec::new();
        for line in lines.lines().map(Result::unwrap) {
            let is_it = line.contains("could not sign in");
            said.push(line);
            if is_it {
                break;
            }
        }
        said
    });
    let said = crate::world::within("the log", said).await.unwrap();
    assert!(said.len() < 300, "400 requests were told of one by one: {}", said.len());
    let metrics = server.get("/metrics", "").await.body;
    let metrics = metrics.as_str().unwrap();
    for counted in [r#"{why="no-token"} 200"#, r#"{why="wrong-token"} 200"#] {
        assert!(metrics.contains(&format!("refused_sign_ins_total{counted}")), "{metrics}");
    }
    assert!(!metrics.contains("central"), "counts only, never a name: {metrics}");
}

#[tokio::test]
async fn standard_output_that_nobody_reads_stops_nothing() {
    let home = Home::new();
    let central = home.add("central", "source", "jammerbugt");
    let (_reader, stdout) = full_pipe();
    let base = format!("127.0.0.1:{}", free_port());
    let mut command = home.command(&format!("serve --data {{data}} --listen {base}"));
    command.stdout(stdout).stderr(Stdio::null());
    let server = Serving::unheard(command, &base);
    wait_for("the server", || async {
        let alarm = json!({ "type": "alarm-raised", "alarm": "a-1" });
        let at = vagttavle::clock::Clock::system().now();
        let items = json!([{ "key": "k-1", "at": at, "agreement": "jammerbugt", "observation": alarm }]);
        match server.post("/v1/observations", &central, &items).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// The same program with so few descriptors, which it cannot raise.
pub fn with_descriptors(home: &Home, program: &Command, count: usize) -> Command {
    let mut command = Command::new("sh");
    home.dress(&mut command);
    command.args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args());
    command
}

fn of_256_descriptors(home: &Home) -> Serving {
    let program = home.command("serve --data {data} --listen 127.0.0.1:0");
    Serving::start(with_descriptors(home, &program, 256), &home.path("stderr.log"))
}

#[tokio::test]
async fn half_open_connections_without_end_hold_up_no_alarm_and_no_desk() {
    let home = Home::new();
    let (central, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let server = of_256_descriptors(&home);
    let address = address(&server);
    // Somebody is there before them, and says nothing more.
    let hers = format!("GET /v1/stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {anna}\r\n\r\n");
    let mut stream = begun(&address, &hers);
    stream.read_exact(&mut [0; 12]).unwrap();
    let half = "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuth";
    let mut strangers = Vec::new();
    for nth in 0..600 {
        strangers.push(begun(&address, half));
        if nth % 100 == 99 {
            let alarm = json!({ "type": "alarm-raised", "alarm": format!("a-{nth}") });
            let receipt = server.observe(&central, &format!("k-{nth}"), alarm).await;
            assert_eq!(receipt["outcome"], "recorded", "after {nth}");
            // It was not for their time being over that it came through.
            assert!(!is_closed(strangers.last().unwrap()), "the last of {nth} is still there");
        }
    }
    assert!(is_closed(&strangers[0]), "the first made room");
    stream.set_nonblocking(true).unwrap();
    assert!(matches!(stream.read(&mut [0; 4096]), Ok(length) if length > 0), "her stream was never cut");
    assert_eq!(server.get("/v1/board", &anna).await.status, 200);
}

#[tokio::test]
async fn one_token_cannot_take_every_connection() {
    let home = Home::new();
    let (central, anna) =
        (home.add("central", "source", "jammerbugt"), home.add("anna", "coordinator", "jammerbugt"));
    let server = of_256_descriptors(&home);
    let ask = format!("GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {central}\r\n\r\n");
    let mut held = Vec::new();
    let refused = loop {
        let mut line = begun(&address(&server), &ask);
        let mut first = [0; 12];
        line.read_exact(&mut first).unwrap();
        match &first {
            b"HTTP/1.1 200" => held.push(line),
            _ => break first,
        }
        assert!(held.len() < 200, "one token had {} connections", held.len());
    };
    assert_eq!(&refused, b"HTTP/1.1 429");
    assert!(held.len() > 8, "{}", held.len());
    assert_eq!(server.get("/v1/board", &anna).await.status, 200);
}
