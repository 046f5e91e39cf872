//! REL-38: a client process that was suspended, for longer than its poll is held, is current soon
//! after it continues.
//!
//! `CASTALIA_TEST_SUSPENDED` is the time in seconds. From 30 s on, the shortest timeout of a poll,
//! the network forgets the client's connections meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use castalia_core::{Client, Settings};

use crate::support::app::App;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::parked;
use crate::support::server::{Options, Server};
use crate::support::stopwatch::Stopwatch;
use crate::support::variable;
use crate::support::way::Way;

const SERVICE: &str = "CASTALIA_TEST_CLIENT_OF";
/// Seconds that the server holds a poll, and that the process is suspended.
const HOLD: &str = "2";
const SUSPENDED: u64 = 4;
/// Five seconds by the rule, and more for a machine that is busy with other tests.
const CURRENT: Duration = Duration::from_secs(20);

/// The client, in a process of its own: prints each value.
#[tokio::test]
async fn the_client() {
    let Some(service) = variable(SERVICE) else { return };
    let settings = Settings::new()
        .set("app.id", "demo")
        .set("apollo.config-service", &service)
        .set("castalia.long-poll.timeout", "30000")
        .set("apollo.cache.file.enable", "false");
    let client = Client::new(settings).unwrap();
    let config = client.config("application").await.unwrap();
    let mut changes = config.changes();
    loop {
        println!("\nvalue {}", config.get_or("k", String::new()));
        changes.next().await.unwrap();
    }
}

/// A process that runs [`the_client`]; killed when it is dropped.
struct Process {
    child: Child,
    values: Receiver<String>,
}

impl Process {
    fn start(service: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["fault::suspended_client::the_client", "--exact", "--nocapture"]);
        command.env(SERVICE, service).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (sender, values) = sync_channel(100);
        std::thread::spawn(move || {
            let values = lines.filter_map(|line| line.strip_prefix("value ").map(str::to_owned));
            values.map_while(|value| sender.send(value).ok()).for_each(drop);
        });
        Self { child, values }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    async fn prints(&self, value: &str) {
        eventually(&format!("the value {value}"), async || {
            self.values.try_iter().find(|printed| printed == value)
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_client_is_current_soon_after_it_continues() {
    let time = variable("CASTALIA_TEST_SUSPENDED").map_or(SUSPENDED, |text| text.parse().unwrap());
    let server = Server::start_with(
        Options::new()
            .flag("--roles", "config,meta,admin")
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", HOLD),
    );
    let app = App::create(&Http::new(&server.admin), "demo").await;
    app.publish("first").await;
    let way = Way::to(&server.config).await;
    let process = Process::start(&way.url);
    process.prints("first").await;
    let http = Http::new(&server.config);
    // Before its poll is answered, and after that: the answer waits in the socket.
    for value in ["second", "third"] {
        let is_parked = async || (parked::count(&http).await? > 0).then_some(());
        eventually("its poll", is_parked).await;
        process.signal("-STOP");
        if value == "second" {
            app.publish(value).await;
        }
        if time >= 30 {
            way.forget();
        }
        tokio::time::sleep(Duration::from_secs(time)).await;
        if value == "third" {
            app.publish(value).await;
        }
        process.signal("-CONT");
        let continued = Stopwatch::start();
        process.prints(value).await;
        assert!(continued.elapsed() < CURRENT, "{value}: {:?}", continued.elapsed());
    }
}
