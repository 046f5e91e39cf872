//! `configs-10k`, `configs-304`, `configs-signed`: how fast a server with one core answers clients
//! that send one request after another. If the load generator is saturated, only the CPU time per
//! request is meaningful.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use castalia_core::protocol::signature::AccessKey;
use serde_json::Value;

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::Call;
use crate::load::closed_loop::{self, Idle, Outcome, Span};
use crate::load::request;
use crate::process::{Cores, OffFirstCore, Reference};
use crate::product::Product;
use crate::reference::HYPER_HELLO;
use crate::seed::{APP, NAMESPACE, SECRET, SIGNED_APP};

/// Concurrent connections; enough that the server never waits for the load generator.
const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_millis(300);

/// `configs-10k`
pub(super) fn run_full(plan: &Plan) -> Result<Report> {
    against_hello(plan, 200, |_| Ok(request::config(APP, NAMESPACE, None)))
}

/// `configs-304`
pub(super) fn run_not_modified(plan: &Plan) -> Result<Report> {
    against_hello(plan, 304, |server| {
        let answer = Call::connect(server)?.ask(&request::config(APP, NAMESPACE, None))?;
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let key = answer["releaseKey"].as_str().context("the answer has no release key")?;
        Ok(request::config(APP, NAMESPACE, Some(key)))
    })
}

/// `configs-signed`: the cost of the signature alone, so the reference is the product itself.
pub(super) fn run_signed(plan: &Plan) -> Result<Report> {
    let data = plan.data(|seed| {
        seed.app(APP)?;
        seed.app(SIGNED_APP)?;
        seed.access_key(SIGNED_APP)
    })?;
    let product = Product::start(&plan.program, data.path(), Cores::First)?;
    let key = AccessKey::new(SIGNED_APP, SECRET).context("the secret is empty")?;
    check_refused(product.config)?;
    let core = OffFirstCore::hold()?;
    let server = (product.config, product.process.id());
    let (signed, unsigned) = plan.alternate(
        || ask((plan, &core), server, 200, &request::signed_config(SIGNED_APP, NAMESPACE, &key)),
        || ask((plan, &core), server, 200, &request::config(APP, NAMESPACE, None)),
    )?;
    Ok(report(plan, "unsigned", &signed, &unsigned))
}

/// Checks that unsigned requests are refused; otherwise the row would measure a check that does not
/// happen.
fn check_refused(server: SocketAddr) -> Result<()> {
    let mut call = Call::connect(server)?;
    call.send(&request::config(SIGNED_APP, NAMESPACE, None))?;
    let status = call.answer()?.status;
    anyhow::ensure!(status == 401, "an unsigned request was answered {status} instead of 401");
    Ok(())
}

fn against_hello(
    plan: &Plan,
    status: u16,
    request: impl FnOnce(SocketAddr) -> Result<Vec<u8>>,
) -> Result<Report> {
    let data = plan.data(|seed| seed.app(APP))?;
    let product = Product::start(&plan.program, data.path(), Cores::First)?;
    let hello = Reference::start(HYPER_HELLO, &[], Cores::First)?;
    let core = OffFirstCore::hold()?;
    let request = request(product.config)?;
    let (product, hello) = plan.alternate(
        || ask((plan, &core), (product.config, product.process.id()), status, &request),
        || ask((plan, &core), (hello.address, hello.process.id()), 200, &request),
    )?;
    Ok(report(plan, "hyper hello world", &product, &hello))
}

fn ask(
    (plan, core): (&Plan, &OffFirstCore),
    server: (SocketAddr, u32),
    status: u16,
    request: &[u8],
) -> Result<Outcome> {
    let idle = if core.is_held() { Idle::Spin } else { Idle::Sleep };
    let requests = vec![request.to_vec(); CONNECTIONS];
    closed_loop::run(
        server,
        &requests,
        status,
        Span { warm_up: WARM_UP, measured: plan.time(3.0, 0.8), idle },
    )
}

fn report(plan: &Plan, reference: &str, product: &[Outcome], against: &[Outcome]) -> Report {
    let figure = |name, unit, pick: fn(&Outcome) -> f64| {
        Figure::new(name, unit, product.iter().map(pick))
            .against(reference, against.iter().map(pick))
    };
    Report {
        setting: format!(
            "{CONNECTIONS} connections, one core for the server, {} rounds",
            plan.rounds
        ),
        figures: vec![
            figure("CPU per request", Unit::Seconds, |outcome| outcome.server_cpu),
            figure("requests", Unit::PerSecond, |outcome| outcome.rate),
            figure("server busy", Unit::Core, |outcome| outcome.server_busy),
            figure("load busy", Unit::Core, |outcome| outcome.load_busy),
        ],
        notes: Vec::new(),
    }
}
