//! The Rust client, and an empty program with the same libraries as its reference. Each runs in its
//! own process, so that its memory is measured from outside.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use castalia_core::{Client, Settings};
use futures_util::future::try_join_all;

use crate::print;
use crate::process::Process;
use crate::reference::{block_on, end_with_parent};
use crate::seed::{APP, NAMESPACE};

/// Printed once the program is idle.
const READY: &str = "ready";

/// Settings of every client of the suite: nothing from the environment, nothing on disk.
pub(crate) fn settings(server: SocketAddr) -> Settings {
    Settings::new()
        .set("app.id", APP)
        .set("apollo.meta", format!("http://{server}"))
        .set("apollo.cache.file.enable", "false")
}

/// Name of the namespace with this number; number 0 is the one that every app has.
pub(crate) fn namespace(number: usize) -> String {
    match number {
        0 => NAMESPACE.to_owned(),
        number => format!("namespace-{number}"),
    }
}

/// Starts a client and waits until it has opened this many namespaces.
pub(crate) fn start(server: SocketAddr, namespaces: usize) -> Result<Process> {
    start_program(&["client", &server.to_string(), &namespaces.to_string()])
}

/// Starts the empty program and waits until it has received its response.
pub(crate) fn start_empty(server: SocketAddr) -> Result<Process> {
    start_program(&["empty-client", &server.to_string()])
}

fn start_program(arguments: &[&str]) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe().context("cannot find our program")?);
    command.args(arguments);
    let mut process = Process::start(command)?;
    let line = process.line()?;
    ensure!(line == READY, "{} said {line:?}", arguments[0]);
    Ok(process)
}

/// Opens namespaces and keeps them open.
pub(crate) fn run(server: &str, arguments: &[String]) -> Result<()> {
    end_with_parent();
    let server = server.parse().context("the address is none")?;
    let count: usize = arguments.first().context("how many namespaces?")?.parse()?;
    block_on(async {
        let client = Client::new(settings(server))?;
        let names: Vec<_> = (0..count).map(namespace).collect();
        let opened = try_join_all(names.iter().map(|name| client.config(name))).await?;
        ensure!(opened.iter().all(|config| !config.snapshot().is_empty()), "nothing is loaded");
        stay().await
    })
}

/// A runtime and an HTTP client that has sent one request and keeps its connection, as any program
/// that uses the client would.
pub(crate) fn run_empty(server: &str) -> Result<()> {
    end_with_parent();
    let _ = rustls::crypto::ring::default_provider().install_default();
    block_on(async {
        let http = reqwest::Client::builder().build()?;
        let answer = http.get(format!("http://{server}/health")).send().await?;
        ensure!(answer.status().is_success(), "/health was answered {}", answer.status());
        answer.bytes().await?;
        stay().await
    })
}

async fn stay() -> Result<()> {
    print(READY);
    std::future::pending().await
}
