//! The real server with a folder of its own, and what a test tells it over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::ports::free_port;
use crate::terminal::Start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vagttavle");

/// A server that is killed when dropped.
pub struct Server {
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), &[])
    }

    /// Data in `folder`/data, `arguments` on top.
    pub fn start_with(folder: tempfile::TempDir, arguments: &[&str]) -> Self {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let listen = format!("127.0.0.1:{}", free_port());
        let (child, address) = serve(folder.path(), &listen, &arguments);
        Self { folder, address, arguments, child }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same folder and port, after a kill.
    pub fn start_again(&mut self) {
        (self.child, self.address) = serve(self.folder.path(), &self.address.to_string(), &self.arguments);
    }

    /// Gives a person access. Returns the token.
    pub fn add(&self, name: &str, role: &str, agreement: &str) -> String {
        let data = self.data().display().to_string();
        let out = program(self.folder.path())
            .args(["user", "--data", &data, "add", name, "--role", role, "--agreement", agreement])
            .output()
            .unwrap();
        assert!(out.status.success(), "user add: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A new person and the desk for them, ready to be opened.
    pub fn desk(&self, name: &str, arguments: &[&str]) -> Start {
        let token = self.add(name, "coordinator", "jammerbugt");
        let file = self.folder.path().join(format!("token-{name}"));
        let mut out = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&file).unwrap();
        out.write_all(token.as_bytes()).unwrap();
        let (url, file) = (format!("http://{}", self.address), file.display().to_string());
        let mut all = vec!["desk", "--server", &url, "--token-file", &file];
        all.extend(arguments);
        Start::new(&all)
    }

    pub fn pid(&self) -> i32 {
        Pid::from_child(&self.child).as_raw_nonzero().get()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Hands observations in as a source. Returns the receipts.
    pub fn hand_in(&self, token: &str, items: &[Value]) -> Vec<Value> {
        let (status, body) = http(self.address, "POST", "/v1/observations", token, &json!(items).to_string());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The same, and each is taken.
    pub fn observe(&self, token: &str, items: &[Value]) {
        for receipt in self.hand_in(token, items) {
            assert_eq!(receipt["outcome"], "recorded", "{receipt:#}");
        }
    }

    pub fn board(&self, token: &str) -> Value {
        let (status, body) = http(self.address, "GET", "/v1/board", token, "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).env("LANG", "da_DK.UTF-8");
    command
}

fn serve(folder: &Path, address: &str, arguments: &[String]) -> (Child, SocketAddr) {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
    let mut child = program(folder)
        .args(["serve", "--listen", address, "--data"])
        .arg(folder.join("data"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let log = || std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let address =
        said.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{said} {}", log()));
    (child, address.parse().unwrap())
}

/// One request; status and body.
pub fn http(address: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// An observation that happens now.
pub fn now(key: &str, observation: Value) -> Value {
    let at = vagttavle::clock::Clock::system().now();
    json!({"key": key, "at": at.to_rfc3339(), "agreement": "jammerbugt", "observation": observation})
}

pub fn alarm(id: &str) -> Value {
    now(&format!("raised-{id}"), json!({"type": "alarm-raised", "alarm": id, "trigger": "pendant"}))
}

/// A waiting call with a caller and a name.
pub fn call(id: &str, caller: &str, name: &str) -> Value {
    let observation = json!({"type": "call-waiting", "call": id, "queue": "doegnvagt", "caller": caller, "caller_name": name});
    now(&format!("waiting-{id}"), observation)
}
