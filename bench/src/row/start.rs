//! `start`: from the start of the process until its first response with 200, on existing databases.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::load::request;
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::AXUM_SQLITE;
use crate::seed::APP;

const NAMESPACES: usize = 1_000;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let empty = plan.data(|_| Ok(()))?;
    let full = plan.data(|seed| {
        seed.app(APP)?;
        (1..NAMESPACES).try_for_each(|number| seed.namespace(APP, &format!("namespace-{number}")))
    })?;
    let bare = plan.directory()?;
    let file = bare.path().join("bare.db");
    let file = file.to_string_lossy();
    let reference = || {
        let began = Instant::now();
        let reference = Reference::start(AXUM_SQLITE, &[&file], Cores::All)?;
        first_answer(reference.address, began)
    };
    let product = || Ok((of_product(plan, &empty)?, of_product(plan, &full)?));
    let (product, reference) = plan.alternate(product, reference)?;
    let figure = |name, pick: fn(&(f64, f64)) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against("axum and SQLite", reference.iter().copied())
    };
    Ok(Report {
        setting: format!("all roles, {} rounds", plan.rounds),
        figures: vec![
            figure("empty", |times| times.0),
            figure("1,000 namespaces", |times| times.1),
        ],
        notes: Vec::new(),
    })
}

fn of_product(plan: &Plan, data: &tempfile::TempDir) -> Result<f64> {
    let began = Instant::now();
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let time = first_answer(product.config, began)?;
    // The next start must not include crash recovery.
    product.stop()?;
    Ok(time)
}

fn first_answer(server: SocketAddr, began: Instant) -> Result<f64> {
    Call::connect(server)?.ask(&request::plain("GET", "/health"))?;
    Ok(began.elapsed().as_secs_f64())
}
