//! A scripted config service for tests of applications and of this crate: real answers by default, faults on request.
//!
//! It speaks HTTP on a free port ([`Server::start`]), or is called in memory ([`Network`]), where time can be paused.

mod data;
mod fault;
mod http;
mod memory;
mod node;

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

pub use data::{Data, Release};
pub use fault::Fault;
pub use memory::Network;
pub use node::{Endpoint, Request};

use node::Node;

/// One config service, which is its own meta server. Several may serve the same [`Data`].
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves new data on a free port of the loopback interface, until it is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when no port can be had.
    pub async fn start() -> Result<Self> {
        Self::start_with(Data::new()).await
    }

    /// Serves this data on a free port.
    ///
    /// # Errors
    /// Those of [`Server::start`].
    pub async fn start_with(data: Data) -> Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), data).await
    }

    /// Serves this data on this address, as a server does that comes back.
    ///
    /// # Errors
    /// Those of [`Server::start`].
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

    /// Serves this data under a name of a [`Network`], such as `http://s1`; no socket is opened.
    #[must_use]
    pub fn in_memory(url: &str, data: Data) -> Self {
        Self { node: Arc::new(Node::new(url, data)), accepting: None }
    }

    /// Address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        self.node.url()
    }

    /// What is served.
    #[must_use]
    pub fn data(&self) -> &Data {
        self.node.data()
    }

    /// Publishes a release of a namespace in cluster `default` and wakes the polls that wait for it.
    pub fn publish(&self, app_id: &str, namespace: &str, values: &[(&str, &str)]) -> Release {
        self.data().publish(app_id, DEFAULT_CLUSTER, namespace, values)
    }

    /// Publishes what lies in a folder as the official mock server reads it: `mockdata-{app id}-{namespace}.properties`, else
    /// `mockdata-{namespace}.properties`. False when there is neither.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] when the file is no properties text.
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

    /// Lets the next request of an endpoint meet this fault; several wait their turn.
    pub fn fail_next(&self, endpoint: Endpoint, fault: Fault) {
        self.node.script(|script| script.next(endpoint, fault));
    }

    /// Lets every request of an endpoint meet this fault from now on; `None` ends it.
    pub fn fail_always(&self, endpoint: Endpoint, fault: Option<Fault>) {
        self.node.script(|script| script.always(endpoint, fault));
    }

    /// What `/services/config` lists from now on, instead of this server alone.
    pub fn set_services(&self, services: &[&str]) {
        let services = services.iter().map(|url| (*url).to_owned()).collect();
        self.node.change(|behaviour| behaviour.services = services);
    }

    /// How long a poll is held; 60 s unless set.
    pub fn set_hold(&self, hold: Duration) {
        self.node.change(|behaviour| behaviour.hold = hold);
    }

    /// Whether loads are answered with changes where the release of the client is known; off unless set.
    pub fn set_incremental(&self, incremental: bool) {
        self.node.change(|behaviour| behaviour.incremental = incremental);
    }

    /// Whether answers are gzipped for clients that take it; off unless set.
    pub fn set_gzip(&self, gzip: bool) {
        self.node.change(|behaviour| behaviour.gzip = gzip);
    }

    /// What answers say of the bytes of path and query that are taken in a poll; nothing unless set.
    pub fn set_poll_line(&self, bytes: Option<usize>) {
        self.node.change(|behaviour| behaviour.poll_line = bytes);
    }

    /// By how much this server's clock is ahead, in seconds.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.node.change(|behaviour| behaviour.clock_offset = seconds);
    }

    /// Refuses unsigned requests of an app id from now on; `None` takes all again.
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

    /// Every request so far, in the order of arrival.
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

    /// Waits until an endpoint has had this many requests, and returns them. Waits for ever; bound it where you call it.
    pub async fn arrived(&self, endpoint: Endpoint, count: usize) -> Vec<Request> {
        self.node.arrived(endpoint, count).await
    }

    /// How many polls are held now.
    #[must_use]
    pub fn held(&self) -> usize {
        self.node.held()
    }

    /// Waits until this many polls are held.
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
