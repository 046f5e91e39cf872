//! `publish-latency`: from a publish until the one client that waits for it has its response,
//! commit included.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Plan;
use crate::figure::{Figure, Report, Unit};
use crate::load::call::{Call, notification_id};
use crate::load::request;
use crate::measure::{pause, percentile};
use crate::process::{Cores, Reference};
use crate::product::Product;
use crate::reference::HYPER_HELLO;
use crate::reference::sqlite_loop::{Publisher, copy_database};
use crate::seed::{APP, NAMESPACE, publish_path};

/// Time for a poll to be parked before the publish.
const PARKING: Duration = Duration::from_millis(2);

pub(super) fn run(plan: &Plan) -> Result<Report> {
    let note = "after the commit: from the publisher's answer to the client's; 0 where the client's came first";
    compare(plan, of_product, note)
}

/// Compares a round of the product with this many samples with rounds of the reference.
pub(super) fn compare(
    plan: &Plan,
    of_product: impl Fn(&Product, usize) -> Result<Round>,
    note: &str,
) -> Result<Report> {
    let samples = if plan.is_quick { 60 } else { 300 };
    let data = plan.data(|seed| seed.app(APP))?;
    let bare = plan.directory()?;
    let file = bare.path().join("config.db");
    copy_database(data.path(), &file)?;
    let product = Product::start(&plan.program, data.path(), Cores::All)?;
    let hello = Reference::start(HYPER_HELLO, &[], Cores::All)?;
    let (product, bare) =
        plan.alternate(|| of_product(&product, samples), || of_reference(&file, &hello, samples))?;
    let figure = |name, share| {
        let product = product.iter().map(|round| round.from_send.at(share));
        Figure::new(name, Unit::Seconds, product)
            .against("bare commit and hello", bare.iter().map(|round| round.at(share)))
    };
    let after = |name, share| {
        Figure::new(name, Unit::Seconds, product.iter().map(|round| round.from_answer.at(share)))
    };
    Ok(Report {
        setting: format!("one client, {} rounds of {samples} publishes", plan.rounds),
        figures: vec![
            figure("p50", 0.5),
            figure("p99", 0.99),
            after("p50 after the commit", 0.5),
            after("p99 after the commit", 0.99),
        ],
        notes: vec![note.into()],
    })
}

/// Sorted times.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn at(&self, share: f64) -> f64 {
        percentile(&self.0, share).as_secs_f64()
    }
}

/// Times from the publish, and from its response, until the client was notified.
pub(super) struct Round {
    from_send: Times,
    from_answer: Times,
}

impl Round {
    pub(super) fn new(from_send: Vec<Duration>, from_answer: Vec<Duration>) -> Self {
        Self { from_send: Times::new(from_send), from_answer: Times::new(from_answer) }
    }
}

fn of_product(product: &Product, samples: usize) -> Result<Round> {
    let (mut publisher, mut client) =
        (Call::connect(product.admin)?, Call::connect(product.config)?);
    let publish = request::plain("POST", &publish_path(APP, NAMESPACE));
    let (mut from_send, mut from_answer) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        client.send(&request::poll(APP, NAMESPACE, notification_id(product.config)?))?;
        pause(PARKING);
        let (sent, published, polled) = publish_once(&mut publisher, &mut client, &publish)?;
        from_send.push(polled.saturating_duration_since(sent));
        from_answer.push(polled.saturating_duration_since(published));
    }
    Ok(Round::new(from_send, from_answer))
}

/// When the publish was sent, when the publisher received its response, and when the client did.
/// Each side waits on its own thread.
fn publish_once(
    publisher: &mut Call,
    client: &mut Call,
    publish: &[u8],
) -> Result<(Instant, Instant, Instant)> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.answer().map(|answer| (answer.status, Instant::now())));
        let sent = Instant::now();
        publisher.ask(publish)?;
        let published = Instant::now();
        let (status, polled) =
            waiting.join().map_err(|_| anyhow::anyhow!("the waiting thread panicked"))??;
        ensure!(status == 200, "the poll was answered {status}");
        Ok((sent, published, polled))
    })
}

/// The sum of the commit that a publish needs and an HTTP response.
fn of_reference(file: &Path, hello: &Reference, samples: usize) -> Result<Times> {
    let mut publisher = Publisher::open(file)?;
    let mut call = Call::connect(hello.address)?;
    let greeting = request::plain("GET", "/");
    let mut times = Vec::new();
    for _ in 0..samples {
        pause(PARKING);
        let began = Instant::now();
        publisher.publish()?;
        call.ask(&greeting)?;
        times.push(began.elapsed());
    }
    Ok(Times::new(times))
}
