//! A program that ends without closing its client while events arrive exits immediately, with its
//! own exit code and no output.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use castalia_core::testing::Server;
use castalia_core::{Interest, Settings, blocking};

const ROUNDS: usize = 40;
const CODE: u8 = 7;
/// Longest wait for what takes a moment, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest duration of three quarters of the programs; other tests may use the processors during
/// the others.
const AT_ONCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "child") {
        Some(at) => child(&arguments[at + 1]),
        None => parent(),
    }
}

/// Uses a client and returns from `main` without closing it.
fn child(meta: &str) -> ExitCode {
    let settings = Settings::new()
        .set("app.id", "order")
        .set("apollo.meta", meta)
        .set("apollo.cache.file.enable", "false")
        .set("apollo.longPollingInitialDelayInMills", "0")
        .set("apollo.longPollQPS", "1000")
        .set("apollo.loadConfigQPS", "1000")
        .set("castalia.proxy.enable", "false");
    let client = blocking::Client::new(settings).unwrap();
    let config = client.config("application", PATIENCE).unwrap();
    let (sender, events) = std::sync::mpsc::sync_channel(1);
    let subscription = config.on_change(Interest::everything(), move |_| {
        let _ = sender.try_send(());
    });
    events.recv_timeout(PATIENCE).unwrap();
    // A subscription that is never cancelled must not delay the exit.
    std::mem::forget(subscription);
    ExitCode::from(CODE)
}

fn parent() -> ExitCode {
    let runtime = blocking::runtime().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    server.publish("order", "application", &[("n", "0")]);
    let data = server.data().clone();
    let publishing = runtime.spawn(async move {
        for number in 1u64.. {
            let number = number.to_string();
            data.publish("order", "default", "application", &[("n", &number)]);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let program = std::env::current_exe().unwrap();
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let start = Instant::now();
        let output = Command::new(&program).args(["child", server.url()]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(i32::from(CODE)), "round {round}: {text}");
        assert!(text.is_empty(), "round {round}: {text}");
        let took = start.elapsed();
        assert!(took < PATIENCE, "round {round}");
        times.push(took);
    }
    times.sort_unstable();
    assert!(times[ROUNDS * 3 / 4] < AT_ONCE, "{times:?}");
    publishing.abort();
    println!("{ROUNDS} programs ended as they should");
    ExitCode::SUCCESS
}
