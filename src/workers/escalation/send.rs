//! How a second person is called: a program of the provider's, or a web hook.
//!
//! Owns the limits of both: no shell, nothing of our environment, an end to waiting. What a program writes is not read.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::settings::Settings;
use crate::clock::{Clock, steady};
use crate::domain::identity::SourceName;
use crate::protocol::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

/// Where a program may find others; nothing else of our environment is handed on.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Pause between looks whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is told: which entry, never whom it is about.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    pub id: String,
    pub why: &'static str,
    pub number: u32,
    pub board: &'static str,
    pub state: &'static str,
    /// Ids, with commas between when it is not known which.
    pub agreement: String,
    pub opened_at: DateTime<Utc>,
    /// It may have been told before: the server was restarted in between.
    pub again: bool,
    /// One sentence, to be read out or sent as it is.
    pub text: String,
}

impl Message {
    /// A word in braces.
    fn word(&self, word: &str) -> String {
        match word {
            "text" => self.text.clone(),
            "why" => self.why.to_owned(),
            "number" => self.number.to_string(),
            "board" => self.board.to_owned(),
            "state" => self.state.to_owned(),
            "agreement" => self.agreement.clone(),
            "opened_at" => self.opened_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            "again" => self.again.to_string(),
            other => format!("{{{other}}}"),
        }
    }

    /// An argument with its words filled in; one argument it stays, whatever they hold.
    fn fill(&self, argument: &str) -> String {
        let mut filled = String::new();
        let mut rest = argument;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            match after.split_once('}') {
                Some((word, after)) => {
                    filled.push_str(&self.word(word));
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }
}

/// One way.
pub enum Channel {
    Program { command: Vec<String>, timeout: Duration },
    WebHook { http: reqwest::Client, url: String, secret: Option<SecretString> },
}

impl Channel {
    /// The ways of the settings. Errors: nothing can be posted from this machine.
    pub fn all(settings: &Settings, secret: Option<SecretString>) -> Result<Vec<Self>, reqwest::Error> {
        let timeout = Duration::from_secs(settings.timeout_s.into());
        let mut all = Vec::new();
        if !settings.command.is_empty() {
            all.push(Self::Program { command: settings.command.clone(), timeout });
        }
        if let Some(url) = &settings.web_hook {
            let http = reqwest::Client::builder()
                .timeout(timeout)
                // Called seldom: a connection kept from the last time may be dead.
                .pool_max_idle_per_host(0)
                // What was set is what is called, and nothing it points to.
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .build()?;
            all.push(Self::WebHook { http, url: url.clone(), secret });
        }
        Ok(all)
    }

    /// Its name in source health.
    pub fn name(&self) -> SourceName {
        let name = match self {
            Self::Program { .. } => "bagvagt-kommando",
            Self::WebHook { .. } => "bagvagt-web-hook",
        };
        SourceName::new(name).expect("a constant name")
    }

    /// Errors: a code that says what went wrong.
    pub async fn send(&self, message: &Message) -> Result<(), &'static str> {
        match self {
            Self::Program { command, timeout } => run(command, message, *timeout).await,
            Self::WebHook { http, url, secret } => post(http, url, secret.as_ref(), message).await,
        }
    }
}

async fn run(command: &[String], message: &Message, timeout: Duration) -> Result<(), &'static str> {
    let (program, arguments) = command.split_first().ok_or("command-missing")?;
    let mut child = Command::new(program)
        .args(arguments.iter().map(|argument| message.fill(argument)))
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own: what it starts can be ended with it.
        .process_group(0)
        .spawn()
        .map_err(|_| "command-missing")?;
    let until = steady() + timeout;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return if status.success() { Ok(()) } else { Err("command-failed") },
            Ok(None) if steady() < until => tokio::time::sleep(LOOK_EVERY).await,
            Ok(None) => {
                end(&mut child);
                return Err("command-too-slow");
            }
            Err(_) => return Err("command-failed"),
        }
    }
}

/// Ends a program and what it started. A failure to do so changes nothing for us.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

async fn post(
    http: &reqwest::Client,
    url: &str,
    secret: Option<&SecretString>,
    message: &Message,
) -> Result<(), &'static str> {
    let body = serde_json::to_vec(message).map_err(|_| "web-hook-refused")?;
    let mut request = http.post(url).header("content-type", "application/json");
    if let Some(secret) = secret {
        let (stamp, signature) = sign(secret.expose_secret().as_bytes(), Clock::system().now(), &body);
        request = request.header(TIMESTAMP_HEADER, stamp).header(SIGNATURE_HEADER, signature);
    }
    match request.body(body).send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(_) => Err("web-hook-refused"),
        Err(error) if error.is_timeout() => Err("web-hook-too-slow"),
        Err(_) => Err("web-hook-away"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            id: "id".into(),
            why: "unclaimed",
            number: 12,
            board: "alarms",
            state: "raised",
            agreement: "jammerbugt".into(),
            opened_at: DateTime::from_timestamp(1_795_000_000, 0).expect("a time"),
            again: false,
            text: "Nødkald 12; rm -rf \"$HOME\" {number}".into(),
        }
    }

    #[test]
    fn words_are_filled_in_once_and_stay_one_argument() {
        let fill = |argument: &str| message().fill(argument);
        assert_eq!(fill("nr {number} på {board}"), "nr 12 på alarms");
        assert_eq!(fill("{text}"), "Nødkald 12; rm -rf \"$HOME\" {number}");
        assert_eq!(fill("{opened_at}|{again}|{unheard-of}|{"), "2026-11-18T11:06:40Z|false|{unheard-of}|{");
    }

    async fn ran(command: &[&str], timeout_ms: u64) -> Result<(), &'static str> {
        let command: Vec<String> = command.iter().map(|it| (*it).to_owned()).collect();
        run(&command, &message(), Duration::from_millis(timeout_ms)).await
    }

    #[tokio::test]
    async fn a_program_is_believed_by_its_status_and_ended_when_it_is_too_slow() {
        assert_eq!(ran(&["/bin/true"], 10_000).await, Ok(()));
        assert_eq!(ran(&["/bin/false"], 10_000).await, Err("command-failed"));
        assert_eq!(ran(&["/no/such/program"], 10_000).await, Err("command-missing"));
        assert_eq!(ran(&["/bin/sleep", "600"], 100).await, Err("command-too-slow"));
    }

    #[tokio::test]
    async fn no_shell_reads_the_arguments_and_nothing_of_our_surroundings_is_handed_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("said");
        let script = format!("printf '%s\\n' \"$#\" \"$1\" > {0}; env >> {0}", file.display());
        assert_eq!(ran(&["/bin/sh", "-c", &script, "sh", "{text}"], 10_000).await, Ok(()));
        let said = std::fs::read_to_string(file).expect("what it said");
        let mut lines = said.lines();
        assert_eq!((lines.next(), lines.next()), (Some("1"), Some("Nødkald 12; rm -rf \"$HOME\" {number}")));
        let known = ["PATH=", "LANG=", "PWD=", "SHLVL=", "_=", "OLDPWD="];
        let others: Vec<_> = lines.filter(|line| !known.iter().any(|name| line.starts_with(name))).collect();
        assert!(others.is_empty(), "{others:?}");
    }
}
