//! The requests that a server received.

use tokio::time::Instant;

use crate::protocol::route;

/// The endpoint of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/services/config`
    Services,
    /// `/configs`
    Config,
    /// `/notifications/v2`
    Poll,
    /// Any other path; answered with 404.
    Other,
}

/// A request that was received.
///
/// ```
/// use castalia_core::testing::{Endpoint, Server};
/// use castalia_core::{Client, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::start().await?;
/// server.publish("demo", "application", &[("timeout", "200")]);
/// let settings = Settings::new()
///     .set("app.id", "demo")
///     .set("apollo.meta", server.url())
///     .set("apollo.cache.file.enable", "false");
/// let client = Client::new(settings)?;
/// let _config = client.config("application").await?;
///
/// let request = &server.requests_of(Endpoint::Config)[0];
/// assert_eq!(request.path(), "/configs/demo/default/application");
/// assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("castalia/")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Path and query, as sent.
    pub path_and_query: String,
    /// Headers with names in lower case.
    pub headers: Vec<(String, String)>,
    /// When it arrived.
    pub at: Instant,
}

impl Request {
    pub(super) fn new(path_and_query: String, headers: Vec<(String, String)>) -> Self {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let endpoint = if path.ends_with(route::CONFIG_SERVICES_PATH) {
            Endpoint::Services
        } else if path.ends_with(route::POLL_PATH) {
            Endpoint::Poll
        } else if path.contains("/configs/") {
            Endpoint::Config
        } else {
            Endpoint::Other
        };
        Self { endpoint, path_and_query, headers, at: Instant::now() }
    }

    /// Path, as sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// A decoded query parameter; `None` if it is missing or empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        route::parameter(self.query(), name)
    }

    /// The value of a header, whose name is compared ignoring case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self) -> &str {
        let split = self.path_and_query.split_once('?');
        split.map_or("", |(_, query)| query)
    }
}
