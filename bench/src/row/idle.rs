//! `idle`: memory of a server with all roles that receives no requests. All rounds wait at the same
//! time.

use std::time::Duration;

use anyhow::Result;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::load::request;
use crate::measure::{anonymous_memory, memory, pause};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::AXUM_SQLITE;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let time = plan.time(30.0, 5.0);
    let directory = plan.directory()?;
    let mut rounds = Vec::new();
    for round in 0..plan.rounds {
        let data = plan.data(|_| Ok(()))?;
        let product = Product::start(&plan.program, data.path(), Cores::All)?;
        let file = directory.path().join(format!("bare-{round}.db"));
        let reference = Reference::start(AXUM_SQLITE, &[&file.to_string_lossy()], Cores::All)?;
        for server in [product.config, reference.address] {
            Call::connect(server)?.ask(&request::plain("GET", "/health"))?;
        }
        rounds.push((product, reference, data));
    }
    pause(time);
    let of_product = |memory: fn(u32) -> Result<f64>| -> Result<Vec<_>> {
        rounds.iter().map(|(product, ..)| memory(product.process.id())).collect()
    };
    let of_reference = |memory: fn(u32) -> Result<f64>| -> Result<Vec<_>> {
        rounds.iter().map(|(_, reference, _)| memory(reference.process.id())).collect()
    };
    Ok(Report {
        setting: format!(
            "all roles and the web UI, {} servers, after {:.0} s",
            plan.rounds,
            Duration::as_secs_f64(&time)
        ),
        figures: vec![
            Figure::new("memory", Unit::Bytes, of_product(memory)?)
                .against("axum and SQLite", of_reference(memory)?),
            Figure::new("heap and stacks", Unit::Bytes, of_product(anonymous_memory)?)
                .against("axum and SQLite", of_reference(anonymous_memory)?),
        ],
        notes: Vec::new(),
    })
}
