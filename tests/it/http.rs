//! HTTP as a stranger speaks it: headers given twice, numbers without end, bodies broken off.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Setup, TestServer, within};

/// What is answered to these bytes: status and body.
async fn raw(server: &TestServer, request: &str) -> (u16, Value) {
    let mut line = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    line.write_all(request.as_bytes()).await.unwrap();
    line.shutdown().await.unwrap();
    let mut answer = Vec::new();
    within("the answer", line.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn a_request_names_one_host_and_every_other_header_once() {
    let server = Setup::memory().start().await;
    let token = format!("Authorization: Bearer {}", server.tokens["anna"]);
    let cases: [(&str, &str, u16, &str); 12] = [
        ("HTTP/1.1", "Host: a", 200, ""),
        ("HTTP/1.1", "Host: 127.0.0.1:7878", 200, ""),
        ("HTTP/1.1", "Host: [::1]:7878", 200, ""),
        ("HTTP/1.0", "Accept: */*", 200, ""),
        ("HTTP/1.1", "Accept: */*", 400, "header-missing"),
        ("HTTP/1.1", "Host: a\r\nHost: a", 400, "header-repeated"),
        ("HTTP/1.1", "Host: a\r\nhost: b", 400, "header-repeated"),
        ("HTTP/1.0", "Host: a\r\nHost: b", 400, "header-repeated"),
        ("HTTP/1.1", "Host: a b", 400, "bad-header"),
        ("HTTP/1.1", "Host: user@a", 400, "bad-header"),
        ("HTTP/1.1", "Host: a\r\nContent-Encoding: gzip", 415, "content-encoding"),
        ("HTTP/1.1", "Host: a\r\nAuthorization: Bearer x", 400, "header-repeated"),
    ];
    for (version, headers, status, code) in cases {
        for path in ["/v1/me", "/healthz"] {
            let is_second_token = headers.contains("Authorization") && path == "/healthz";
            if is_second_token {
                continue;
            }
            let ask = format!("GET {path} {version}\r\n{headers}\r\n{token}\r\n\r\n");
            let (saw, body) = raw(&server, &ask).await;
            assert_eq!(
                (saw, body["code"].as_str().unwrap_or_default()),
                (status, code),
                "{headers:?} {path}"
            );
        }
    }
    let twice = format!(
        "GET /v1/entries/x HTTP/1.1\r\nHost: a\r\n{token}\r\nPurpose: duty\r\nPurpose: complaint\r\n\r\n"
    );
    assert_eq!(raw(&server, &twice).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn a_number_out_of_range_or_given_twice_is_a_problem_that_names_it() {
    let server = Setup::memory().start().await;
    for (path, after) in [("/v1/audit", "after"), ("/v1/stream", "after")] {
        for number in [
            "9223372036854775808",
            "18446744073709551616",
            "-1",
            "1.5",
            "1e3",
            "",
            "x",
            "+1",
            "%ff",
            "0x10",
            "%00",
        ] {
            let answer = server.get(&format!("{path}?{after}={number}"), "lise").await;
            answer.is_problem(400, "not-a-number", after);
        }
        let answer = server.get(&format!("{path}?{after}=1&{after}=1"), "lise").await;
        answer.is_problem(400, "parameter-repeated", after);
    }
    assert_eq!(server.get("/v1/audit?after=9223372036854775807", "lise").await.body, json!([]));
    server.get("/v1/stream?after=9223372036854775807", "lise").await.is_problem(410, "resync", "");
    server.get("/v1/entries?find=1&find=2", "lise").await.is_problem(400, "parameter-repeated", "find");
    for id in ["x", "-1", "99999999999999999999"] {
        let request = server.request(reqwest::Method::GET, "/v1/stream", "lise").header("Last-Event-ID", id);
        let answer = crate::world::Answer::of(request.send().await.unwrap()).await;
        answer.is_problem(400, "not-a-number", "last-event-id");
    }
    for path in ["/v1/entries/%ff", "/v1/citizens/%ff/history"] {
        let request = server.request(reqwest::Method::GET, path, "lise").header("Purpose", "duty");
        crate::world::Answer::of(request.send().await.unwrap()).await.is_problem(400, "bad-path", "id");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_is_framed_badly_or_broken_off_does_nothing_and_harms_nobody() {
    let server = Setup::memory().start().await;
    let head = format!(
        "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\n",
        server.tokens["central"]
    );
    let item = json!([{ "key": "k", "at": server.now(), "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": "a-1" } }])
    .to_string();
    let length = item.len();
    for (framed, statuses) in [
        (format!("Transfer-Encoding: chunked\r\n\r\nfff\r\n{item}"), &[400][..]),
        (format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{item}"), &[400]),
        (format!("Transfer-Encoding: gzip\r\n\r\n{item}"), &[400, 501]),
        (format!("Content-Length: {length}\r\nContent-Length: {}\r\n\r\n{item}", length + 1), &[400]),
        (format!("Content-Length: -1\r\n\r\n{item}"), &[400]),
        (format!("Content-Length: {}\r\n\r\n{item}", length + 5), &[400]),
        (format!("{}Content-Length: {length}\r\n\r\n{item}", "X: y\r\n".repeat(5_000)), &[431]),
        (format!("X: {}\r\nContent-Length: {length}\r\n\r\n{item}", "y".repeat(100_000)), &[431]),
    ] {
        let (status, body) = raw(&server, &format!("{head}{framed}")).await;
        assert!(statuses.contains(&status), "{status} {body} to {}", &framed[..framed.len().min(80)]);
        let board = server.board("anna").await;
        let mut boards = board["entries"].as_array().unwrap().iter().map(|it| it["board"].as_str().unwrap());
        assert!(boards.all(|board| board == "sources"), "{}", &framed[..framed.len().min(80)]);
    }
    server.alarm("after").await;
    server.stop().await;
}

#[tokio::test]
async fn another_method_is_told_which_ones_there_are() {
    let server = Setup::memory().start().await;
    let request = server.request(reqwest::Method::DELETE, "/v1/board", "anna");
    let response = request.send().await.unwrap();
    assert_eq!(response.status().as_u16(), 405);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    server.stop().await;
}

#[tokio::test]
async fn a_name_given_twice_marks_that_item_and_refuses_that_command() {
    let server = Setup::memory().start().await;
    let at = server.now().to_rfc3339();
    let item = |key: &str, more: &str, observed: &str| {
        format!(
            r#"{{"key":"{key}","at":"{at}","agreement":"jammerbugt"{more},"observation":{{"type":"alarm-raised",{observed}}}}}"#
        )
    };
    let body = format!(
        "[{},{},{},{},{}]",
        item("k-1", "", r#""alarm":"a-1""#),
        item("k-2", "", r#""alarm":"a-2","alarm":"a-1""#),
        item("k-3", r#","at":"no time","key":"k-1""#, r#""alarm":"a-3","type":"alarm-cleared""#),
        // What no reader can hold is that item's trouble alone.
        item("k-4", "", r#""alarm":"\ud800""#),
        item("k-5", "", r#""alarm":"a-5""#),
    );
    let answer = server.post_text("/v1/observations", "central", body).await;
    let said: Vec<_> = answer
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let problem = &it["problem"];
            (
                it["outcome"].as_str().unwrap(),
                problem["code"].as_str().unwrap_or_default(),
                problem["field"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("recorded", "", ""),
            ("recorded", "duplicate-name", "observation.alarm"),
            ("recorded", "duplicate-name", "at"),
            ("refused", "bad-json", ""),
            ("recorded", "", ""),
        ],
        "{answer:?}"
    );
    let board = server.board("anna").await;
    let mut alarms: Vec<&str> = board["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["details"]["alarm"].as_str())
        .collect();
    alarms.sort_unstable();
    assert_eq!(alarms, ["a-1", "a-2", "a-3", "a-5"], "the first value stands");
    let source = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "central").unwrap();
    let counted = source["unreadable"].as_array().unwrap().iter().find(|it| it["what"] == "item-name-twice");
    assert_eq!(counted.unwrap()["count"], 2, "{source}");

    let entry = board["entries"][0]["id"].as_str().unwrap();
    let command = |more: &str, command: &str| {
        format!(r#"{{"id":"1","entry":"{entry}"{more},"command":{{{command}}}}}"#)
    };
    for (body, field) in [
        (command(r#","id":"2""#, r#""type":"claim""#), "id"),
        (command("", r#""type":"claim","type":"claim""#), "command.type"),
        (command(r#","command":{"type":"claim"}"#, r#""type":"release""#), "command"),
    ] {
        server.post_text("/v1/commands", "anna", body).await.is_problem(422, "duplicate-name", field);
    }
    let seat = r#"{"desk":"d","left":false,"left":true}"#;
    server.post_text("/v1/seat", "anna", seat).await.is_problem(422, "duplicate-name", "left");
    server.stop().await;
}
