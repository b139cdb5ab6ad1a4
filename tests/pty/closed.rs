//! Nothing of the memory is left behind: no core, nobody looks in, and files are their owner's alone. Server and desk.

use std::fs::{metadata, read_to_string};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::Server;

/// Nobody: what the kernel lets such a one's process be looked into is what counts.
const NOBODY: u32 = 65_534;

fn field(file: &str, name: &str) -> String {
    let text = read_to_string(file).unwrap();
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_closed(pid: i32) {
    assert_eq!(field(&format!("/proc/{pid}/limits"), "Max core file size"), "0 0 bytes");
    assert_eq!(field(&format!("/proc/{pid}/status"), "Umask:"), "0077");
}

#[test]
fn server_and_desk_leave_no_core_and_make_files_for_their_owner_alone() {
    let server = Server::start();
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Kilder");
    assert_closed(server.pid());
    assert_closed(desk.pid());
    let data = std::fs::read_dir(server.data()).unwrap().flatten();
    let open: Vec<_> =
        data.filter(|it| it.metadata().unwrap().mode() & 0o077 != 0).map(|it| it.path()).collect();
    assert_eq!(open, Vec::<std::path::PathBuf>::new());
}

/// One that waits: a copy that anybody may run, as somebody without rights where we have them.
fn waiting(program: &std::path::Path, as_nobody: bool) -> Child {
    let mut command = Command::new("sh");
    // Every limit is up: what keeps the core from being written is the program itself.
    command.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\""]).arg(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(program.with_file_name("data"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    if as_nobody {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn nobody_of_the_same_user_looks_into_its_memory_and_a_crash_writes_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let program = folder.path().join("vagttavle");
    std::fs::copy(env!("CARGO_BIN_EXE_vagttavle"), &program).unwrap();
    let mut child = waiting(&program, rustix::process::geteuid().is_root());
    // It has said something, so it has begun.
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut said)
        .unwrap();
    assert!(said.starts_with("listening"), "{said}");
    // What may be dumped belongs to its user; what may not, to root.
    let owner = metadata(format!("/proc/{}/environ", child.id())).unwrap().uid();
    kill_process(Pid::from_child(&child), Signal::ABORT).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(owner, 0, "its memory may be looked into");
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
}
