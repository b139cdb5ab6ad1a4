//! A real Asterisk with a folder and ports of its own, for the tests that need one.
//!
//! Needs the bench beside the project (`../shared/asterisk`, installed once by its `install`). Without it this says
//! so; where `CI` is set it fails.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::ports::free_port;

const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/asterisk");
pub const SECRET: &str = "kun-til-proeve";

/// A running exchange with a folder and ports of its own; stopped and removed when dropped.
pub struct Pbx {
    folder: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
    pub ami_port: u16,
}

impl Pbx {
    /// None: this machine has none. Panics where it must be there.
    pub fn start() -> Option<Self> {
        let missing = |what: &str| {
            #[expect(
                clippy::disallowed_methods,
                reason = "whether it must be there is not the program's business"
            )]
            let must_be_there = std::env::var_os("CI").is_some();
            assert!(!must_be_there, "{what}");
            eprintln!("NOT TESTED against a real Asterisk: {what}");
        };
        if !Path::new(BENCH).join("start").exists() {
            missing(&format!("there is no bench in {BENCH}"));
            return None;
        }
        let ports = free_ports();
        let folder = tempfile::tempdir().unwrap();
        let mut env = vec![("ASTERISK_RUN", folder.path().join("run").display().to_string())];
        env.push(("AMI_SECRET", SECRET.into()));
        env.push(("QUEUE_TIMEOUT", "6".into()));
        env.extend(
            ["AMI_PORT", "SIP_PORT", "HTTP_PORT", "RTP_PORT"]
                .into_iter()
                .zip(ports.map(|port| port.to_string())),
        );
        let pbx = Self { folder, env, ami_port: ports[0] };
        let started = pbx.tool("start", &[]);
        if !started.status.success() {
            let said = String::from_utf8_lossy(&started.stderr).into_owned();
            missing(&format!("run {BENCH}/install once; it said: {said}"));
            return None;
        }
        Some(pbx)
    }

    pub fn tool(&self, tool: &str, arguments: &[&str]) -> Output {
        let envs = self.env.iter().map(|(name, value)| (*name, value.as_str()));
        Command::new(Path::new(BENCH).join(tool)).args(arguments).envs(envs).output().unwrap()
    }

    /// Adds to its settings, (file, text) each, and has them read.
    pub fn configure(&self, more: &[(&str, &str)]) {
        for (file, text) in more {
            let path = self.folder.path().join("run/etc").join(file);
            let mut file = std::fs::File::options().append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        for command in ["module reload app_queue.so", "dialplan reload", "module reload res_pjsip.so"] {
            let read = self.tool("cli", &[command]);
            assert!(read.status.success(), "{command}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }

    /// Where callers reach it, by UDP.
    pub fn sip_port(&self) -> u16 {
        let port = self.env.iter().find(|(name, _)| *name == "SIP_PORT");
        port.and_then(|(_, port)| port.parse().ok()).unwrap()
    }

    pub fn queue_log(&self) -> PathBuf {
        self.folder.path().join("run/log/queue_log")
    }

    /// The lines of the log and of what was rotated away, in order.
    pub fn queue_log_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for file in std::fs::read_dir(self.folder.path().join("run/log")).unwrap() {
            let path = file.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("queue_log") {
                lines.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
            }
        }
        // By time; the sort keeps the order within a file, and no call spans a rotation here.
        lines.sort_by_key(|line| line.split('|').next().unwrap().parse::<i64>().unwrap());
        lines
    }

    /// Stops or wakes the process: it keeps its connections and says nothing.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("run/pid")).unwrap();
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        self.tool("stop", &["--clean"]);
    }
}

/// For managers, for SIP (both also UDP) and for HTTP; the last is the first of 500 for sound.
fn free_ports() -> [u16; 4] {
    let sound = 10_000 + u16::try_from(std::process::id() % 40).unwrap() * 500;
    [free_port(), free_port(), free_port(), sound]
}
