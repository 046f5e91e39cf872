//! Parked clients of a server that are woken by one request: when each has its response, and what
//! that costs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::call::{Call, notification_id};
use super::crowd::Crowd;
use super::request;
use crate::measure::{Stopwatch, number, percentile, settle};
use crate::process::Reference;
use crate::product::Product;
use crate::seed::{APP, NAMESPACE, publish_path};

/// Wakes per round; one more before them is the warm-up.
pub(crate) const WAKES: usize = 3;

/// What clients do when they are woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing more.
    Stop,
    /// Read the namespace, as clients in the field do.
    Read,
}

/// Times since the waking request was sent, in seconds, and their cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) last: f64,
    /// CPU time of the server per client, in seconds.
    pub(crate) server_cpu: f64,
    /// Fraction of a core that the load generator used.
    pub(crate) load_busy: f64,
}

/// Measures clients of the product when their namespace is published.
pub(crate) fn of_product(product: &Product, clients: usize, then: Then) -> Result<Vec<Tail>> {
    let wake = request::plain("POST", &publish_path(APP, NAMESPACE));
    let pid = product.process.id();
    Target { server: product.config, pid, trigger: product.admin, wake, then }.rounds(clients)
}

/// Measures clients of a reference program when it is asked to wake them.
pub(crate) fn of_reference(reference: &Reference, clients: usize, then: Then) -> Result<Vec<Tail>> {
    let Reference { process, address } = reference;
    let wake = request::plain("POST", "/wake");
    Target { server: *address, pid: process.id(), trigger: *address, wake, then }.rounds(clients)
}

struct Target {
    server: SocketAddr,
    pid: u32,
    trigger: SocketAddr,
    wake: Vec<u8>,
    then: Then,
}

impl Target {
    fn rounds(&self, clients: usize) -> Result<Vec<Tail>> {
        let mut trigger = Call::connect(self.trigger)?;
        let mut crowd = Crowd::new(self.server)?;
        crowd.join(clients, &request::poll(APP, NAMESPACE, -1))?;
        let mut tails = Vec::new();
        for round in 0..=WAKES {
            crowd.ask(&request::poll(APP, NAMESPACE, notification_id(self.server)?))?;
            settle(self.pid)?;
            crowd.check_waiting()?;
            let tail = self.wake(&mut trigger, &mut crowd, clients)?;
            if round > 0 {
                tails.push(tail);
            }
        }
        Ok(tails)
    }

    fn wake(&self, trigger: &mut Call, crowd: &mut Crowd, clients: usize) -> Result<Tail> {
        let read = request::config(APP, NAMESPACE, None);
        let (server, load) = (Stopwatch::start(self.pid)?, Stopwatch::start(std::process::id())?);
        let began = Instant::now();
        trigger.send(&self.wake)?;
        let times = match self.then {
            Then::Stop => crowd.answers(began)?,
            Then::Read => crowd.answers_after(began, &read)?,
        };
        let load_busy = load.busy()?;
        let answer = trigger.answer()?;
        ensure!(answer.status == 200, "the publish was answered {}", answer.status);
        Ok(Tail {
            p50: percentile(&times, 0.5).as_secs_f64(),
            p99: percentile(&times, 0.99).as_secs_f64(),
            last: times.last().map_or(0.0, Duration::as_secs_f64),
            server_cpu: server.used()?.as_secs_f64() / number(clients),
            load_busy,
        })
    }
}
