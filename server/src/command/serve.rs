//! `castalia serve`: runs a node until it receives a signal to end.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use clap::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{CommandError, block_on, print_line};
use crate::node::{GeneratedPassword, Node, StartError};
use crate::process;
use crate::settings::role::Role;
use crate::settings::{LogFormat, Settings};

pub(super) fn command() -> Command {
    Command::new("serve").about("Run the server")
}

pub(super) fn run(settings: Settings) -> Result<(), CommandError> {
    block_on(async move {
        let (format, data_dir) = (settings.log_format, settings.data_dir.clone());
        let base_path = settings.base_path.clone();
        let mut end = EndSignals::listen()?;
        let started = Node::start_unless(settings, async {
            let signal = end.wait().await;
            tracing::info!(signal, "shutting down before the start is complete");
        });
        let node = match started.await {
            Ok(node) => node,
            Err(StartError::Interrupted) => return Ok(()),
            Err(error) => return Err(CommandError::of(error)),
        };
        for listening in &node.listening {
            tracing::info!(role = listening.role.name(), address = %listening.address, "listening");
        }
        if format == LogFormat::Text {
            print_aside(banner(&node, &data_dir.display().to_string(), &base_path));
        }
        let signal = end.wait().await;
        tracing::info!(signal, "shutting down: answering parked polls, draining connections");
        node.stop().await;
        Ok(())
    })?
}

/// Where to find the generated password: printed only on a terminal, and stored in a file. A log is
/// read by others, and kept.
fn first_password(generated: &GeneratedPassword) -> String {
    let file = generated.file.display();
    if std::io::stdout().is_terminal() {
        return format!("{}   (also in {file}; delete that file)", generated.password.expose());
    }
    format!("in {file}; delete it after signing in")
}

/// The information that a new user needs next: the address of the portal, how to sign in, and a
/// command that shows a value.
fn banner(node: &Node, data_dir: &str, base_path: &str) -> String {
    let address = |role| node.listening.iter().find(|l| l.role == role).map(|l| l.address);
    let mut text = format!("\nCastalia {} serves from {data_dir}\n", env!("CARGO_PKG_VERSION"));
    if let Some(portal) = address(Role::Portal) {
        let _ = writeln!(text, "  Portal     http://{portal}{base_path}/");
    }
    if let Some(generated) = &node.generated_password {
        let _ = writeln!(text, "  User       apollo");
        let _ = writeln!(text, "  Password   {}", first_password(generated));
    }
    if let Some(config) = address(Role::Config) {
        let _ = writeln!(text, "  Clients    APOLLO_META=http://{config}{base_path}");
        if node.has_sample_app {
            let path = "configs/sample-app/default/application";
            let _ = writeln!(text, "  Try it     curl http://{config}{base_path}/{path}");
        }
    }
    text.push_str("  Press Ctrl-C to stop.\n");
    text
}

/// Prints on a separate thread: a stalled reader of standard output must not block the server or
/// its end.
fn print_aside(text: String) {
    let _ = std::thread::Builder::new().name("banner".to_owned()).spawn(move || {
        let _ = print_line(&text);
    });
}

/// The signals that end a node. They are registered before it starts, because an earlier one would
/// kill it without a shutdown.
struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    /// Sent when the terminal closes; `None` if the process was started to outlive it.
    hangup: Option<Signal>,
}

impl EndSignals {
    fn listen() -> Result<Self, CommandError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(CommandError::of)?,
            terminate: signal(SignalKind::terminate()).map_err(CommandError::of)?,
            hangup: process::hangup().map_err(CommandError::of)?,
        })
    }

    /// Waits for one of the signals and returns its name.
    async fn wait(&mut self) -> &'static str {
        let Self { interrupt, terminate, hangup } = self;
        let hangup = async {
            match hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
            _ = hangup => "SIGHUP",
        }
    }
}
