//! The `twinlease` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    twinlease::cli::main()
}
