//! `portal-lists`: what the pages of the portal wait for where there is a lot: the items of a large
//! namespace, and the namespaces of a large app. The reference reads as many rows of one table.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::load::request;
use crate::process::{Cores, Reference};
use crate::product::{self, Product};
use crate::reference::AXUM_SQLITE;
use crate::seed::APP;

const ITEMS: usize = 5_000;
const NAMESPACES: usize = 1_000;
const LARGE: &str = "large";
/// Reads of a round, of which the median is taken.
const READS: usize = 9;

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let data = plan.data(|seed| {
        seed.app(APP)?;
        seed.large_namespace(APP, LARGE, ITEMS)?;
        (2..NAMESPACES).try_for_each(|number| seed.namespace(APP, &format!("namespace-{number}")))
    })?;
    let token = product::token(&plan.program, data.path())?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let bare = plan.directory()?;
    let file = bare.path().join("bare.db");
    let reference = Reference::start(AXUM_SQLITE, &[&file.to_string_lossy()], Cores::All)?;
    let list = format!("/openapi/v1/envs/DEV/apps/{APP}/clusters/default/namespaces");
    let items = format!("{list}/{LARGE}?fillItemDetail=true&extendInfo=true");
    let names = format!("{list}?fillItemDetail=false&extendInfo=true");
    let (product, reference) = plan.alternate(
        || {
            let time = |path, marker, rows| {
                read(product.portal, &request::authorized(path, &token), marker, rows)
            };
            Ok((time(&items, "\"lineNum\"", ITEMS)?, time(&names, "\"appId\"", NAMESPACES)?))
        },
        || {
            let time = |rows| {
                let request = request::plain("GET", &format!("/items/{rows}"));
                read(reference.address, &request, "\"id\"", rows)
            };
            Ok((time(ITEMS)?, time(NAMESPACES)?))
        },
    )?;
    let figure = |name, pick: fn(&(f64, f64)) -> f64| {
        Figure::new(name, Unit::Seconds, product.iter().map(pick))
            .against("axum and SQLite", reference.iter().map(pick))
    };
    Ok(Report {
        setting: format!("a token for OpenAPI, SQLite, {} rounds", plan.rounds),
        figures: vec![
            figure("5,000 items", |times| times.0),
            figure("1,000 namespaces", |times| times.1),
        ],
        notes: Vec::new(),
    })
}

/// The median time of a read, whose answer has so many elements with this member.
fn read(server: SocketAddr, request: &[u8], marker: &str, rows: usize) -> Result<f64> {
    let mut call = Call::connect(server)?;
    let mut times = Vec::new();
    for _ in 0..READS {
        let began = Instant::now();
        let answer = call.ask(request)?;
        times.push(began.elapsed().as_secs_f64());
        let found = String::from_utf8_lossy(&answer.body).matches(marker).count();
        ensure!(found >= rows, "the answer has {found} elements instead of {rows}");
    }
    times.sort_by(f64::total_cmp);
    Ok(times[READS / 2])
}
