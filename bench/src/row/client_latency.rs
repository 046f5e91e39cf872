//! `client-latency`: from a publish until the application's listener is called, through poll and
//! load.

use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use castalia_core::{Interest, blocking};

use super::Plan;
use super::publish_latency::{self, Round};
use crate::client;
use crate::figure::Report;
use crate::load::call::Call;
use crate::load::request;
use crate::measure::pause;
use crate::product::Product;
use crate::seed::{APP, NAMESPACE, Seed, publish_path};

/// Time limit of each step.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time for the next poll to be parked.
const PARKING: Duration = Duration::from_millis(5);
/// An item that every namespace of the suite has.
const KEY: &str = "setting.00";

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let note = "the client's own limits of two polls and two loads a second are lifted";
    publish_latency::compare(plan, of_client, note)
}

fn of_client(product: &Product, samples: usize) -> Result<Round> {
    let settings = client::settings(product.config)
        .set("apollo.longPollingInitialDelayInMills", "0")
        .set("apollo.longPollQPS", "10000")
        .set("apollo.loadConfigQPS", "10000");
    let client = blocking::Client::new(settings)?;
    let config = client.config(NAMESPACE, PATIENCE)?;
    let (sender, told) = sync_channel(16);
    let _subscription = config.on_change(Interest::everything(), move |event| {
        // No listener waits for an event of another round.
        let _ = sender.try_send((Instant::now(), event.snapshot().get(KEY).map(str::to_owned)));
    });
    let mut seed = Seed::new(product.admin)?;
    let item = seed.item(APP, KEY)?;
    let mut publisher = Call::connect(product.admin)?;
    let publish = request::plain("POST", &publish_path(APP, NAMESPACE));
    let (mut from_send, mut from_answer) = (Vec::new(), Vec::new());
    for sample in 0..=samples {
        let value = sample.to_string();
        seed.set(APP, &item, &value)?;
        pause(PARKING);
        let sent = Instant::now();
        publisher.ask(&publish)?;
        let published = Instant::now();
        let listened = heard(&told, &value)?;
        if sample > 0 {
            from_send.push(listened.saturating_duration_since(sent));
            from_answer.push(listened.saturating_duration_since(published));
        }
    }
    client.close(PATIENCE);
    Ok(Round::new(from_send, from_answer))
}

/// When the listener received this value; earlier values are of previous rounds.
fn heard(told: &Receiver<(Instant, Option<String>)>, value: &str) -> Result<Instant> {
    loop {
        let (at, now) = told.recv_timeout(PATIENCE).context("the listener is told nothing")?;
        if now.as_deref() == Some(value) {
            return Ok(at);
        }
    }
}
