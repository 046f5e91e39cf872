//! The log of the process: its format, its filter and its output. Writing never blocks or fails, so
//! that a reader that stalls or disconnects costs only log lines. Knows no settings except those of
//! the log.

#[cfg(test)]
pub(crate) mod in_memory;
mod queue;
mod text;

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::queue::Queue;
use crate::settings::{LogFormat, Settings};

pub(crate) use self::text::escape;

/// Maximum time that the end of the process waits for unwritten lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The queue of this process; the log is started once.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// What standard output contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardOutput {
    /// The log of a server, if its lines are for machines.
    Log,
    /// The result of a command, such as a token, without any line of the log.
    Result,
}

/// Starts the log with these settings. It goes to standard error, except JSON of a server.
///
/// # Errors
/// Fails if the process can open neither another file nor another thread.
pub(crate) fn start(settings: &Settings, stdout: StandardOutput) -> io::Result<()> {
    let (output, is_terminal) = output(settings.log_format, stdout)?;
    let queue = Queue::start(output, report)?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.log_level))
        // The library reports its errors with a macro that panics when standard error is closed.
        .log_internal_errors(false)
        .with_writer(queue.clone());
    let wanted = filter_fn(is_wanted);
    let installed = match settings.log_format {
        LogFormat::Text => {
            let log = log.with_target(false).with_ansi(is_terminal).fmt_fields(text::fields());
            log.finish().with(wanted).try_init()
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_current_span(false);
            log.finish().with(wanted).try_init()
        }
    };
    if installed.is_ok() && QUEUE.set(queue).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

/// Spans of libraries contain the arguments of their functions, such as a database URL with its
/// password, and every line inside them would repeat those. The pool of sqlx warns of each
/// connection that the store closes on purpose, whose reason the store logs itself; the verifier of
/// certificates reports each attempt without its address, which the caller logs with it.
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    (metadata.is_event() || metadata.target().starts_with("castalia"))
        && metadata.target() != "sqlx_core::pool::connection"
        && !metadata.target().starts_with("rustls_platform_verifier")
}

/// Waits briefly for the last lines; a reader that accepts none does not block the end of the
/// process.
pub(crate) fn finish() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(LAST_LINES);
    }
}

/// Uses a separate file, because a writer that blocks inside the standard library holds a lock that
/// the end of the process needs.
fn output(format: LogFormat, stdout: StandardOutput) -> io::Result<(File, bool)> {
    use std::io::IsTerminal as _;
    let file = match (format, stdout) {
        (LogFormat::Json, StandardOutput::Log) => io::stdout().as_fd().try_clone_to_owned()?,
        _ => io::stderr().as_fd().try_clone_to_owned()?,
    };
    let file = File::from(file);
    let is_terminal = file.is_terminal();
    Ok((file, is_terminal))
}

fn report(lines: u64) {
    tracing::warn!(
        lines,
        "log lines were lost, because the reader of the log was too slow or absent"
    );
}

/// Replaces the hook of the standard library, which blocks until standard error is read.
fn log_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(
        location,
        backtrace = %std::backtrace::Backtrace::capture(),
        "panicked: {}",
        text.unwrap_or("no text")
    );
}
