//! `client-idle`: memory that a program needs for one namespace that is kept current, beyond its
//! runtime and HTTP client.

use anyhow::Result;

use super::Plan;
use crate::client;
use crate::figure::{Figure, Report, Unit};
use crate::measure::{anonymous_memory, memory, pause};
use crate::process::{Cores, Process};
use crate::product::Product;
use crate::seed::APP;

const EMPTY: &str = "empty tokio and reqwest";

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let time = plan.time(20.0, 5.0);
    let data = plan.data(|seed| seed.app(APP))?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        rounds.push((client::start(product.config, 1)?, client::start_empty(product.config)?));
    }
    // By then the client has loaded its namespace and parked its poll.
    pause(time);
    let both = |memory: fn(u32) -> Result<f64>| -> Result<Vec<(f64, f64)>> {
        let of = |process: &Process| memory(process.id());
        rounds.iter().map(|(client, empty)| Ok((of(client)?, of(empty)?))).collect()
    };
    let figure = |name, pairs: &[(f64, f64)]| {
        let (client, empty) = pairs.iter().copied().unzip::<_, _, Vec<_>, Vec<_>>();
        Figure::new(name, Unit::Bytes, client).against(EMPTY, empty)
    };
    let (resident, anonymous) = (both(memory)?, both(anonymous_memory)?);
    let above = resident.iter().map(|(client, empty)| client - empty);
    Ok(Report {
        setting: format!(
            "one namespace of 10 kB, {} clients, after {:.0} s",
            plan.rounds,
            time.as_secs_f64()
        ),
        figures: vec![
            Figure::new("above the empty program", Unit::Bytes, above),
            figure("memory", &resident),
            figure("heap and stacks", &anonymous),
        ],
        notes: Vec::new(),
    })
}
