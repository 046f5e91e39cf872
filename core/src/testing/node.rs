//! One server: how it responds to a request, given its data, its configuration and its faults.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::{Compression, write::GzEncoder};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::data::{Data, Release};
use super::fault::{Fault, Script};
use super::request::{Endpoint, Request};
use crate::protocol::namespace::{NamespaceKey, strip_properties_suffix};
use crate::protocol::route::{self, ConfigQuery, POLL_LINE_HEADER, PollQuery};
use crate::protocol::signature::{AUTHORIZATION_HEADER, Signer, TIMESTAMP_HEADER, signature_of};
use crate::protocol::wire::{
    ApolloConfig, INCREMENTAL_SYNC, Notification, NotificationMessages, ServiceInstance,
};

// The default of the official server.
const HOLD: Duration = Duration::from_secs(60);
// The default of the official server.
const SIGNATURE_TOLERANCE_MS: i64 = 60_000;

/// What the client receives.
#[derive(Debug)]
pub(super) enum TestOutcome {
    Response(TestResponse),
    /// The connection is closed.
    Reset,
}

#[derive(Debug)]
pub(super) struct TestResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Sends only this many bytes of the body, then closes the connection.
    pub(super) cut_at: Option<usize>,
    /// Time between bytes.
    pub(super) dribble: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Node {
    url: String,
    data: Data,
    script: Mutex<Script>,
    behaviour: Mutex<Behaviour>,
    requests: watch::Sender<Vec<Request>>,
    held: watch::Sender<usize>,
}

#[derive(Debug)]
pub(super) struct Behaviour {
    pub(super) services: Vec<String>,
    pub(super) hold: Duration,
    pub(super) incremental: bool,
    pub(super) gzip: bool,
    pub(super) clock_offset: i64,
    pub(super) secrets: HashMap<String, String>,
    pub(super) poll_line: Option<usize>,
}

impl Node {
    pub(super) fn new(url: &str, data: Data) -> Self {
        let behaviour = Behaviour {
            services: vec![format!("{url}/")],
            hold: HOLD,
            incremental: false,
            gzip: false,
            clock_offset: 0,
            secrets: HashMap::new(),
            poll_line: None,
        };
        Self {
            url: url.to_owned(),
            data,
            script: Mutex::default(),
            behaviour: Mutex::new(behaviour),
            requests: watch::Sender::new(Vec::new()),
            held: watch::Sender::new(0),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn data(&self) -> &Data {
        &self.data
    }

    pub(super) fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut lock(&self.script));
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.behaviour));
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    pub(super) async fn arrived(&self, endpoint: Endpoint, count: usize) -> Vec<Request> {
        let of_endpoint = |requests: &Vec<Request>| {
            let requests = requests.iter().filter(|request| request.endpoint == endpoint);
            requests.cloned().collect::<Vec<_>>()
        };
        let mut requests = self.requests.subscribe();
        let enough = requests.wait_for(|requests| of_endpoint(requests).len() >= count);
        enough.await.map_or_else(|_| Vec::new(), |requests| of_endpoint(&requests))
    }

    pub(super) fn held(&self) -> usize {
        *self.held.borrow()
    }

    pub(super) async fn holds(&self, count: usize) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| *held == count).await;
    }

    /// Responds to a request. Dropping the future means that the client closed the connection.
    pub(super) async fn handle(&self, request: Request) -> TestOutcome {
        // Before the request is known, because the next one must not take the fault of this one.
        let fault = lock(&self.script).turn(request.endpoint);
        self.requests.send_modify(|requests| requests.push(request.clone()));
        match fault {
            Some(Fault::Delay(delay)) => sleep(delay).await,
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Reset(after)) => {
                sleep(after).await;
                return TestOutcome::Reset;
            }
            Some(Fault::Answer { status, headers, body }) => {
                let mut answer = self.answer(status, body, &request);
                answer.headers.extend(headers);
                return TestOutcome::Response(answer);
            }
            _ => {}
        }
        let (status, body) = self.respond(&request).await;
        let mut answer = self.answer(status, body, &request);
        match fault {
            Some(Fault::Truncated) => answer.cut_at = Some(answer.body.len() / 2),
            Some(Fault::Dribble(time)) => answer.dribble = Some(time),
            _ => {}
        }
        TestOutcome::Response(answer)
    }

    fn answer(&self, status: u16, body: Vec<u8>, request: &Request) -> TestResponse {
        let behaviour = lock(&self.behaviour);
        let date = chrono::DateTime::<chrono::Utc>::from(SystemTime::now())
            + chrono::Duration::seconds(behaviour.clock_offset);
        let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut headers = vec![("Date".to_owned(), date)];
        let poll_line = behaviour.poll_line.map(|bytes| bytes.to_string());
        headers.extend(poll_line.map(|bytes| (POLL_LINE_HEADER.to_owned(), bytes)));
        let takes_gzip = request.header("accept-encoding").is_some_and(|v| v.contains("gzip"));
        let body = if behaviour.gzip && takes_gzip && !body.is_empty() {
            headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
            gzipped(&body)
        } else {
            body
        };
        TestResponse { status, headers, body, cut_at: None, dribble: None }
    }

    async fn respond(&self, request: &Request) -> (u16, Vec<u8>) {
        if request.endpoint == Endpoint::Services {
            return (200, self.services());
        }
        // Path prefixes, as added by gateways, are ignored.
        let start =
            request.path().find("/configs/").or_else(|| request.path().find("/notifications"));
        let path = &request.path()[start.unwrap_or(0)..];
        match route::ClientRequest::parse(path, request.query()) {
            Ok(endpoint) if !self.is_signed(request, endpoint.app_id()) => (401, Vec::new()),
            Ok(route::ClientRequest::Config(target)) => self.config(&target, request.query()),
            Ok(route::ClientRequest::Poll(app_id)) => match PollQuery::parse(request.query()) {
                Ok(query) => self.poll(&app_id, &query).await,
                Err(refusal) => (400, refusal.to_string().into_bytes()),
            },
            Ok(_) | Err(route::Refusal::UnknownPath) => (404, Vec::new()),
            Err(refusal) => (400, refusal.to_string().into_bytes()),
        }
    }

    fn services(&self) -> Vec<u8> {
        let services = lock(&self.behaviour).services.clone();
        let services = services.into_iter().map(|url| ServiceInstance {
            app_name: "apollo-configservice".into(),
            instance_id: url.clone(),
            homepage_url: url,
        });
        json(&services.collect::<Vec<_>>())
    }

    fn config(&self, target: &NamespaceKey, query: &str) -> (u16, Vec<u8>) {
        let query = ConfigQuery::parse(query);
        let NamespaceKey { app_id, cluster, namespace } = target;
        let stored = strip_properties_suffix(namespace);
        let data_center = query.caller.data_center.as_deref();
        let Some(release) = self.data.release(app_id, cluster, data_center, stored) else {
            return (404, Vec::new());
        };
        let known = query.release_key.as_deref();
        if known == Some(&release.key) {
            return (304, Vec::new());
        }
        let incremental = lock(&self.behaviour).incremental;
        let known = known.filter(|_| incremental);
        let changes = known.and_then(|known| self.data.changes(app_id, stored, known, &release));
        let Release { key, cluster, values } = release;
        let config = ApolloConfig {
            app_id: app_id.clone(),
            cluster,
            namespace_name: namespace.clone(),
            configurations: changes.is_none().then_some(values),
            release_key: key,
            config_sync_type: changes.is_some().then(|| INCREMENTAL_SYNC.to_owned()),
            configuration_changes: changes,
        };
        (200, json(&config))
    }

    async fn poll(&self, app_id: &str, query: &PollQuery) -> (u16, Vec<u8>) {
        let hold = lock(&self.behaviour).hold;
        let mut moved = self.data.moved();
        let news = async {
            loop {
                moved.mark_unchanged();
                let news = self.news(app_id, query);
                if !news.is_empty() || moved.changed().await.is_err() {
                    return news;
                }
            }
        };
        let _held = HeldPollGuard::new(&self.held);
        match timeout(hold, news).await {
            Ok(news) => (200, json(&news)),
            Err(_) => (304, Vec::new()),
        }
    }

    fn news(&self, app_id: &str, query: &PollQuery) -> Vec<Notification> {
        let data_center = query.data_center.as_deref();
        let moved = query.notifications.iter().filter_map(|known| {
            let stored = strip_properties_suffix(&known.namespace_name);
            let messages = self.data.messages(app_id, &query.cluster, data_center, stored);
            let newest = messages.iter().map(|(_, id)| *id).max()?;
            (newest > known.notification_id).then(|| Notification {
                namespace_name: known.namespace_name.clone(),
                notification_id: newest,
                messages: Some(NotificationMessages { details: messages.into_iter().collect() }),
            })
        });
        moved.collect()
    }

    fn is_signed(&self, request: &Request, app_id: &str) -> bool {
        let behaviour = lock(&self.behaviour);
        let Some(secret) = behaviour.secrets.get(app_id) else {
            return true;
        };
        let timestamp = request.header(TIMESTAMP_HEADER).unwrap_or_default();
        let authorization = request.header(AUTHORIZATION_HEADER).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let now = now + behaviour.clock_offset * 1000;
        let age = timestamp.parse::<i64>().map(|sent| (now - sent).abs());
        age.is_ok_and(|age| age < SIGNATURE_TOLERANCE_MS)
            && signature_of(authorization).is_some_and(|signature| {
                Signer::new(secret).verify(timestamp, &request.path_and_query, signature)
            })
    }
}

/// Counts a held poll while it exists.
struct HeldPollGuard<'a>(&'a watch::Sender<usize>);

impl<'a> HeldPollGuard<'a> {
    fn new(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|count| *count += 1);
        Self(held)
    }
}

impl Drop for HeldPollGuard<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "the bodies have text keys only")]
    serde_json::to_vec(value).expect("a body of the protocol is JSON")
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}
