//! `fan-out`: from the moment when a publish is sent until parked clients hold their answers. The publish itself is part of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::load::crowd::Crowd;
use crate::load::request;
use crate::measure::{Stopwatch, number, percentile, settle};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::EPOLL_LOOP;
use crate::seed::{APP, NAMESPACE, publish_path};

/// Publishes of a round; one more before them warms up.
const PUBLISHES: usize = 3;
/// Upstream answers this many waiters of one key, then pauses.
const PACED_CLIENTS: usize = 10_000;
const PACE: usize = 100;
const PAUSE: f64 = 0.1;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let clients = plan.clients();
    let data = plan.data(|seed| seed.app(APP))?;
    let reference = || {
        let reference = Reference::start(EPOLL_LOOP, &[], Cores::All)?;
        let wake = request::plain("POST", "/wake");
        Target {
            server: reference.address,
            pid: reference.process.id(),
            trigger: reference.address,
            wake,
        }
        .rounds(clients, || Ok(1))
    };
    let (product, reference) = plan.alternate(|| of_product(plan, &data, clients), reference)?;
    let (product, reference) = (product.concat(), reference.concat());
    let figure = |name, pick: fn(&Tail) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against("bare epoll loop", reference.iter().map(pick))
    };
    Ok(Report {
        setting: format!("{clients} clients, {} rounds of {PUBLISHES} publishes", plan.rounds),
        figures: vec![
            figure("p50", |tail| tail.p50),
            figure("p99", |tail| tail.p99),
            figure("last", |tail| tail.last),
            figure("CPU per client", |tail| tail.server_cpu),
        ],
        notes: vec![note(&product)],
    })
}

/// `fan-out-pacing`: the same number of clients as upstream is asked about, against the pauses that it makes by default.
pub(super) fn run_against_pacing(plan: &Plan) -> Result<Report> {
    let clients = plan.clients.unwrap_or(PACED_CLIENTS);
    ensure!(clients > PACE, "upstream makes no pause for {clients} clients");
    let data = plan.data(|seed| seed.app(APP))?;
    let mut tails = Vec::new();
    for round in 0..=plan.rounds {
        let tail = of_product(plan, &data, clients)?;
        if round > 0 {
            tails.extend(tail);
        }
    }
    let pauses = number((clients - 1) / PACE) * PAUSE;
    Ok(Report {
        setting: format!("{clients} clients, {} rounds of {PUBLISHES} publishes", plan.rounds),
        figures: vec![
            Figure::new("last", Unit::Seconds, tails.iter().map(|tail| tail.last))
                .against("upstream's pacing", [pauses]),
        ],
        notes: vec![note(&tails)],
    })
}

fn of_product(plan: &Plan, data: &tempfile::TempDir, clients: usize) -> Result<Vec<Tail>> {
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let wake = request::plain("POST", &publish_path(APP, NAMESPACE));
    Target { server: product.config, pid: product.process.id(), trigger: product.admin, wake }
        .rounds(clients, || product.notification_id(APP, NAMESPACE))
}

fn note(tails: &[Tail]) -> String {
    let busiest = tails.iter().map(|tail| tail.load_busy).fold(0.0, f64::max);
    format!("load generator: at most {:.0} % of a core", busiest * 100.0)
}

/// Times from a publish on, in seconds, and what it cost.
#[derive(Debug, Clone, Copy)]
struct Tail {
    p50: f64,
    p99: f64,
    last: f64,
    /// CPU time of the server for each client.
    server_cpu: f64,
    load_busy: f64,
}

/// A server with parked clients, and what wakes them.
struct Target {
    server: SocketAddr,
    pid: u32,
    trigger: SocketAddr,
    wake: Vec<u8>,
}

impl Target {
    fn rounds(&self, clients: usize, known: impl Fn() -> Result<i64>) -> Result<Vec<Tail>> {
        let mut trigger = Call::connect(self.trigger)?;
        let mut crowd = Crowd::new(self.server)?;
        crowd.join(clients, &request::poll(APP, NAMESPACE, -1))?;
        let mut tails = Vec::new();
        for publish in 0..=PUBLISHES {
            crowd.ask(&request::poll(APP, NAMESPACE, known()?))?;
            settle(self.pid)?;
            crowd.check_waiting()?;
            let tail = self.wake(&mut trigger, &mut crowd, clients)?;
            if publish > 0 {
                tails.push(tail);
            }
        }
        Ok(tails)
    }

    fn wake(&self, trigger: &mut Call, crowd: &mut Crowd, clients: usize) -> Result<Tail> {
        let (server, load) = (Stopwatch::start(self.pid)?, Stopwatch::start(std::process::id())?);
        let began = Instant::now();
        trigger.send(&self.wake)?;
        let times = crowd.answers(began)?;
        let load_busy = load.busy()?;
        let answer = trigger.answer()?;
        ensure!(answer.status == 200, "the publish was answered {}", answer.status);
        Ok(Tail {
            p50: percentile(&times, 0.5).as_secs_f64(),
            p99: percentile(&times, 0.99).as_secs_f64(),
            last: times.last().map_or(0.0, Duration::as_secs_f64),
            server_cpu: server.used()?.as_secs_f64() / number(clients),
            load_busy,
        })
    }
}
