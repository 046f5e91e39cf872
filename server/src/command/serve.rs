//! `castalia serve`: runs a node until it is told to end.

use clap::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, block_on, print_line};
use crate::node::Node;
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
        if format == LogFormat::Text {
            print_banner(&node, &data_dir.display().to_string());
        } else if let Some(password) = &node.generated_password {
            // Not through the log: this is the one time that the password is shown.
            let line = serde_json::json!({"message": "administrator created", "user": "apollo", "password": password});
            print_line(&line.to_string());
        }
        end.wait().await;
        tracing::info!("ending: polls are answered, connections drain");
        node.stop().await;
        Ok(())
    })?
}

/// What a newcomer needs next: where the portal is, how to sign in, and a line that shows a value.
fn print_banner(node: &Node, data_dir: &str) {
    let address = |role| node.listening.iter().find(|l| l.role == role).map(|l| l.address);
    print_line(&format!("\nCastalia {} serves from {data_dir}", env!("CARGO_PKG_VERSION")));
    if let Some(portal) = address(Role::Portal) {
        print_line(&format!("  Portal     http://{portal}/"));
    }
    if let Some(password) = &node.generated_password {
        print_line("  User       apollo");
        print_line(&format!("  Password   {password}   (shown only this once)"));
    }
    if let Some(config) = address(Role::Config) {
        print_line(&format!("  Clients    APOLLO_META=http://{config}"));
        if node.has_sample_app {
            print_line(&format!(
                "  Try it     curl http://{config}/configs/sample-app/default/application"
            ));
        }
    }
    print_line("  Ctrl-C ends it.\n");
}

/// The signals that end a node. Asked for before it starts: one that comes earlier would kill it as it stands.
struct End {
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn listen() -> Result<Self, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(Failure::of)?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate()).map_err(Failure::of)? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
