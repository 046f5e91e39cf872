//! REL-15: the system clock of a node jumps, slews or stands still. Holds, scans and discovery use
//! the monotonic clock; only signatures use the system clock.

use std::path::Path;
use std::time::{Duration, Instant};

use super::clock::{Clock, HOLD, HOUR};
use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::Server;
use crate::support::sign;

/// How long a hold may take on a machine that is busy with other tests. One whose end followed the
/// system clock would end at once, an hour later, or never.
const LATEST: Duration = Duration::from_secs(30);
/// Time limit until a key that was switched off is no longer required. All keys are read again
/// after a minute.
const OPEN: Duration = Duration::from_secs(30);
/// Seconds that a slewing clock gains in each second: a hold that followed it would end after a
/// third of its time.
const GAIN: f64 = 2.0;

/// Publishes a value while a poll is parked, which it ends; returns the new id.
async fn wakes_a_poll(app: &App, http: &Http, mut id: i64, value: &str) -> i64 {
    loop {
        let begun = Instant::now();
        let path = poll::path("demo", &[("application", id)]);
        let waiting = Waiting::start(http, &path).await;
        app.publish(value).await;
        let took = begun.elapsed();
        let answer = waiting.soon().await;
        if answer.status == 200 {
            return newest(&answer);
        }
        // On a busy machine a publish may take longer than a hold; then nothing was tried.
        assert!(took > HOLD * 3 / 4, "{answer:?} to a poll, {took:?} for a publish");
        id = position(http, "demo", "application").await;
    }
}

/// A node whose clock is wrong, and what a client knows.
struct Node {
    server: Server,
    app: App,
    sec: App,
    http: Http,
    id: i64,
}

impl Node {
    async fn start(directory: &Path, clock: &Clock) -> Self {
        let server = Server::start_in(directory, clock.options());
        let admin = Http::new(&server.admin);
        let (app, sec) = (App::create(&admin, "demo").await, App::create(&admin, "sec").await);
        app.publish("0").await;
        sec.publish("0").await;
        let http = Http::new(&server.config);
        let id = position(&http, "demo", "application").await;
        Self { server, app, sec, http, id }
    }

    /// The clock changes while a poll is held: holds end when they should, publishes and keys
    /// arrive, and signatures are checked against the clock, which `here` returns in milliseconds.
    async fn continues(&mut self, what: &str, change: impl FnOnce(), here: impl Fn() -> i64) {
        let Self { server, app, sec, http, id } = self;
        let path = poll::path("demo", &[("application", *id)]);
        let waiting = Waiting::start(http, &path).await;
        change();
        let ended = tokio::time::timeout(LATEST, waiting.end()).await;
        let (answer, time) = ended.unwrap_or_else(|_| panic!("{what}: the hold did not end"));
        assert_eq!(answer.status, 304);
        assert!(time > HOLD * 7 / 8, "{what}: {time:?}");

        *id = wakes_a_poll(app, http, *id, what).await;
        let config = http.get("/configs/demo/default/application").await.ok().json();
        assert_eq!(config["configurations"]["k"], what);

        let (secured, secret) = ("/configs/sec/default/application", format!("s {what}"));
        let key = sec.add_key(&secret, 0, true).await;
        eventually("the key", async || {
            let signed = sign::get_at(&server.config, secured, &secret, here()).await;
            (signed.status == 200 && http.get(secured).await.status == 401).then_some(())
        })
        .await;
        let elsewhere =
            sign::get_at(&server.config, secured, &secret, here() + 2 * HOUR * 1000).await;
        assert_eq!(elsewhere.status, 401);
        sec.disable_key(key).await;
        let is_open = async || (http.get(secured).await.status == 200).then_some(());
        let open = tokio::time::timeout(OPEN, eventually("the open app", is_open)).await;
        assert!(open.is_ok(), "{what}");
        let listed = http.get("/services/config").await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{what}: {listed}");
    }
}

/// An hour forwards and an hour back.
#[tokio::test]
async fn a_jump_of_the_clock_changes_no_hold_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let mut node = Node::start(directory.path(), &clock).await;
    for offset in [HOUR, -HOUR, 0] {
        let here = || sign::now_ms() + offset * 1000;
        node.continues(&offset.to_string(), || clock.jump(offset), here).await;
    }
}

#[tokio::test]
async fn a_clock_that_slews_or_stands_still_changes_no_hold_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let started = sign::now_ms();
    let mut node = Node::start(directory.path(), &clock).await;
    let since = Instant::now();
    let ahead = || (1000.0 * GAIN * since.elapsed().as_secs_f64()) as i64;
    tokio::select! {
        () = clock.slew(GAIN, since) => {}
        () = node.continues("slewing", || {}, || sign::now_ms() + ahead()) => {}
    }
    node.continues("still", || clock.stop(), || started).await;
}
