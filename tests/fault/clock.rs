//! REL-15: the system clock of a node jumps. Holds, scans and discovery use the monotonic clock;
//! only signatures use the system clock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::Http;
use crate::support::poll::{self, Waiting, newest, position};
use crate::support::server::{Options, Server};
use crate::support::sign;

const PACKAGE: &str = "libfaketime";
const HOUR: i64 = 3600;
/// How long a poll is held, and may take on a machine that is busy with other tests. One whose end
/// followed the system clock would end at once, or an hour later.
const HOLD: Duration = Duration::from_secs(4);
const LATEST: Duration = Duration::from_secs(30);
/// Time limit until a key that was switched off is no longer required. All keys are read again
/// after a minute.
const OPEN: Duration = Duration::from_secs(30);

/// The library that changes the clock of a process; installed if it is missing.
fn library() -> PathBuf {
    let find = || {
        let output = Command::new("dpkg").args(["-L", PACKAGE]).output().unwrap();
        let files = String::from_utf8(output.stdout).unwrap();
        files.lines().find(|line| line.ends_with("/libfaketimeMT.so.1")).map(PathBuf::from)
    };
    find().unwrap_or_else(|| {
        let install = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/apt");
        let status = Command::new(install).arg(PACKAGE).status();
        assert!(status.is_ok_and(|status| status.success()), "install {PACKAGE}, or run as root");
        find().unwrap()
    })
}

/// The system clock of one server.
pub(crate) struct Clock {
    file: PathBuf,
}

impl Clock {
    pub(crate) fn new(directory: &Path) -> Self {
        let clock = Self { file: directory.join("clock") };
        clock.jump(0);
        clock
    }

    /// Sets the offset to the true time in seconds. The file is replaced, so that it is never read
    /// half-written.
    pub(crate) fn jump(&self, seconds: i64) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(&next, &self.file).unwrap();
    }

    pub(super) fn options(&self) -> Options {
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", &HOLD.as_secs().to_string());
        self.rules(options)
    }

    /// Adds this clock to the options of a server.
    pub(crate) fn rules(&self, options: Options) -> Options {
        options
            .variable("LD_PRELOAD", library().to_str().unwrap())
            .variable("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap())
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }
}

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

/// An hour forwards and an hour back: holds end when they should, publishes and keys arrive, and
/// signatures are checked against the current clock.
#[tokio::test]
async fn a_jump_of_the_clock_changes_no_hold_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let server = Server::start_in(directory.path(), clock.options());
    let admin = Http::new(&server.admin);
    let (app, sec) = (App::create(&admin, "demo").await, App::create(&admin, "sec").await);
    app.publish("0").await;
    sec.publish("0").await;
    let http = Http::new(&server.config);
    let mut id = position(&http, "demo", "application").await;
    let secured = "/configs/sec/default/application";
    for (round, offset) in [HOUR, -HOUR, 0].into_iter().enumerate() {
        let path = poll::path("demo", &[("application", id)]);
        let waiting = Waiting::start(&http, &path).await;
        clock.jump(offset);
        let (answer, time) = waiting.end().await;
        assert_eq!(answer.status, 304);
        assert!(time > HOLD * 7 / 8 && time < LATEST, "{offset}: {time:?}");

        id = wakes_a_poll(&app, &http, id, &format!("{offset}")).await;
        let config = http.get("/configs/demo/default/application").await.ok().json();
        assert_eq!(config["configurations"]["k"], format!("{offset}"));

        let secret = format!("s{round}");
        let key = sec.add_key(&secret, 0, true).await;
        let here = || sign::now_ms() + offset * 1000;
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
        assert!(open.is_ok(), "{offset}");
        let listed = http.get("/services/config").await.ok().json();
        assert_eq!(listed.as_array().unwrap().len(), 1, "{offset}: {listed}");
    }
}

/// A board without a battery starts in 1970 or, in some zones and after a wrong correction, before.
#[tokio::test]
async fn a_clock_before_1970_stops_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(directory.path());
    let mut server = Server::start_in(directory.path(), clock.options());
    let admin = Http::new(&server.admin);
    let app = App::create(&admin, "demo").await;
    app.publish("1").await;
    let http = Http::new(&server.config);
    clock.jump(-60 * 366 * 24 * HOUR);
    app.publish("2").await;
    eventually("the release", async || {
        let config = http.get("/configs/demo/default/application").await.ok().json();
        (config["configurations"]["k"] == "2").then_some(())
    })
    .await;
    admin.get("/apps/unknown").await;
    for _ in 0..3 {
        // Longer than the pause of the tasks that scan.
        tokio::time::sleep(Duration::from_secs(1)).await;
        is_well(&http).await;
    }
    let lines = server.printed_until_exit();
    let panics = lines.iter().filter(|line| line.contains("panicked")).collect::<Vec<_>>();
    assert!(panics.is_empty(), "{panics:?}");
}
