//! One of several nodes on one database, with a gate to the database and a clock of its own. It
//! keeps its addresses when it is restarted, as nodes behind names do.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use super::clock::Clock;
use crate::support::gate::Gate;
use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Ports below those that the system assigns to outgoing connections, one of which may have the
/// port of a node that is down.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Far above what a recovery takes.
const RECOVERY: Duration = Duration::from_secs(60);

/// A node that may be down.
pub(super) struct Member {
    pub(super) gate: Gate,
    pub(super) config: Http,
    pub(super) admin: Http,
    server: Option<Server>,
    options: Options,
    directory: tempfile::TempDir,
}

impl Member {
    /// Starts a node whose system clock is off by this many seconds.
    pub(super) async fn start(database: &str, skew: i64) -> Self {
        let gate = Gate::before(database).await;
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(directory.path());
        clock.jump(skew);
        let [config, admin] = [free_port(), free_port()];
        // Polls are held until a publish wakes them, which a busy machine may delay.
        let options = clock
            .options()
            .variable("CASTALIA_LONG_POLLING_TIMEOUT", "60")
            .flag("--config-db", &gate.url)
            .flag("--config-port", &config)
            .flag("--admin-port", &admin)
            .flag("--advertise", "http://127.0.0.1");
        let [config, admin] = [config, admin].map(|port| format!("http://127.0.0.1:{port}"));
        let mut member = Self {
            gate,
            config: Http::new(&config),
            admin: Http::new(&admin),
            server: None,
            options,
            directory,
        };
        member.restart();
        member
    }

    pub(super) fn restart(&mut self) {
        let start = || Server::start_in(self.directory.path(), self.options.clone());
        // Gates and callers continue meanwhile.
        self.server = Some(tokio::task::block_in_place(start));
    }

    pub(super) fn kill(&mut self) {
        self.server().kill();
        self.server = None;
    }

    pub(super) fn terminate(&mut self) {
        let server = self.server.as_mut().unwrap();
        let status = tokio::task::block_in_place(|| server.terminate());
        assert!(status.success(), "{status}");
        self.server = None;
    }

    pub(super) fn suspend(&self) {
        self.signal("-STOP");
    }

    pub(super) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let pid = self.server.as_ref().unwrap().pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    pub(super) fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    /// Waits until the node reports that it is healthy; panics with its report otherwise.
    pub(super) async fn is_healthy(&self) {
        let begun = Instant::now();
        loop {
            let health = self.config.get("/health").await;
            if health.status == 200 {
                return;
            }
            assert!(begun.elapsed() < RECOVERY, "{}: {health:?}", self.config.base());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn free_port() -> String {
    loop {
        let port = fastrand::u16(PORTS);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port.to_string();
        }
    }
}
