//! Entry: closes the program to others, reads the arguments and hands over.

use std::process::ExitCode;

use clap::Parser;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

fn main() -> ExitCode {
    if let Err(error) = close() {
        eprintln!("vagttavle: {error}");
        return ExitCode::FAILURE;
    }
    vagttavle::app::main(vagttavle::cli::Cli::parse())
}

/// Names, texts and secrets are in memory while we run: no core of it is ever written, nobody else of the same user looks
/// into it, and what we make is nobody else's to read. Errors: the system refuses; then nothing is begun.
fn close() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    umask(Mode::RWXG | Mode::RWXO);
    Ok(())
}
