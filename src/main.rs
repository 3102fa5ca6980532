//! The `docent` executable: reads the command line, calls the library, reports.

use std::process::ExitCode;

fn main() -> ExitCode {
    docent::cli::main()
}
