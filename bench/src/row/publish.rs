//! `publish-1`, `publish-16`: durable publishes per second through the admin role, against the same
//! statements on bare SQLite.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::closed_loop::{self, Idle, Span};
use crate::load::request;
use crate::process::{Cores, Process};
use crate::product::Product;
use crate::reference::SQLITE_LOOP;
use crate::reference::sqlite_loop::copy_database;
use crate::seed::{APP, publish_path};

const WARM_UP: Duration = Duration::from_millis(200);

pub(super) fn run(plan: &Plan, writers: usize) -> Result<Report> {
    let names: Vec<_> = (1..=writers).map(|writer| format!("writer-{writer}")).collect();
    let data = plan.data(|seed| {
        seed.app(APP)?;
        names.iter().try_for_each(|name| seed.namespace(APP, name))
    })?;
    let bare = plan.directory()?;
    let file = bare.path().join("config.db");
    copy_database(data.path(), &file)?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let requests: Vec<_> =
        names.iter().map(|name| request::plain("POST", &publish_path(APP, name))).collect();
    let time = plan.time(3.0, 1.0);
    let (product, bare) = plan.alternate(
        || {
            let server = (product.admin, product.process.id());
            closed_loop::run(
                server,
                &requests,
                200,
                Span { warm_up: WARM_UP, measured: time, idle: Idle::Sleep },
            )
        },
        || bare_rate(&file, time),
    )?;
    Ok(Report {
        setting: format!("{writers} writers, a namespace of 20 items each, {} rounds", plan.rounds),
        figures: vec![
            Figure::new("publishes", Unit::PerSecond, product.iter().map(|outcome| outcome.rate))
                .against("bare SQLite loop", bare),
            Figure::new(
                "CPU per publish",
                Unit::Seconds,
                product.iter().map(|outcome| outcome.server_cpu),
            ),
            Figure::new("load busy", Unit::Core, product.iter().map(|outcome| outcome.load_busy)),
        ],
        notes: Vec::new(),
    })
}

fn bare_rate(file: &std::path::Path, time: Duration) -> Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["reference", SQLITE_LOOP]).arg(file).arg(time.as_secs_f64().to_string());
    let line = Process::start(command)?.line()?;
    line.parse().with_context(|| format!("the bare loop printed no number but {line:?}"))
}
