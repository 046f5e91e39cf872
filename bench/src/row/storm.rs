//! `storm`: all clients connect at once, as after the loss of a node; how many per second are
//! connected and have their first response.

use std::net::SocketAddr;

use anyhow::Result;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::crowd::Crowd;
use crate::load::request;
use crate::measure::{Stopwatch, number, settle};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::EPOLL_LOOP;
use crate::seed::{APP, NAMESPACE};

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let clients = plan.clients();
    let data = plan.data(|seed| seed.app(APP))?;
    let (product, reference) = plan.alternate(
        || {
            let product = Product::start(&plan.program, data.path(), Cores::All)?;
            arrive(product.config, product.process.id(), clients)
        },
        || {
            let reference = Reference::start(EPOLL_LOOP, &[], Cores::All)?;
            arrive(reference.address, reference.process.id(), clients)
        },
    )?;
    let figure = |name, unit, pick: fn(&Arrival) -> f64| {
        Figure::new(name, unit, product.iter().map(pick))
            .against("bare epoll loop", reference.iter().map(pick))
    };
    Ok(Report {
        setting: format!("{clients} clients, {} rounds", plan.rounds),
        figures: vec![
            figure("first answers", Unit::PerSecond, |arrival| arrival.rate),
            figure("CPU per client", Unit::Seconds, |arrival| arrival.server_cpu),
            figure("load busy", Unit::Core, |arrival| arrival.load_busy),
        ],
        notes: Vec::new(),
    })
}

struct Arrival {
    rate: f64,
    server_cpu: f64,
    load_busy: f64,
}

fn arrive(server: SocketAddr, pid: u32, clients: usize) -> Result<Arrival> {
    settle(pid)?;
    let mut crowd = Crowd::new(server)?;
    let (server, load) = (Stopwatch::start(pid)?, Stopwatch::start(std::process::id())?);
    let time = crowd.join(clients, &request::poll(APP, NAMESPACE, -1))?;
    Ok(Arrival {
        rate: number(clients) / time.as_secs_f64(),
        load_busy: load.busy()?,
        server_cpu: server.used()?.as_secs_f64() / number(clients),
    })
}
