#![forbid(unsafe_code)]
//! The `castalia` program: one binary with a command for each task.

use std::process::ExitCode;

/// The build disables huge pages: with them, the untouched parts of the buffers of idle connections
/// would stay resident.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    castalia_server::command::run(std::env::args_os())
}
