#![forbid(unsafe_code)]
//! A scripted config service as a process: `castalia-scripted PROGRAM ARGUMENT...` starts the
//! program with settings that select this server, and executes the commands that the program
//! prints. Without a program it prints its address and reads commands from its standard input.
//!
//! Commands are lines of percent-encoded words; each is answered with a line that begins with `ok`
//! or `error`:
//! `publish NAMESPACE KEY VALUE ...`, `withdraw NAMESPACE`, `held COUNT` (waits until this many
//! polls are parked), `fail ENDPOINT STATUS` (0 closes the connection, -1 never answers, 200 ends
//! it), `requests ENDPOINT`.

mod orders;
mod words;

use std::error::Error;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use castalia_core::testing::Server;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than programs wait for an event, because at the end of a poll a change arrives that no
/// push announced.
const HOLD: Duration = Duration::from_secs(85);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(program) => wrap(&program, arguments.collect()).await,
        None => serve().await,
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

async fn start() -> Result<Server> {
    let server = Server::start().await?;
    server.set_hold(HOLD);
    Ok(server)
}

async fn serve() -> Result<ExitCode> {
    let server = start().await?;
    let mut output = tokio::io::stdout();
    write_line(&mut output, &words::join(["ok", server.url()])).await?;
    obey(&server, tokio::io::stdin(), output).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a program and exits with its exit code.
async fn wrap(program: &str, arguments: Vec<String>) -> Result<ExitCode> {
    let server = start().await?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables(server.url()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) {
        obey(&server, output, input).await?;
    }
    let status = child.wait().await?;
    let code = status.code().ok_or_else(|| format!("{program}: {status}"))?;
    Ok(ExitCode::from(u8::try_from(code)?))
}

/// The settings as environment variables.
fn variables(url: &str) -> impl Iterator<Item = (String, String)> {
    let settings = orders::settings(url).into_iter();
    settings.map(|(name, value)| match name.as_str() {
        "apollo.longPollingInitialDelayInMills" => {
            ("APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS".to_owned(), value)
        }
        name => (name.replace('.', "_").to_uppercase(), value),
    })
}

/// Executes commands until the end of the input.
async fn obey(
    server: &Server,
    orders: impl AsyncRead + Unpin,
    mut answers: impl AsyncWrite + Unpin,
) -> Result<()> {
    let mut lines = BufReader::new(orders).lines();
    while let Some(line) = lines.next_line().await? {
        let order = words::split(&line);
        let order: Vec<_> = order.iter().map(String::as_str).collect();
        let answer = match timeout(PATIENCE, orders::answer(server, &order)).await {
            Ok(Some(answer)) => words::join(["ok", &answer]),
            Ok(None) => words::join(["error", "not understood", &line]),
            Err(_) => words::join(["error", "not in time", &line]),
        };
        if write_line(&mut answers, &answer).await.is_err() {
            // The program may have exited before it read the answer.
            break;
        }
    }
    Ok(())
}

async fn write_line(output: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<()> {
    output.write_all(format!("{line}\n").as_bytes()).await?;
    output.flush().await?;
    Ok(())
}
