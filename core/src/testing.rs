//! A scripted config service for tests of applications and of this crate. Responses are correct by
//! default, and faults are injected on request.
//!
//! It either listens on a free port ([`Server::start`]) or is called in memory ([`Network`]), where
//! time can be paused.

mod data;
mod fault;
mod http;
mod memory;
mod node;
mod request;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::format::properties;
use crate::protocol::namespace::DEFAULT_CLUSTER;
use crate::settings::Settings;

pub use data::{Data, Release};
pub use fault::Fault;
pub use memory::Network;
pub use request::{Endpoint, Request};

use node::Node;

/// Names and values of the settings that [`patient`] sets, for clients of other languages.
pub const PATIENT: [(&str, &str); 5] = [
    ("apollo.connectTimeout", "60000"),
    ("apollo.readTimeout", "60000"),
    ("apollo.discoveryConnectTimeout", "60000"),
    ("apollo.discoveryReadTimeout", "60000"),
    ("castalia.start-timeout", "60000"),
];

/// Sets timeouts of a minute, for tests on a machine that may stop for seconds: of connecting and
/// reading, and of the start. Replaces earlier values; does not change the timeout of polls.
///
/// ```
/// use castalia_core::Settings;
/// use castalia_core::testing::patient;
///
/// let settings = patient(Settings::new().set("app.id", "demo"));
/// # let _ = settings;
/// ```
#[must_use]
pub fn patient(settings: Settings) -> Settings {
    PATIENT.into_iter().fold(settings, |settings, (name, value)| settings.set(name, value))
}

/// A config service that is its own meta server. Several servers may share the same [`Data`].
///
/// ```
/// use castalia_core::testing::{Endpoint, Fault, Server};
/// use castalia_core::{Client, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::start().await?;
/// server.publish("demo", "application", &[("timeout", "200")]);
/// server.fail_next(Endpoint::Config, Fault::status(503));
///
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .set("apollo.meta", server.url())
///     .set("apollo.cache.file.enable", "false");
/// let client = Client::new(settings)?;
/// let config = client.config("application").await?;
/// assert_eq!(config.get_or("timeout", 0), 200);
/// assert!(server.requests_of(Endpoint::Config).len() >= 2);
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves new data on a free port of the loopback interface until it is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if no port is available.
    pub async fn start() -> Result<Self> {
        Self::start_with(Data::new()).await
    }

    /// Serves this data on a free port.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(data: Data) -> Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), data).await
    }

    /// Serves this data at a given address, like a server that is restarted.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(address: SocketAddr, data: Data) -> Result<Self> {
        let unusable = |error| {
            let text = "the test server cannot listen";
            Error::new(ErrorKind::Io, "start test server", text).caused_by(error)
        };
        let listener = TcpListener::bind(address).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let node = Arc::new(Node::new(&format!("http://{address}"), data));
        let accepting = tokio::spawn(http::accept(listener, node.clone()));
        Ok(Self { node, accepting: Some(accepting) })
    }

    /// Serves this data at an address of a [`Network`], such as `http://s1`. Opens no socket.
    #[must_use]
    pub fn in_memory(url: &str, data: Data) -> Self {
        Self { node: Arc::new(Node::new(url, data)), accepting: None }
    }

    /// Address without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        self.node.url()
    }

    /// The data being served.
    #[must_use]
    pub fn data(&self) -> &Data {
        self.node.data()
    }

    /// Publishes a release of a namespace in the cluster `default` and wakes the polls that wait
    /// for it.
    pub fn publish(&self, app_id: &str, namespace: &str, values: &[(&str, &str)]) -> Release {
        self.data().publish(app_id, DEFAULT_CLUSTER, namespace, values)
    }

    /// Publishes a namespace from a folder of the official mock server: `mockdata-{app
    /// id}-{namespace}.properties`, or else `mockdata-{namespace}.properties`. False if neither
    /// exists.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] if the file is not properties text.
    pub fn publish_file(&self, folder: &Path, app_id: &str, namespace: &str) -> Result<bool> {
        let names = [
            format!("mockdata-{app_id}-{namespace}.properties"),
            format!("mockdata-{namespace}.properties"),
        ];
        let Some(bytes) = names.iter().find_map(|name| std::fs::read(folder.join(name)).ok())
        else {
            return Ok(false);
        };
        let values = properties::parse(&properties::decode(&bytes))?;
        let values: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.publish(app_id, namespace, &values);
        Ok(true)
    }

    /// Injects a fault into the next request of an endpoint. Several faults apply to successive
    /// requests.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault) {
        self.node.script(|script| script.next(endpoint, fault));
    }

    /// Injects a fault into every request of an endpoint from now on; `None` ends this.
    pub fn fail_always(&self, endpoint: Endpoint, fault: Option<Fault>) {
        self.node.script(|script| script.always(endpoint, fault));
    }

    /// The addresses in the response of `/services/config`, instead of this server's.
    pub fn set_services(&self, services: &[&str]) {
        let services = services.iter().map(|url| (*url).to_owned()).collect();
        self.node.change(|behaviour| behaviour.services = services);
    }

    /// How long a poll is held; 60 s by default.
    pub fn set_hold(&self, hold: Duration) {
        self.node.change(|behaviour| behaviour.hold = hold);
    }

    /// Whether loads are answered with changes if the client's release is known; off by default.
    pub fn set_incremental(&self, incremental: bool) {
        self.node.change(|behaviour| behaviour.incremental = incremental);
    }

    /// Whether responses are compressed for clients that accept it; off by default.
    pub fn set_gzip(&self, gzip: bool) {
        self.node.change(|behaviour| behaviour.gzip = gzip);
    }

    /// The maximum bytes of path and query that responses announce for polls; none by default.
    pub fn set_poll_line(&self, bytes: Option<usize>) {
        self.node.change(|behaviour| behaviour.poll_line = bytes);
    }

    /// Seconds by which this server's clock is ahead.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.node.change(|behaviour| behaviour.clock_offset = seconds);
    }

    /// Rejects unsigned requests of an app from now on; `None` accepts all again.
    pub fn set_secret(&self, app_id: &str, secret: Option<&str>) {
        let (app_id, secret) = (app_id.to_owned(), secret.map(str::to_owned));
        self.node.change(|behaviour| {
            let secrets: &mut HashMap<_, _> = &mut behaviour.secrets;
            match secret {
                Some(secret) => secrets.insert(app_id, secret),
                None => secrets.remove(&app_id),
            };
        });
    }

    /// All requests so far, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.node.requests()
    }

    /// The requests of an endpoint so far.
    #[must_use]
    pub fn requests_of(&self, endpoint: Endpoint) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.endpoint == endpoint);
        requests
    }

    /// Waits until an endpoint has received this many requests, and returns them. Waits without
    /// limit; callers should use a timeout.
    pub async fn arrived(&self, endpoint: Endpoint, count: usize) -> Vec<Request> {
        self.node.arrived(endpoint, count).await
    }

    /// Number of polls being held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.node.held()
    }

    /// Waits until this many polls are being held.
    pub async fn holds(&self, count: usize) {
        self.node.holds(count).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}
