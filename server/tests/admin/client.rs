//! A caller of the admin API of a server process, with access to the rows in its database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use castalia_store::{Part, Store, StoreOptions, migration};
use http::{HeaderMap, Method, Request};
use sea_orm::{EntityTrait, IdenStatic, Iterable, QueryOrder};
use serde_json::{Value, json};

use super::address::{self, Switches};
use super::process::Process;

/// Time limit for a condition to become true.
const PATIENCE: Duration = Duration::from_secs(60);

/// Age after which a server may have removed the earlier of two release messages with the same
/// text.
const RETENTION: Duration = Duration::from_secs(4);

/// Variables with the address of a server, and with a database to use instead of a new file.
const ADDRESS: &str = "CASTALIA_TEST_ADMIN_URL";
const DATABASE: &str = "CASTALIA_TEST_CONFIG_DB";

static NAMES: AtomicU32 = AtomicU32::new(0);

/// A caller with its own app id.
pub(crate) struct Admin {
    /// The process of this test; absent if a server is reached by its address.
    process: Option<Process>,
    address: String,
    started: Instant,
    store: Store,
    switches: Switches,
    /// Database file of the process.
    _directory: Option<tempfile::TempDir>,
    /// App id that no other test uses.
    pub(crate) app_id: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body of a successful answer.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The row id in the body of a successful answer.
    #[track_caller]
    pub(crate) fn id(&self) -> i64 {
        self.ok()["id"].as_i64().unwrap_or_else(|| panic!("no id in {self:?}"))
    }

    /// Checks that the answer is an error with this status whose message begins with the text.
    #[track_caller]
    pub(crate) fn fails(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert!(
            body["message"].as_str().unwrap_or_default().starts_with(message),
            "{self:?} instead of {message}"
        );
    }

    /// Checks that a malformed request was refused: with 400, or 500 as by the reference.
    #[track_caller]
    pub(crate) fn is_unreadable(&self) {
        let is_known = self.status == 400 || (self.status == 500 && is_by_address());
        assert!(is_known, "{self:?}");
    }

    /// Checks that the answer is a success without a body.
    #[track_caller]
    pub(crate) fn empty(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, ""), "{self:?}");
    }
}

impl Admin {
    /// A server with all compatibility settings on.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// The same with further settings; such a test always has its own process.
    pub(crate) async fn with(settings: &[(&'static str, &str)]) -> Self {
        match variable(ADDRESS) {
            Some(address) if settings.is_empty() => {
                let url = variable(DATABASE).expect("CASTALIA_TEST_CONFIG_DB names its database");
                let (store, switches) = (connect(&url).await, Switches::of_all_tests());
                Self::new(None, address, Instant::now(), store, switches, None)
            }
            _ => Self::of_own_process(settings).await,
        }
    }

    async fn of_own_process(settings: &[(&'static str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = || format!("sqlite://{}", directory.path().join("config.db").display());
        let url = variable(DATABASE).unwrap_or_else(file);
        let store = connect(&url).await;
        migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
        // Earlier tests may have used the same database.
        address::remove_all(&store).await;
        let started = Instant::now();
        let process = Process::start(&url, settings);
        let address = process.address.clone();
        Self::new(Some(process), address, started, store, Switches::default(), Some(directory))
    }

    fn new(
        process: Option<Process>,
        address: String,
        started: Instant,
        store: Store,
        switches: Switches,
        directory: Option<tempfile::TempDir>,
    ) -> Self {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        let app_id = format!("a{}x{number}", std::process::id());
        Self { process, address, started, store, switches, _directory: directory, app_id }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A request with parameters as a form body.
    pub(crate) async fn form(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let body =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request =
            self.request(method, path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.switches.put_in_force(&self.address).await;
        address::exchange(&self.address, request).await
    }

    /// Whether the server was started here, and is not a reference that is reached by its address.
    pub(crate) fn has_process(&self) -> bool {
        self.process.is_some()
    }

    /// Sets a limit or switch of the config database, in effect for the next request.
    pub(crate) fn set(&self, key: &str, value: &str) {
        self.switches.ask(key, value);
    }

    /// All rows of a table, including deleted ones, in the order of their ids.
    pub(crate) async fn rows<E: EntityTrait>(&self) -> Vec<E::Model> {
        let id =
            E::Column::iter().find(|column| column.as_str() == "Id").expect("tables have an id");
        E::find().order_by_asc(id).all(self.store.read()).await.unwrap()
    }

    /// Database connection for tests that prepare rows that no endpoint writes.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Texts of all release messages of this test's app, oldest first.
    pub(crate) async fn messages(&self) -> Vec<String> {
        self.messages_since(0).await
    }

    async fn messages_since(&self, id: i64) -> Vec<String> {
        let rows = self.rows::<castalia_store::entity::release_message::Entity>().await;
        let texts = rows.into_iter().filter(|row| row.id.0 > id).map(|row| row.message);
        texts.filter(|text| text.starts_with(&format!("{}+", self.app_id))).collect()
    }

    pub(crate) async fn last_message(&self) -> i64 {
        let rows = self.rows::<castalia_store::entity::release_message::Entity>().await;
        rows.last().map_or(0, |row| row.id.0)
    }

    /// The messages of this test's app since a row id. A server that has been running for a while
    /// may have removed the earlier of two with the same text.
    pub(crate) async fn assert_sent(&self, since: i64, expected: &[String]) {
        let (mut sent, mut expected) = (self.messages_since(since).await, expected.to_vec());
        if !self.has_process() || self.started.elapsed() > RETENTION {
            for texts in [&mut sent, &mut expected] {
                let all = texts.clone();
                let mut place = 0;
                texts.retain(|text| {
                    place += 1;
                    !all[place..].contains(text)
                });
            }
        }
        // A transaction writes its messages in any order.
        sent.sort();
        expected.sort();
        assert_eq!(sent, expected);
    }

    /// The entries of the audit table since a row id, as `entity operation`.
    pub(crate) async fn audits_since(&self, id: i64) -> Vec<String> {
        let rows = self.rows::<castalia_store::entity::audit::Entity>().await;
        let since = rows.into_iter().filter(|row| row.id.0 > id);
        since.map(|row| format!("{} {}", row.entity_name, row.op_name)).collect()
    }

    pub(crate) async fn last_audit(&self) -> i64 {
        self.rows::<castalia_store::entity::audit::Entity>().await.last().map_or(0, |row| row.id.0)
    }

    /// `APP` of the cases.
    pub(crate) async fn create_app(&self) -> Answer {
        self.post("/apps", self.app_body()).await
    }

    pub(crate) fn app_body(&self) -> Value {
        json!({
            "appId": self.app_id, "name": "n1", "orgId": "o", "orgName": "O", "ownerName": "u", "ownerEmail": "u@x",
            "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
        })
    }

    /// Path of a namespace in the cluster `default`.
    pub(crate) fn path(&self, namespace: &str) -> String {
        format!("/apps/{}/clusters/default/namespaces/{namespace}", self.app_id)
    }

    /// `N` of the cases.
    pub(crate) fn n(&self) -> String {
        self.path("application")
    }

    /// `ITEM(k, v)` of the cases.
    pub(crate) async fn item(&self, key: &str, value: &str) -> Answer {
        self.item_by("u", key, value).await
    }

    pub(crate) async fn item_by(&self, operator: &str, key: &str, value: &str) -> Answer {
        self.post(&format!("{}/items", self.n()), item_body(operator, key, value)).await
    }

    /// Row id of the app's namespace `application`.
    pub(crate) async fn namespace_id(&self) -> i64 {
        self.get(&self.n()).await.id()
    }

    /// `PUB` of the cases.
    pub(crate) async fn publish(&self) -> Answer {
        self.publish_at(&self.n()).await
    }

    pub(crate) async fn publish_at(&self, namespace: &str) -> Answer {
        self.post(&format!("{namespace}/releases?name=r&operator=u"), Value::Null).await
    }

    /// Configurations of a release, read back.
    pub(crate) async fn configurations(&self, release: &Answer) -> Value {
        serde_json::from_str(release.ok()["configurations"].as_str().unwrap()).unwrap()
    }

    /// Waits until a condition holds.
    pub(crate) async fn eventually(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !condition().await {
            assert!(start.elapsed() < PATIENCE, "{what} did not happen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn item_body(operator: &str, key: &str, value: &str) -> Value {
    json!({"key": key, "value": value, "type": 0, "dataChangeCreatedBy": operator, "dataChangeLastModifiedBy": operator})
}

/// Items of an answer as `key=value`, in order.
#[track_caller]
pub(crate) fn pairs(items: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = items.as_array().expect("a list of items");
    items.iter().map(|item| format!("{}={}", text(&item["key"]), text(&item["value"]))).collect()
}

/// Elements of one member of a list of objects.
#[track_caller]
pub(crate) fn members(list: &Value, name: &str) -> Vec<Value> {
    list.as_array().expect("a list").iter().map(|element| element[name].clone()).collect()
}

/// How often each text occurs.
pub(crate) fn counts(texts: &[String]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for text in texts {
        *counts.entry(text.as_str()).or_default() += 1;
    }
    counts
}

/// With a longer timeout than that of a real server: other tests may keep the machine busy.
async fn connect(url: &str) -> Store {
    let acquire_timeout = Duration::from_secs(30);
    let options = StoreOptions { acquire_timeout, ..StoreOptions::new(DATABASE) };
    Store::connect(url, options).await.unwrap()
}

/// Whether the tests use a server that is reached by its address.
pub(crate) fn is_by_address() -> bool {
    variable(ADDRESS).is_some()
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
