//! What the benches need: the real server in a process of its own, a plain HTTP connection, and figures.
//!
//! Nothing here is a test of right or wrong: an answer that is not 200 ends the bench, since its figures would be none.
#![allow(dead_code, reason = "each bench uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the real program is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_vagttavle");

/// A number from `--NAME N`, else what the bench says.
pub fn argument(name: &str, otherwise: u64) -> u64 {
    let flag = format!("--{name}");
    let mut given = std::env::args().skip_while(|it| *it != flag).skip(1);
    given
        .next()
        .map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("--{name} takes a number")))
}

/// A process that is ended with its holder.
pub struct Running(pub Child);

impl Running {
    /// Starts `command` and reads the address it says in its first line.
    pub fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let said = child.stdout.take().expect("it is piped");
        BufReader::new(said).read_line(&mut line).expect("a first line");
        let address = line.trim().rsplit("http://").next().unwrap_or_default().to_owned();
        assert!(address.contains(':'), "it said no address: {line:?}");
        (Self(child), address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The real server over SQLite in a folder of its own, with a coordinator and a source.
pub struct Server {
    pub address: String,
    pub coordinator: String,
    pub source: String,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start() -> Self {
        let folder =
            tempfile::Builder::new().prefix("vagttavle-bench-").tempdir_in(disk()).expect("a folder");
        let add = |name: &str, role: &str| {
            let user = ["user", "add", name, "--role", role, "--agreement", "jammerbugt"];
            let said = program(folder.path()).args(user).output().expect("the program runs");
            assert!(said.status.success(), "user add: {}", String::from_utf8_lossy(&said.stderr));
            String::from_utf8_lossy(&said.stdout).trim().to_owned()
        };
        let (coordinator, source) = (add("anna", "coordinator"), add("kilde", "source"));
        let (running, address) =
            Running::start(program(folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
        Self { address, coordinator, source, _running: running, _folder: folder }
    }
}

/// The program with everything it keeps in one folder.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    let homes = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"];
    command.envs(homes.map(|name| (name, folder.join("home"))));
    command.env("VAGTTAVLE_DATA", folder.join("data")).env("VAGTTAVLE_LOG", "warn");
    command
}

/// A real disk: a temporary folder in memory has no sync to wait for.
pub fn disk() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// One connection that is kept, by plain sockets: the load must cost less than what it measures.
pub struct Connection {
    stream: TcpStream,
    host: String,
    answer: Vec<u8>,
}

impl Connection {
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server takes connections");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        Self { stream, host: address.to_owned(), answer: Vec::new() }
    }

    pub fn post(&mut self, path: &str, token: &str, body: &str) -> &[u8] {
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).expect("the server reads");
        self.read()
    }

    pub fn get(&mut self, path: &str, token: &str) -> &[u8] {
        self.ask(path, token);
        self.read()
    }

    /// Whether this is answered by 200.
    pub fn is_well(&mut self, path: &str) -> bool {
        self.ask(path, "none");
        let mut first = [0; 12];
        self.stream.read_exact(&mut first).is_ok() && &first == b"HTTP/1.1 200"
    }

    fn ask(&mut self, path: &str, token: &str) {
        let host = &self.host;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).expect("the server reads");
    }

    /// The body of one answer. Anything else than 200 ends the bench.
    fn read(&mut self) -> &[u8] {
        self.answer.clear();
        let mut piece = [0; 16 * 1024];
        let head = loop {
            if let Some(at) = self.answer.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill(&mut piece);
        };
        let text = String::from_utf8_lossy(&self.answer[..head]).to_ascii_lowercase();
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"))
            .and_then(|length| length.trim().parse().ok())
            .unwrap_or_default();
        while self.answer.len() < head + length {
            self.fill(&mut piece);
        }
        let body = &self.answer[head..];
        assert!(text.starts_with("http/1.1 200"), "{text}{}", String::from_utf8_lossy(body));
        body
    }

    fn fill(&mut self, piece: &mut [u8]) {
        let got = self.stream.read(piece).expect("an answer in time");
        assert!(got > 0, "the server closed the connection");
        self.answer.extend_from_slice(&piece[..got]);
    }
}

/// The value below which `share` of all lie. Sorts.
pub fn quantile<T: Copy + PartialOrd>(values: &mut [T], share: f64) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("figures can be ordered"));
    let at = (values.len() as f64 * share) as usize;
    values[at.min(values.len() - 1)]
}

pub fn median<T: Copy + PartialOrd>(values: &mut [T]) -> T {
    quantile(values, 0.5)
}
