//! The real binary as its own process, in a home of its own.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{Answer, BOUND, IDLE_MAX, install_tls};

/// A home folder and nothing else of this machine; gone when dropped.
pub struct Home {
    at: TempDir,
}

/// What a program said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn good(self) -> String {
        assert!(self.status.success(), "{self:#?}");
        self.out
    }

    /// It ended badly and said so in one sentence of plain Danish that holds these words.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) {
        assert!(!self.status.success() && self.out.is_empty(), "{self:#?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {self:#?}");
        }
        assert!(!self.err.contains("panicked") && !self.err.contains("Error {"), "{self:#?}");
    }
}

impl Home {
    pub fn new() -> Self {
        install_tls();
        Self { at: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// `vagttavle` with these arguments; `{data}` stands for the data folder.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vagttavle"));
        self.dress(&mut command);
        let data = self.data().display().to_string();
        command.args(arguments.split_whitespace().map(|it| it.replace("{data}", &data)));
        command
    }

    /// Nothing of this machine's environment but the home.
    pub fn dress(&self, command: &mut Command) {
        command
            .env_clear()
            .env("HOME", self.at.path())
            .env("PATH", "/usr/bin:/bin")
            .current_dir(self.at.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    pub fn run(&self, arguments: &str) -> Said {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &str, input: &str) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // It may end without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let said = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { status: said.status, out: text(said.stdout), err: text(said.stderr) }
    }

    /// A person's token, in a file; its content as well.
    pub fn add(&self, name: &str, role: &str, agreements: &str) -> String {
        let said =
            self.run(&format!("user add {name} --role {role} --agreement {agreements} --data {{data}}"));
        let token = said.good().trim().to_owned();
        self.write(&format!("{name}.token"), &token);
        token
    }

    pub fn serve(&self, more: &str) -> Serving {
        Serving::start(
            self.command(&format!("serve --data {{data}} --listen 127.0.0.1:0 {more}")),
            &self.path("stderr.log"),
        )
    }
}

/// A server that hangs must not hang the test.
fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().pool_idle_timeout(IDLE_MAX).timeout(BOUND).build().unwrap()
}

/// `vagttavle serve`, running. Killed when dropped.
pub struct Serving {
    child: Child,
    /// None when its standard output goes elsewhere.
    out: Option<Lines<BufReader<ChildStdout>>>,
    pub base: String,
    http: reqwest::Client,
}

impl Serving {
    /// Waits until it answers. What it writes on standard error is added to `log`.
    pub fn start(command: Command, log: &Path) -> Self {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        Self::begin(command, file.into(), || std::fs::read_to_string(log).unwrap())
    }

    /// The same, with a standard error of the test's own.
    pub fn saying_to(command: Command, stderr: Stdio) -> Self {
        Self::begin(command, stderr, String::new)
    }

    /// One whose standard output nobody reads; it may not answer yet.
    pub fn unheard(mut command: Command, address: &str) -> Self {
        let (child, base) = (command.spawn().unwrap(), format!("http://{address}"));
        Self { child, out: None, base, http: http() }
    }

    fn begin(mut command: Command, stderr: Stdio, log: impl Fn() -> String) -> Self {
        let mut child = command.stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().map(Result::unwrap).unwrap_or_default();
        let Some(base) = first.strip_prefix("listening on ").map(str::to_owned) else {
            let _ = child.kill();
            panic!("it said {first:?} and {}", log());
        };
        Self { child, out: Some(lines), base, http: http() }
    }

    /// The next lines it says.
    pub fn lines(&mut self, count: usize) -> Vec<String> {
        self.out.as_mut().unwrap().take(count).map(Result::unwrap).collect()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut for the process: no time to say goodbye.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, once it has.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Told to end; how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
        self.child.wait().unwrap()
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        let request =
            self.http.post(format!("{}{path}", self.base)).bearer_auth(token).body(body.to_string());
        Ok(Answer::of(request.send().await?).await)
    }

    pub async fn post_bytes(&self, path: &str, token: &str, body: Vec<u8>) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(token).body(body);
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        let request =
            self.http.get(format!("{}{path}", self.base)).bearer_auth(token).header("Purpose", "duty");
        Answer::of(request.send().await.unwrap()).await
    }

    /// One observation as of now; its receipt.
    pub async fn observe(&self, token: &str, key: &str, observation: Value) -> Value {
        let at = vagttavle::clock::Clock::system().now();
        let items = json!([{ "key": key, "at": at, "agreement": "jammerbugt", "observation": observation }]);
        let answer = self.post("/v1/observations", token, &items).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body[0].clone()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
