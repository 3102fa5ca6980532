//! The `docent` executable: reads the command line, calls the library, reports.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A turn makes several hundred short allocations on whichever worker is free.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    docent::cli::main()
}
