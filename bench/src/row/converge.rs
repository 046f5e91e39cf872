//! `converge`: from the moment when a publish is sent until every client has read the new values of
//! 10 kB.

use anyhow::Result;

use super::Plan;
use super::fan_out::load_note;
use crate::figure::{Figure, Report, Unit};
use crate::load::wake::{self, Tail, Then, WAKES};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::{EPOLL_LOOP, STOCK_AXUM};
use crate::seed::APP;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let clients = plan.clients();
    let data = plan.data(|seed| seed.app(APP))?;
    let reference =
        |name| wake::of_reference(&Reference::start(name, &[], Cores::All)?, clients, Then::Read);
    let (product, references) = plan.alternate(
        || {
            wake::of_product(
                &Product::start(&plan.program, data.path(), Cores::All)?,
                clients,
                Then::Read,
            )
        },
        || Ok((reference(STOCK_AXUM)?, reference(EPOLL_LOOP)?)),
    )?;
    let product = product.concat();
    let (stock, bare): (Vec<_>, Vec<_>) = references.into_iter().unzip();
    let (stock, bare) = (stock.concat(), bare.concat());
    let figure = |name, pick: fn(&Tail) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against("stock axum::serve", stock.iter().map(pick))
            .against("bare epoll loop", bare.iter().map(pick))
    };
    Ok(Report {
        setting: format!("{clients} clients, {} rounds of {WAKES} publishes", plan.rounds),
        figures: vec![
            figure("p50", |tail| tail.p50),
            figure("last", |tail| tail.last),
            figure("CPU per client", |tail| tail.server_cpu),
        ],
        notes: vec![load_note(&product)],
    })
}
