//! The fixture of most tests: app `order` with namespace `application` = `a:1, b:2`, release `k1`,
//! message 10.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, Weak};
use std::time::Duration;

use castalia_core::testing::{Data, Network, Server, patient};
use castalia_core::{Client, Config, Settings, Snapshot, log};
use tempfile::TempDir;

/// App id of most tests.
pub(crate) const APP: &str = "order";
/// Namespace of most tests.
pub(crate) const NAMESPACE: &str = "application";
/// Longest wait in real time for what happens at once, unless a fault prevents it altogether.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// In-memory servers, for paused time.
pub(crate) struct Fixture {
    pub(crate) network: Network,
    pub(crate) server: Server,
    pub(crate) root: TempDir,
}

impl Fixture {
    /// One server with the usual release.
    pub(crate) fn new() -> Self {
        let fixture = Self::empty();
        fixture.publish(&[("a", "1"), ("b", "2")]);
        fixture
    }

    /// One server without a release.
    pub(crate) fn empty() -> Self {
        let network = Network::new();
        let server = Server::in_memory("http://s1", Data::new());
        network.connect(&server);
        Self { network, server, root: scratch() }
    }

    /// Another server with the same data at this address, which no meta server lists yet.
    pub(crate) fn sibling(&self, url: &str) -> Server {
        let sibling = Server::in_memory(url, self.server.data().clone());
        self.network.connect(&sibling);
        sibling
    }

    pub(crate) fn publish(&self, values: &[(&str, &str)]) {
        self.server.publish(APP, NAMESPACE, values);
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(self.server.url(), &self.root)
    }

    /// Like [`Fixture::settings`], without poll, cache file and limit on loads, for tests that load
    /// explicitly.
    pub(crate) fn quiet_settings(&self) -> Settings {
        self.settings()
            .set("castalia.long-poll.enable", "false")
            .set("apollo.cache.file.enable", "false")
            .set("apollo.loadConfigQPS", "100000")
    }

    /// A client of quiet settings with the usual namespace open.
    pub(crate) async fn open_quietly(&self) -> (Client, Config) {
        let client = self.client_with(self.quiet_settings());
        let config = client.config(NAMESPACE).await.unwrap();
        (client, config)
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(self.settings())
    }

    pub(crate) fn client_with(&self, settings: Settings) -> Client {
        Client::with_http_client(settings, self.network.clone()).unwrap()
    }

    /// A client with the usual namespace open.
    pub(crate) async fn open(&self) -> (Client, Config) {
        let client = self.client();
        let config = client.config(NAMESPACE).await.unwrap();
        (client, config)
    }

    pub(crate) fn cache_file(&self, namespace: &str) -> PathBuf {
        cache_file(&self.root, namespace)
    }

    /// Writes a cache file, as an earlier run would.
    pub(crate) fn write_cache(&self, namespace: &str, text: &str) {
        let path = self.cache_file(namespace);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A folder that is deleted with the test. A client that outlives the test may write into it once
/// more, so it is below `target`.
pub(crate) fn scratch() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

pub(crate) fn cache_file(root: &TempDir, namespace: &str) -> PathBuf {
    let name = format!("{APP}+default+{namespace}.properties");
    root.path().join(APP).join("config-cache").join(name)
}

/// Settings of a test client: nothing ambient, no delay before the first poll.
pub(crate) fn settings(meta: &str, root: &TempDir) -> Settings {
    Settings::new()
        .set("app.id", APP)
        .set("apollo.meta", meta)
        .set("apollo.cache-dir", root.path().to_str().unwrap())
        .set("apollo.longPollingInitialDelayInMills", "0")
        .set("castalia.proxy.enable", "false")
        .set("host.ip", "10.0.0.1")
        .random_seed(7)
}

/// The same for a server on a real socket, in real time: this machine may stop for longer than the
/// usual timeouts of 1 s and 5 s.
pub(crate) fn patient_settings(meta: &str, root: &TempDir) -> Settings {
    patient(settings(meta, root))
}

/// Starts recording what is logged, once for all tests.
pub(crate) fn record_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let sink: log::Sink = Arc::new(|record: &log::Record| {
            LOG.lock().unwrap().push(record.clone());
        });
        log::set(Some((tracing::Level::TRACE, sink)));
    });
}

/// The records of all tests that contain this text.
pub(crate) fn logged(part: &str) -> Vec<log::Record> {
    let records = LOG.lock().unwrap();
    records.iter().filter(|record| record.text.contains(part)).cloned().collect()
}

static LOG: Mutex<Vec<log::Record>> = Mutex::new(Vec::new());

/// Adds a validator that holds the client and accepts every release. The reference ends with it.
pub(crate) fn add_holding_validator(client: &Client) -> Weak<Client> {
    let held = Arc::new(client.clone());
    let validator = Arc::downgrade(&held);
    let judge = move |_: &Arc<Snapshot>| match held.app_id() {
        APP => Ok(()),
        other => Err(other.to_owned()),
    };
    client.validate(NAMESPACE, judge).unwrap();
    validator
}

/// Values of a config as pairs, in order.
pub(crate) fn pairs(config: &Config) -> Vec<(String, String)> {
    let snapshot = config.snapshot();
    let pairs = snapshot.iter();
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Replaces a directory by a file, so that nothing can be written below it. A write that is under
/// way may still create something.
pub(crate) async fn obstruct(directory: &Path) {
    let replaced = || {
        // It may be gone already.
        let _ = std::fs::remove_dir_all(directory);
        std::fs::write(directory, "in the way").is_ok()
    };
    eventually("an obstacle", replaced).await;
}

/// Waits until this is true, checking every 10 ms of the test's clock, for at most ten minutes of
/// it.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(600), wait).await;
    waited.unwrap_or_else(|_| panic!("not within ten minutes: {what}"));
}
