//! The product under test: `castalia serve` with all roles in a data directory of the suite.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::load::session::Session;
use crate::process::{Cores, Process};

/// Password of the administrator; fixed so that no start has to generate and hash a new one.
const PASSWORD: &str = "correct horse battery staple";

/// Path of the `castalia` program: as given, or beside this one.
pub(crate) fn find(named: Option<&PathBuf>) -> Result<PathBuf> {
    let program = match named {
        Some(path) if path.is_dir() => path.join("castalia"),
        Some(path) => path.clone(),
        None => std::env::current_exe()
            .context("cannot find our own program")?
            .with_file_name("castalia"),
    };
    if !program.is_file() {
        bail!(
            "{} is missing; build castalia-server with the same profile, or name it with --server",
            program.display()
        );
    }
    Ok(program)
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) process: Process,
    /// Port of the config and meta roles.
    pub(crate) config: SocketAddr,
    /// Port of the admin role.
    pub(crate) admin: SocketAddr,
    /// Port of the portal role.
    pub(crate) portal: SocketAddr,
}

impl Product {
    /// Starts a server in a data directory and waits until all its ports listen.
    pub(crate) fn start(program: &Path, data: &Path, cores: Cores) -> Result<Self> {
        let mut command = cores.command(program)?;
        command.args(["serve", "--log-format", "json", "--sample-app", "off"]);
        command.args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0"]);
        command.arg("--data-dir").arg(data).current_dir(data);
        fix_environment(&mut command);
        let mut process = Process::start(command)?;
        let (mut config, mut admin, mut portal) = (None, None, None);
        while config.is_none() || admin.is_none() || portal.is_none() {
            match listening(&process.line()?) {
                Some((role, address)) if role == "config" => config = Some(address),
                Some((role, address)) if role == "admin" => admin = Some(address),
                Some((_, address)) => portal = Some(address),
                None => {}
            }
        }
        let all = config.zip(admin).zip(portal);
        let ((config, admin), portal) = all.context("the server did not say where it listens")?;
        Ok(Self { process, config, admin, portal })
    }

    /// Signs in the administrator at the portal.
    pub(crate) fn sign_in(&self, administrator: &str) -> Result<Session> {
        Session::sign_in(self.portal, administrator, PASSWORD)
    }

    /// Terminates it gracefully, so that the next start needs no crash recovery.
    pub(crate) fn stop(self) -> Result<()> {
        self.process.terminate()
    }
}

/// Creates a token for OpenAPI that may read all apps in a data directory.
pub(crate) fn token(program: &Path, data: &Path) -> Result<String> {
    let mut command = Command::new(program);
    command.args(["token", "create", "--name", "bench", "--all-apps", "--data-dir"]).arg(data);
    fix_environment(&mut command);
    let output = command.output().context("cannot create a token")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let token = text.split_whitespace().next_back().filter(|_| output.status.success());
    token.map(str::to_owned).with_context(|| {
        format!("no token was created: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// Removes settings of the shell, which must not affect the measurement. Disables access control of
/// the admin role, because the suite does not know the random token.
fn fix_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CASTALIA_") {
            command.env_remove(name);
        }
    }
    command.env("CASTALIA_ADMIN_PASSWORD", PASSWORD);
    command.env("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
}

/// Role and address, if a log line reports a listening port.
fn listening(line: &str) -> Option<(String, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    Some((line["role"].as_str()?.to_owned(), line["address"].as_str()?.parse().ok()?))
}
