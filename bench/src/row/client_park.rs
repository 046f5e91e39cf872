//! `client-park`: polls that a client with a thousand namespaces keeps parked at the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::Plan;
use crate::client;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::measure::{memory, number, pause};
use crate::process::Cores;
use crate::product::Product;
use crate::seed::APP;

const NAMESPACES: usize = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same number must be read this many times in a row: some seconds without a poll that starts
/// or ends.
const SAME: usize = 16;
const SETTLED: Duration = Duration::from_secs(90);

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let data = plan.data(|seed| {
        seed.app(APP)?;
        (1..NAMESPACES).try_for_each(|number| seed.namespace(APP, &client::namespace(number)))
    })?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let token = std::fs::read_to_string(data.path().join("metrics.token"))
        .context("the server has left no metrics token")?;
    let (mut requests, mut memories) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds.min(3) {
        let client = client::start(product.config, NAMESPACES)?;
        requests.push(settled(product.config, token.trim())?);
        memories.push(memory(client.id())?);
        drop(client);
        gone(product.config, token.trim())?;
    }
    Ok(Report {
        setting: format!("{NAMESPACES} namespaces of 10 kB of one app, opened at once"),
        figures: vec![
            Figure::new("requests parked", Unit::Count, requests)
                .against("one for each namespace", [number(NAMESPACES)]),
            Figure::new("memory of the client", Unit::Bytes, memories),
        ],
        notes: Vec::new(),
    })
}

/// The number of parked polls, once it is stable.
fn settled(server: SocketAddr, token: &str) -> Result<f64> {
    let limit = Instant::now() + SETTLED;
    let (mut last, mut same) = (0.0, 0);
    while same < SAME {
        ensure!(Instant::now() < limit, "polls come and go after {SETTLED:?}");
        pause(LOOK_EVERY);
        let now = parked(server, token)?;
        same = if now > 0.0 && now.to_bits() == f64::to_bits(last) { same + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

/// Waits until the server has noticed that its client disconnected.
fn gone(server: SocketAddr, token: &str) -> Result<()> {
    let limit = Instant::now() + SETTLED;
    while parked(server, token)? > 0.0 {
        ensure!(Instant::now() < limit, "polls of a client that ended stay parked");
        pause(LOOK_EVERY);
    }
    Ok(())
}

fn parked(server: SocketAddr, token: &str) -> Result<f64> {
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let answer = Call::connect(server)?.ask(request.as_bytes())?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("castalia_parked_polls "));
    line.context("the metrics tell no parked polls")?.trim().parse().context("no number")
}
