//! `park-idle`: CPU time that parked clients cost while nothing is published, including polls that
//! expire and are sent again.

use anyhow::Result;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::notification_id;
use crate::load::crowd::Crowd;
use crate::load::request;
use crate::measure::{Stopwatch, number, settle};
use crate::process::Cores;
use crate::product::Product;
use crate::seed::{APP, NAMESPACE};

/// The number of clients that the goal refers to.
const CLIENTS: f64 = 20_000.0;

/// One round, because it is long and its figure is a sum.
pub(super) fn run(plan: &Plan) -> Result<Report> {
    let (clients, time) = (plan.clients(), plan.time(120.0, 120.0));
    let fill = || plan.data(|seed| seed.app(APP));
    let (busy_data, lonely_data) = (fill()?, fill()?);
    let busy = Product::start(&plan.program, busy_data.path(), Cores::All)?;
    let lonely = Product::start(&plan.program, lonely_data.path(), Cores::All)?;
    let poll = request::poll(APP, NAMESPACE, notification_id(busy.config)?);
    let mut crowd = Crowd::new(busy.config)?;
    crowd.join(clients, &request::poll(APP, NAMESPACE, -1))?;
    crowd.ask(&poll)?;
    settle(busy.process.id())?;
    let (with, without) =
        (Stopwatch::start(busy.process.id())?, Stopwatch::start(lonely.process.id())?);
    let answers = crowd.hold(&poll, time)?;
    let (with, without) = (with.busy()?, without.busy()?);
    Ok(Report {
        setting: format!("{clients} clients, {:.0} s", time.as_secs_f64()),
        figures: vec![
            Figure::new("CPU", Unit::Core, [with]).against("no clients", [without]),
            Figure::new(
                "CPU for 20,000 clients",
                Unit::Core,
                [(with - without) * CLIENTS / number(clients)],
            ),
        ],
        notes: vec![format!("{answers} holds ended and began again")],
    })
}
