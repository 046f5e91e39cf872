#![forbid(unsafe_code)]
//! The `castalia` program: one binary, a command for each task.

use std::process::ExitCode;

/// Huge pages are off at build time: with them the untouched parts of idle connections' buffers stay resident.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    castalia_server::command::run(std::env::args_os())
}
