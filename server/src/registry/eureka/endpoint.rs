//! The addresses of Eureka servers, as Apollo's key `eureka.service.url` lists them. Credentials
//! are kept apart from the address, so that no log line and no redirect can contain them.

use std::fmt;
use std::time::Duration;

use castalia_eureka::Invalid;
use castalia_store::Secret;
use percent_encoding::percent_decode_str;
use reqwest::{Method, RequestBuilder, Url};

use crate::log_rate::LogRate;
use crate::outgoing;
use crate::registry::address;
use crate::server_config::{ServerConfig, keys};

/// Maximum length of a list of services, and of the answer to any other request, in bytes.
pub(super) const LARGEST_LIST: usize = 32 * 1024 * 1024;
pub(super) const LARGEST_ANSWER: usize = 1024 * 1024;
/// The same of the outcomes of a batch, which can include descriptions.
pub(super) const LARGEST_OUTCOMES: usize = 16 * 1024 * 1024;

/// The row that every new database has, of Apollo's scripts as well as ours. It represents a server
/// in the node itself: whoever has another one replaces it.
const SHIPPED: &str = "http://localhost:8080/eureka/";

/// The addresses in `eureka.service.url`, without those that cannot be used; none if it has only
/// the value of a new database.
pub(in crate::registry) fn configured(config: &ServerConfig) -> Vec<Endpoint> {
    if !config.is_fixed(&keys::EUREKA_URL) && config.get(&keys::EUREKA_URL) == [SHIPPED] {
        return Vec::new();
    }
    stated(config)
}

/// The same with the value of a new database, at which a server of the same machine may be.
pub(super) fn stated(config: &ServerConfig) -> Vec<Endpoint> {
    let listed = config.get(&keys::EUREKA_URL);
    let usable: Vec<_> = listed.iter().filter_map(|text| Endpoint::parse(text)).collect();
    if usable.len() < listed.len() {
        let unusable = listed.iter().zip(1..).filter(|(text, _)| Endpoint::parse(text).is_none());
        report_unusable(&unusable.map(|(_, position)| position).collect::<Vec<u32>>());
    }
    usable
}

/// Without the text, which may contain a password.
fn report_unusable(positions: &[u32]) {
    static UNUSABLE: LogRate = LogRate::once_a_minute();
    if let Some(suppressed) = UNUSABLE.admit() {
        tracing::warn!(
            ?positions,
            suppressed,
            "addresses in eureka.service.url are not used: they are not of http or https, or have more than a path; percent-encode user name and password"
        );
    }
}

/// The base address of an Eureka server.
#[derive(Clone)]
pub(in crate::registry) struct Endpoint {
    /// Without credentials, with a trailing slash.
    pub(in crate::registry) url: Url,
    credentials: Option<(String, Secret)>,
}

impl Endpoint {
    /// Reads an address; `None` if it is not one of HTTP with a path only.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return None;
        }
        // The rest of a password that is not percent-encoded, which would be shown.
        if url.path().contains('@') || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let password = url.password().map(decoded).unwrap_or_default();
        let credentials = Some(decoded(url.username())).filter(|name| !name.is_empty());
        let credentials = credentials.map(|name| (name, Secret::new(password)));
        url.set_username("").ok()?;
        url.set_password(None).ok()?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Some(Self { url, credentials })
    }

    /// A request to a path below the base address.
    pub(super) fn request(
        &self,
        client: &reqwest::Client,
        method: Method,
        segments: &[&str],
    ) -> RequestBuilder {
        self.request_with(client, method, segments, &[])
    }

    /// The same with parameters.
    pub(super) fn request_with(
        &self,
        client: &reqwest::Client,
        method: Method,
        segments: &[&str],
        parameters: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.url.clone();
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = client.request(method, url).header("accept", "application/json");
        match &self.credentials {
            Some((name, password)) => request.basic_auth(name, Some(password.expose())),
            None => request,
        }
    }
}

impl Endpoint {
    /// What it is sent, as `user:password`.
    pub(super) fn credentials(&self) -> Option<Secret> {
        let (name, password) = self.credentials.as_ref()?;
        Some(Secret::new(format!("{name}:{}", password.expose())))
    }

    /// Whether it is on this machine.
    pub(in crate::registry) fn is_loopback(&self) -> bool {
        address::is_loopback(&self.url)
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        let own = self.credentials.as_ref().map(|(name, password)| (name, password.expose()));
        let others = other.credentials.as_ref().map(|(name, password)| (name, password.expose()));
        self.url == other.url && own == others
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.url)
    }
}

/// A client for the operator's own servers: it follows no redirect.
pub(super) fn client(connect: Duration, total: Duration) -> reqwest::Result<reqwest::Client> {
    outgoing::client()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(connect)
        .timeout(total)
        .user_agent(concat!("castalia/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Reads a body of at most `limit` bytes; `None` if it is larger or ends early.
pub(super) async fn body(mut response: reqwest::Response, limit: usize) -> Option<Vec<u8>> {
    // Without growing, which would take twice the memory for a moment.
    let announced = response.content_length().unwrap_or_default().min(limit as u64);
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// Parses a body on a thread of its own: a large one takes longer than other requests may wait.
pub(super) async fn parsed<T: Send + 'static>(
    body: Vec<u8>,
    parse: impl FnOnce(&[u8]) -> Result<T, Invalid> + Send + 'static,
) -> Result<T, String> {
    let parsed = tokio::task::spawn_blocking(move || parse(&body)).await;
    parsed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Case 103, for addresses.
    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let endpoint = Endpoint::parse(" http://eu:p%40ss@10.0.0.1:8080/eureka ").unwrap();
        assert_eq!(endpoint.url.as_str(), "http://10.0.0.1:8080/eureka/");
        let (name, password) = endpoint.credentials.as_ref().unwrap();
        assert_eq!((&**name, password.expose()), ("eu", "p@ss"));
        assert!(!format!("{endpoint} {endpoint:?}").contains("p@ss"));
        for text in ["", "ftp://h/", "eureka", "http://"] {
            assert!(Endpoint::parse(text).is_none(), "{text}");
        }
        for password in ["1/planted", "1#planted", "1?planted", "p@h/planted"] {
            let text = format!("http://eu:{password}@10.0.0.1:8080/eureka/");
            assert!(Endpoint::parse(&text).is_none(), "{text}");
        }
        assert!(Endpoint::parse("http://h/eureka/?token=planted").is_none());
    }

    #[test]
    fn an_id_is_one_segment_of_the_path() {
        outgoing::install_tls();
        let endpoint = Endpoint::parse("http://h/eureka").unwrap();
        let request =
            endpoint.request(&reqwest::Client::new(), Method::PUT, &["apps", "A", "h:a:1"]);
        assert_eq!(request.build().unwrap().url().as_str(), "http://h/eureka/apps/A/h:a:1");
    }
}
