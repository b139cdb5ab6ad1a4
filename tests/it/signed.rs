//! A web hook that signs: what is believed, what is refused and why, and that whoever is on duty sees it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use vagttavle::clock::Clock;
use vagttavle::domain::identity::SourceName;
use vagttavle::protocol::signature::sign;
use vagttavle::server::Signers;

use crate::process::Home;
use crate::world::{Answer, Folder, Setup, TestServer, night, wait_for};

const SECRET: &str = "en hemmelighed paa mindst 32 tegn";

fn signing(setup: Setup, clock: &Clock) -> Setup {
    let mut setup = setup.clock(clock);
    let secrets: BTreeMap<_, _> = [(SourceName::new("nordlys").unwrap(), SecretString::from(SECRET))].into();
    setup.options.signers = Signers::new(secrets);
    setup
}

fn waiting(call: &str) -> String {
    let observation = json!({ "type": "call-waiting", "call": call, "queue": "doegnvagt" });
    json!([{ "key": format!("{call}/waiting"), "at": night(), "observation": observation }]).to_string()
}

struct Post<'a> {
    name: &'a str,
    signed_at: DateTime<Utc>,
    secret: &'a str,
    signed: &'a str,
    sent: &'a str,
    path: &'a str,
}

impl<'a> Post<'a> {
    fn of(body: &'a str, at: DateTime<Utc>) -> Self {
        Self {
            name: "nordlys",
            signed_at: at,
            secret: SECRET,
            signed: body,
            sent: body,
            path: "/v1/observations",
        }
    }

    async fn to(&self, server: &TestServer) -> Answer {
        let (stamp, signature) = sign(self.secret.as_bytes(), self.signed_at, self.signed.as_bytes());
        let request = server
            .request(reqwest::Method::POST, self.path, "")
            .header("Vagttavle-Source", self.name)
            .header("Vagttavle-Timestamp", stamp)
            .header("Vagttavle-Signature", signature)
            .body(self.sent.to_owned());
        Answer::of(request.send().await.unwrap()).await
    }
}

fn counted(board: &Value) -> BTreeMap<String, u64> {
    let sources = board["sources"].as_array().unwrap();
    let it = sources.iter().find(|it| it["name"] == "nordlys").unwrap();
    let unreadable = it["unreadable"].as_array().cloned().unwrap_or_default();
    let pair = |it: &Value| (it["what"].as_str().unwrap().to_owned(), it["count"].as_u64().unwrap());
    unreadable.iter().map(pair).collect()
}

#[tokio::test]
async fn what_is_signed_is_believed_once_and_nothing_else_is() {
    let clock = Clock::manual(night());
    let server = signing(Setup::memory(), &clock).start().await;
    let body = waiting("kald-1");

    // Its token alone does not do any more; other sources go on as they did.
    server.post_text("/v1/observations", "nordlys", body.clone()).await.is_problem(
        401,
        "signature-needed",
        "",
    );
    assert_eq!(server.post_text("/v1/observations", "central", "[]").await.status, 200);

    // Altered, cut, under another secret, by somebody else: refused, and nothing of it is on a board.
    let altered = body.replace("kald-1", "kald-2");
    Post { sent: &altered, ..Post::of(&body, night()) }.to(&server).await.is_problem(
        401,
        "signature-wrong",
        "",
    );
    for cut in [0, 1, body.len() / 2, body.len() - 1] {
        let post = Post { sent: &body[..cut], ..Post::of(&body, night()) };
        post.to(&server).await.is_problem(401, "signature-wrong", "");
    }
    let other = "en anden hemmelighed, lige saa lang";
    Post { secret: other, ..Post::of(&body, night()) }.to(&server).await.is_problem(
        401,
        "signature-wrong",
        "",
    );
    for stranger in ["central", "nobody", "anna"] {
        let post = Post { name: stranger, ..Post::of(&body, night()) };
        post.to(&server).await.is_problem(401, "not-signed-in", "");
    }
    assert_eq!(
        server.board("nora").await["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["board"] == "phone")
            .count(),
        0
    );

    // Right: taken, and not taken twice with the same signature. Signed anew it is a repeat.
    let first = Post::of(&body, night()).to(&server).await;
    assert_eq!(first.body[0]["outcome"], "recorded", "{first:?}");
    Post::of(&body, night()).to(&server).await.is_problem(409, "signature-replayed", "");
    clock.set(night() + TimeDelta::seconds(1));
    let anew = Post::of(&body, clock.now()).to(&server).await;
    assert_eq!(anew.body[0]["outcome"], "repeat", "{anew:?}");

    let seen = counted(&server.board("nora").await);
    let expected: BTreeMap<String, u64> =
        [("signature-needed", 1), ("signature-wrong", 6), ("signature-replayed", 1)]
            .map(|(what, count)| (what.into(), count))
            .into();
    assert_eq!(seen, expected);
    wait_for("the entry", || async {
        let board = server.board("nora").await;
        let shows = board["entries"].as_array().unwrap().iter().any(|it| it["state"] == "unreadable");
        if shows { Ok(()) } else { Err(board) }
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_the_window_is_refused_and_told_by_how_much() {
    let clock = Clock::manual(night());
    let server = signing(Setup::memory(), &clock).start().await;
    for off in [-301, 301, 86_400] {
        let body = waiting(&format!("kald-{off}"));
        let answer = Post::of(&body, night() + TimeDelta::seconds(off)).to(&server).await;
        answer.is_problem(401, "signature-out-of-time", "");
        assert_eq!((&answer.body["ahead_s"], &answer.body["window_s"]), (&json!(off), &json!(300)));
    }
    for off in [-300, 0, 300] {
        let body = waiting(&format!("kald-{off}"));
        let answer = Post::of(&body, night() + TimeDelta::seconds(off)).to(&server).await;
        assert_eq!(answer.body[0]["outcome"], "recorded", "{answer:?}");
    }
    // What is late by the window is forgotten, and out of time by then.
    clock.set(night() + TimeDelta::seconds(601));
    Post::of(&waiting("kald-300"), night() + TimeDelta::seconds(300)).to(&server).await.is_problem(
        401,
        "signature-out-of-time",
        "",
    );
    server.stop().await;
}

#[tokio::test]
async fn headers_that_lack_something_are_malformed_and_never_fall_back_to_the_token() {
    let clock = Clock::manual(night());
    let server = signing(Setup::memory(), &clock).start().await;
    let body = waiting("kald-1");
    let (stamp, signature) = sign(SECRET.as_bytes(), night(), body.as_bytes());
    for missing in ["Vagttavle-Source", "Vagttavle-Timestamp", "Vagttavle-Signature"] {
        let mut request =
            server.request(reqwest::Method::POST, "/v1/observations", "nordlys").body(body.clone());
        for (name, value) in [
            ("Vagttavle-Source", "nordlys"),
            ("Vagttavle-Timestamp", stamp.as_str()),
            ("Vagttavle-Signature", signature.as_str()),
        ] {
            if name != missing {
                request = request.header(name, value);
            }
        }
        Answer::of(request.send().await.unwrap()).await.is_problem(401, "signature-malformed", "");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_replay_after_a_restart_is_harmless_since_its_keys_were_seen() {
    let folder = Folder::new();
    let clock = Clock::manual(night());
    let server = signing(Setup::sqlite(&folder), &clock).start().await;
    let body = waiting("kald-1");
    let first = Post::of(&body, night()).to(&server).await;
    assert_eq!(first.body[0]["outcome"], "recorded", "{first:?}");
    let next = signing(Setup::sqlite(&folder), &clock).people_of(&server);
    server.stop().await;
    let server = next.start().await;
    let again = Post::of(&body, night()).to(&server).await;
    assert_eq!(
        (&again.body[0]["outcome"], &again.body[0]["entry"]),
        (&json!("repeat"), &first.body[0]["entry"])
    );
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_source_signs_in_vain() {
    let clock = Clock::manual(night());
    let server = signing(Setup::memory(), &clock).start().await;
    server.revoke("nordlys").await;
    Post::of("[]", night()).to(&server).await.is_problem(401, "not-signed-in", "");
    server.stop().await;
}

/// The manual's own lines, run by a shell with the real `curl` and `openssl` against the real program.
#[tokio::test]
async fn the_recipe_of_the_manual_signs_as_it_should() {
    let page = include_str!("../../docs/http.md");
    let recipe = page.split_once("<!-- signed -->\n```sh\n").unwrap().1.split_once("```\n").unwrap().0;
    let has = |program: &str| std::process::Command::new(program).arg("version").output().is_ok();
    if !has("openssl") || !has("curl") {
        eprintln!("left out: no openssl or no curl on this machine");
        return;
    }
    let home = Home::new();
    home.add("vestby", "source", "jammerbugt");
    home.write("vestby.secret", "en hemmelighed paa mindst 32 tegn\n");
    let config =
        home.write("server.toml", "[[web_hook]]\nname = \"vestby\"\nsecret_file = \"vestby.secret\"\n");
    let serving = home.serve(&format!("--config {}", config.display()));
    let script = recipe.replace("http://127.0.0.1:7878", &serving.base);
    let mut shell = std::process::Command::new("/bin/sh");
    home.dress(&mut shell);
    let said = shell.arg("-c").arg(script).output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(out.contains("\"recorded\""), "{out} {}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn a_secret_that_could_be_tried_out_is_refused_at_start() {
    let home = Home::new();
    home.write("vestby.secret", "kort\n");
    let config =
        home.write("server.toml", "[[web_hook]]\nname = \"vestby\"\nsecret_file = \"vestby.secret\"\n");
    home.run(&format!("serve --data {{data}} --listen 127.0.0.1:0 --config {}", config.display()))
        .refused(&["vestby.secret", "mindst 32"]);
}
