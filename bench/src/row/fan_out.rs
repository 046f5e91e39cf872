//! `fan-out`: from the moment when a publish is sent until parked clients have their responses. The
//! publish itself is included.

use anyhow::{Result, ensure};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::wake::{self, Tail, Then, WAKES};
use crate::measure::number;
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::EPOLL_LOOP;
use crate::seed::APP;

/// Upstream pauses after this many clients of one key.
const PACED_CLIENTS: usize = 10_000;
const PACE: usize = 100;
const PAUSE: f64 = 0.1;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let clients = plan.clients();
    let data = plan.data(|seed| seed.app(APP))?;
    let (product, reference) = plan.alternate(
        || {
            wake::of_product(
                &Product::start(&plan.program, data.path(), Cores::All)?,
                clients,
                Then::Stop,
            )
        },
        || wake::of_reference(&Reference::start(EPOLL_LOOP, &[], Cores::All)?, clients, Then::Stop),
    )?;
    let (product, reference) = (product.concat(), reference.concat());
    let figure = |name, pick: fn(&Tail) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against("bare epoll loop", reference.iter().map(pick))
    };
    Ok(Report {
        setting: format!("{clients} clients, {} rounds of {WAKES} publishes", plan.rounds),
        figures: vec![
            figure("p50", |tail| tail.p50),
            figure("p99", |tail| tail.p99),
            figure("last", |tail| tail.last),
            figure("CPU per client", |tail| tail.server_cpu),
        ],
        notes: vec![load_note(&product)],
    })
}

/// `fan-out-pacing`: the same number of clients, compared with the pauses that upstream makes by
/// default.
pub(super) fn run_against_pacing(plan: &Plan) -> Result<Report> {
    let clients = plan.clients.unwrap_or(PACED_CLIENTS);
    ensure!(clients > PACE, "upstream makes no pause for {clients} clients");
    let data = plan.data(|seed| seed.app(APP))?;
    let pauses = number((clients - 1) / PACE) * PAUSE;
    let (tails, pauses) = plan.alternate(
        || {
            wake::of_product(
                &Product::start(&plan.program, data.path(), Cores::All)?,
                clients,
                Then::Stop,
            )
        },
        || Ok(pauses),
    )?;
    let tails = tails.concat();
    let last = tails.iter().map(|tail| tail.last);
    Ok(Report {
        setting: format!("{clients} clients, {} rounds of {WAKES} publishes", plan.rounds),
        figures: vec![
            Figure::new("last", Unit::Seconds, last).against("upstream's pacing", pauses),
        ],
        notes: vec![load_note(&tails)],
    })
}

/// How busy the load generator was while clients were woken.
pub(super) fn load_note(tails: &[Tail]) -> String {
    let busiest = tails.iter().map(|tail| tail.load_busy).fold(0.0, f64::max);
    format!("load generator: at most {:.0} % of a core", busiest * 100.0)
}
