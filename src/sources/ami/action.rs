//! What we send to an exchange.
//!
//! Owns the whole list of it: nothing here changes anything in the exchange, nor can a value become a line of its own.
//! Must never know when it is sent.

use secrecy::{ExposeSecret, SecretString};

/// Event classes asked for: queues, channels (who hung up), start and stop.
const EVENT_CLASSES: &str = "agent,call,system";

/// Everything we can ever send. Nothing here changes anything in the exchange.
#[derive(Debug)]
pub enum Action<'a> {
    Challenge,
    Login { user: &'a str, proof: Proof },
    Ping,
    QueueStatus { id: &'a str },
    Logoff,
}

/// How the login proves the secret.
#[derive(Debug)]
pub enum Proof {
    /// Answer to the challenge: the secret does not travel.
    Md5(SecretString),
    /// For an exchange without the challenge.
    Plain(SecretString),
}

impl Action<'_> {
    /// The bytes to send. Control characters in values are left out: a value can never become a second line.
    pub fn encode(&self) -> Vec<u8> {
        let mut lines: Vec<(&str, &str)> = Vec::new();
        match self {
            Self::Challenge => {
                lines.extend([("Action", "Challenge"), ("ActionID", "challenge"), ("AuthType", "MD5")]);
            }
            Self::Login { user, proof } => {
                lines.extend([("Action", "Login"), ("ActionID", "login"), ("Username", *user)]);
                match proof {
                    Proof::Md5(key) => lines.extend([("AuthType", "MD5"), ("Key", key.expose_secret())]),
                    Proof::Plain(secret) => lines.push(("Secret", secret.expose_secret())),
                }
                lines.push(("Events", EVENT_CLASSES));
            }
            Self::Ping => lines.extend([("Action", "Ping"), ("ActionID", "ping")]),
            Self::QueueStatus { id } => lines.extend([("Action", "QueueStatus"), ("ActionID", *id)]),
            Self::Logoff => lines.push(("Action", "Logoff")),
        }
        let mut text = String::new();
        for (name, value) in lines {
            text.extend(name.chars().chain(": ".chars()));
            text.extend(value.chars().filter(|c| !c.is_control()));
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}
