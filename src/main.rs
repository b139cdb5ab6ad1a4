//! Entry: reads the arguments and hands over.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    vagttavle::app::main(vagttavle::cli::Cli::parse())
}
