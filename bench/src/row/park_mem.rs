//! `park-mem`: memory of the server per parked client, without the kernel's socket buffers.

use std::net::SocketAddr;

use anyhow::Result;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::notification_id;
use crate::load::crowd::Crowd;
use crate::load::request;
use crate::measure::{memory, number, settle};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::{STOCK_AXUM, TOKIO_READER};
use crate::seed::{APP, NAMESPACE};

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let clients = plan.clients();
    let data = plan.data(|seed| seed.app(APP))?;
    let product = || {
        let product = Product::start(&plan.program, data.path(), Cores::All)?;
        grown_by_client(product.config, product.process.id(), clients)
    };
    let reference = |name| {
        let reference = Reference::start(name, &[], Cores::All)?;
        grown_by_client(reference.address, reference.process.id(), clients)
    };
    let both = || Ok((reference(STOCK_AXUM)?, reference(TOKIO_READER)?));
    let (product, references) = plan.alternate(product, both)?;
    Ok(Report {
        setting: format!("{clients} clients, {} rounds", plan.rounds),
        figures: vec![
            Figure::new("memory per client", Unit::Bytes, product)
                .against("stock axum::serve", references.iter().map(|(stock, _)| *stock))
                .against("tokio reader", references.iter().map(|(_, reader)| *reader)),
        ],
        notes: Vec::new(),
    })
}

fn grown_by_client(server: SocketAddr, pid: u32, clients: usize) -> Result<f64> {
    settle(pid)?;
    let before = memory(pid)?;
    let mut crowd = Crowd::new(server)?;
    crowd.join(clients, &request::poll(APP, NAMESPACE, -1))?;
    crowd.ask(&request::poll(APP, NAMESPACE, notification_id(server)?))?;
    settle(pid)?;
    crowd.check_waiting()?;
    Ok((memory(pid)? - before) / number(clients))
}
