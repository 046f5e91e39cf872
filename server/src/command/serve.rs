//! `castalia serve`: runs a node until it is told to end.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use clap::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, block_on, print_line};
use crate::node::Node;
use crate::process;
use crate::role::Role;
use crate::settings::{LogFormat, Settings};

pub(super) fn command() -> Command {
    Command::new("serve").about("Run the server")
}

pub(super) fn run(settings: Settings) -> Result<(), Failure> {
    block_on(async move {
        let (format, data_dir) = (settings.log_format, settings.data_dir.clone());
        let end = End::listen()?;
        let node = Node::start(settings).await.map_err(Failure::of)?;
        for listening in &node.listening {
            tracing::info!(role = listening.role.name(), address = %listening.address, "listening");
        }
        let password = first_password(&node, format);
        if format == LogFormat::Text {
            print_aside(banner(&node, &data_dir.display().to_string(), &password));
        }
        let signal = end.wait().await;
        tracing::info!(signal, "ending: polls are answered, connections drain");
        node.stop().await;
        Ok(())
    })?
}

/// How the administrator gets the password that this start generated: shown to somebody who sits at a terminal, else in a file.
/// A log is read by others, and kept. Empty where the password was given.
fn first_password(node: &Node, format: LogFormat) -> String {
    let Some(password) = &node.generated_password else { return String::new() };
    if format == LogFormat::Text && std::io::stdout().is_terminal() {
        return format!("{password}   (shown only this once)");
    }
    match node.store_generated_password() {
        Ok(Some(file)) => {
            let file = file.display().to_string();
            tracing::info!(
                user = "apollo",
                file,
                "administrator created; the file holds the password, delete it after signing in"
            );
            format!("in {file}; delete it after signing in")
        }
        Ok(None) => String::new(),
        Err(error) => {
            tracing::error!(%error, "the generated password is lost; set one with `castalia user password apollo`");
            "cannot be stored; set one with `castalia user password apollo`".to_owned()
        }
    }
}

/// What a newcomer needs next: where the portal is, how to sign in, and a line that shows a value.
fn banner(node: &Node, data_dir: &str, password: &str) -> String {
    let address = |role| node.listening.iter().find(|l| l.role == role).map(|l| l.address);
    let mut text = format!("\nCastalia {} serves from {data_dir}\n", env!("CARGO_PKG_VERSION"));
    if let Some(portal) = address(Role::Portal) {
        let _ = writeln!(text, "  Portal     http://{portal}/");
    }
    if !password.is_empty() {
        let _ = writeln!(text, "  User       apollo");
        let _ = writeln!(text, "  Password   {password}");
    }
    if let Some(config) = address(Role::Config) {
        let _ = writeln!(text, "  Clients    APOLLO_META=http://{config}");
        if node.has_sample_app {
            let path = "configs/sample-app/default/application";
            let _ = writeln!(text, "  Try it     curl http://{config}/{path}");
        }
    }
    text.push_str("  Ctrl-C ends it.\n");
    text
}

/// On a thread of its own: a reader of standard output that stalls must not hold up the server or its end.
fn print_aside(text: String) {
    let _ = std::thread::Builder::new().name("banner".to_owned()).spawn(move || print_line(&text));
}

/// The signals that end a node. Asked for before it starts: one that comes earlier would kill it as it stands.
struct End {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal closes; absent where the process was started to outlive it.
    hangup: Option<Signal>,
}

impl End {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::of)?,
            terminate: signal(SignalKind::terminate()).map_err(Failure::of)?,
            hangup: process::hangup().map_err(Failure::of)?,
        })
    }

    /// Waits for one of them and names it.
    async fn wait(self) -> &'static str {
        let Self { mut interrupt, mut terminate, hangup } = self;
        let hangup = async {
            match hangup {
                Some(mut signal) => signal.recv().await,
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
