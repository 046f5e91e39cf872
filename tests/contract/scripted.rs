#![forbid(unsafe_code)]
//! A scripted config service as a process: `castalia-scripted PROGRAM ARGUMENT...` starts the program with settings that lead it
//! here, and obeys the lines that it writes; without a program it obeys its own input, after saying where it listens.
//!
//! Lines are of percent-encoded words and are answered with one line, which begins with `ok` or `error`:
//! `publish NAMESPACE KEY VALUE ...`, `withdraw NAMESPACE`, `held COUNT` (waits until as many polls are held),
//! `fail ENDPOINT STATUS` (0 closes the connection, -1 never answers, 200 ends it), `requests ENDPOINT`.

mod words;

use std::error::Error;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const APP_ID: &str = "order";
const CLUSTER: &str = "default";
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next() {
        Some(program) => wrap(&program, arguments.collect()).await,
        None => serve().await,
    }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

async fn serve() -> Result<ExitCode> {
    let server = Server::start().await?;
    let mut output = tokio::io::stdout();
    write_line(&mut output, &words::join(["ok", server.url()])).await?;
    obey(&server, tokio::io::stdin(), output).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a program; its exit code becomes ours.
async fn wrap(program: &str, arguments: Vec<String>) -> Result<ExitCode> {
    let server = Server::start().await?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("APP_ID", APP_ID)
        .env("APOLLO_META", server.url())
        .env("APOLLO_CACHE_FILE_ENABLE", "false")
        .env("APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS", "0")
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

/// Obeys lines until there are no more.
async fn obey(
    server: &Server,
    orders: impl AsyncRead + Unpin,
    mut answers: impl AsyncWrite + Unpin,
) -> Result<()> {
    let mut lines = BufReader::new(orders).lines();
    while let Some(line) = lines.next_line().await? {
        let order = words::split(&line);
        let order: Vec<_> = order.iter().map(String::as_str).collect();
        let answer = match timeout(PATIENCE, answer(server, &order)).await {
            Ok(Some(answer)) => words::join(["ok", &answer]),
            Ok(None) => words::join(["error", "not understood", &line]),
            Err(_) => words::join(["error", "not in time", &line]),
        };
        write_line(&mut answers, &answer).await?;
    }
    Ok(())
}

async fn answer(server: &Server, order: &[&str]) -> Option<String> {
    match order {
        ["publish", namespace, values @ ..] => {
            let (pairs, rest) = values.as_chunks::<2>();
            let values: Vec<_> = pairs.iter().map(|[key, value]| (*key, *value)).collect();
            rest.is_empty().then(|| server.publish(APP_ID, namespace, &values).key)
        }
        ["withdraw", namespace] => {
            server.data().withdraw(APP_ID, CLUSTER, namespace);
            Some(String::new())
        }
        ["held", count] => {
            server.holds(count.parse().ok()?).await;
            Some(String::new())
        }
        ["fail", endpoint, status] => {
            server.fail_always(endpoint_of(endpoint)?, fault_of(status.parse().ok()?));
            Some(String::new())
        }
        ["requests", endpoint] => {
            Some(server.requests_of(endpoint_of(endpoint)?).len().to_string())
        }
        _ => None,
    }
}

fn endpoint_of(name: &str) -> Option<Endpoint> {
    Some(match name {
        "services" => Endpoint::Services,
        "config" => Endpoint::Config,
        "poll" => Endpoint::Poll,
        _ => return None,
    })
}

fn fault_of(status: i32) -> Option<Fault> {
    match status {
        200 => None,
        0 => Some(Fault::Reset(Duration::ZERO)),
        status => Some(u16::try_from(status).map_or(Fault::Hang, Fault::status)),
    }
}

async fn write_line(output: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<()> {
    output.write_all(format!("{line}\n").as_bytes()).await?;
    output.flush().await?;
    Ok(())
}
