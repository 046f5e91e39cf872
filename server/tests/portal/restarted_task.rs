//! Tasks that write records, pass on events or count instances continue after a panic: what arrives
//! afterwards is written, passed on and counted. The panic is one of the log, in the line that a task
//! writes when a statement fails, or in that of a statement. On SQLite in memory, whose statements
//! run on the thread of the test.

use std::fmt::{Debug, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::Caller as Client;
use castalia_server::background::Background;
use castalia_server::domain::instance_audit::InstanceAudit;
use castalia_server::domain::lookup::{LookupRequest, LookupResult};
use castalia_server::domain::unsigned_client;
use castalia_server::feed::cache::{ReadFrom, Release};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{castalia_unsigned_client, consumer_audit, instance};
use castalia_store::{Store, StoreError};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, EntityTrait};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::events::{Stream, edit, publish};
use super::instance::read;
use super::user_token::eventually;
use super::world::{Caller, NS, World, item};

/// Panics at the first line whose message or statement has this text.
struct Panics {
    text: &'static str,
    has_panicked: Arc<AtomicBool>,
}

impl<S: tracing::Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        if line.0.contains(self.text) && !self.has_panicked.swap(true, Ordering::SeqCst) {
            panic!("meant to panic");
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if ["message", "sql"].contains(&field.name()) {
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

/// A log that panics once, as long as this exists.
struct BrokenLog {
    has_panicked: Arc<AtomicBool>,
    _guard: DefaultGuard,
}

impl BrokenLog {
    fn at(text: &'static str) -> Self {
        let has_panicked = Arc::new(AtomicBool::new(false));
        let panics = Panics { text, has_panicked: Arc::clone(&has_panicked) };
        Self { has_panicked, _guard: set_default(tracing_subscriber::registry().with(panics)) }
    }

    async fn has_panicked(&self) {
        eventually(async || self.has_panicked.load(Ordering::SeqCst).then_some(())).await;
    }
}

/// A portal with the app `demo`; `None` on another engine.
async fn world() -> Option<World> {
    let world = World::with_demo().await;
    let is_sqlite = world.store.read().get_database_backend() == DatabaseBackend::Sqlite;
    is_sqlite.then_some(world)
}

async fn run(store: &Store, sql: String) {
    let done: Result<(), StoreError> = store
        .write(sql, |tx, sql| {
            Box::pin(async move {
                tx.execute_unprepared(sql).await?;
                Ok(())
            })
        })
        .await;
    done.unwrap();
}

/// Has a task panic when it writes that this failed, while the database refuses rows of a table.
async fn panic_at(text: &'static str, store: &Store, table: &str, act: impl AsyncFnOnce()) {
    let log = BrokenLog::at(text);
    let refusal = format!(
        r#"CREATE TRIGGER "refuse" BEFORE INSERT ON "{table}" BEGIN SELECT RAISE(ABORT, 'refused'); END"#
    );
    run(store, refusal).await;
    act().await;
    log.has_panicked().await;
    run(store, r#"DROP TRIGGER "refuse""#.to_owned()).await;
}

/// Waits until there is one row. A client is offered with each of its requests.
async fn until_recorded<E: EntityTrait>(store: &Store, offer: impl Fn()) {
    eventually(async || {
        offer();
        let rows = E::find().all(store.read()).await.unwrap();
        (rows.len() == 1).then_some(())
    })
    .await;
}

fn offer(audit: &InstanceAudit) {
    let key = NamespaceKey::new("demo", "default", "application");
    let client = Client { data_center: None, ip: Some("10.0.0.1".to_owned()), label: None };
    let asked = LookupRequest {
        target: &key,
        app_id: Some("demo"),
        caller: &client,
        messages: None,
        read_from: ReadFrom::Database,
    };
    let release = Release {
        id: 1,
        release_key: "key".to_owned(),
        key: key.clone(),
        configurations: Default::default(),
        digest: 0,
        is_rewritten: false,
    };
    audit.offer(&asked, &LookupResult { own: Some(Arc::new(release)), public: None });
}

#[tokio::test]
async fn instances_are_recorded_after_a_panic() {
    let Some(world) = world().await else { return };
    let store = &world.environment_store;
    let background = Background::default();
    let audit = InstanceAudit::new(store.clone(), ServerConfig::new([].into()));
    audit.run(&background);
    let text = "cannot write a batch of instance records";
    panic_at(text, store, "Instance", async || offer(&audit)).await;
    until_recorded::<instance::Entity>(store, || offer(&audit)).await;
    background.shutdown.cancel();
}

#[tokio::test]
async fn clients_without_a_signature_are_recorded_after_a_panic() {
    let Some(world) = world().await else { return };
    let store = &world.environment_store;
    let background = Background::default();
    let clients = unsigned_client::run(store, &background);
    let offer = || clients.offer("demo", IpAddr::V4(Ipv4Addr::LOCALHOST));
    let text = "cannot record which clients an observed access key would refuse";
    panic_at(text, store, "CastaliaUnsignedClient", async || offer()).await;
    until_recorded::<castalia_unsigned_client::Entity>(store, offer).await;
    background.shutdown.cancel();
}

#[tokio::test]
async fn calls_of_consumers_are_recorded_after_a_panic() {
    let Some(world) = world().await else { return };
    let ci = world.token("ci", &["demo"]).await;
    let ci = world.consumer(&ci);
    let change = async |value: &str| {
        let mut body = item("k", value);
        body["dataChangeCreatedBy"] = json!("u1");
        body["dataChangeLastModifiedBy"] = json!("u1");
        let changed = ci.put(&format!("{NS}/items/k?createIfNotExists=true"), body).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    };
    let text = "cannot write the records of calls of consumers";
    panic_at(text, &world.store, "ConsumerAudit", async || change("lost").await).await;
    change("recorded").await;
    let rows = eventually(async || {
        let rows = consumer_audit::Entity::find().all(world.store.read()).await.unwrap();
        (!rows.is_empty()).then_some(rows)
    })
    .await;
    assert_eq!(rows.len(), 1, "what was being written is lost");
}

/// A user, and the stream of a page.
async fn streaming(world: &World) -> (Caller<'_>, Stream) {
    let user = world.user("u1").await;
    let mut stream = Stream::open(&user, "").await;
    assert_eq!(stream.kind().await, "start");
    (user, stream)
}

#[tokio::test]
async fn events_are_stored_after_a_panic() {
    let Some(world) = world().await else { return };
    let (user, mut stream) = streaming(&world).await;
    let lose = async || edit(&user, NS, "lost").await;
    panic_at("cannot store events", &world.store, "CastaliaEvent", lose).await;
    edit(&user, NS, "stored").await;
    assert_eq!(stream.kind().await, "edit");
}

/// Pages see the counts of releases that are published afterwards.
#[tokio::test]
async fn instances_of_releases_are_counted_after_a_panic() {
    let Some(world) = world().await else { return };
    let (user, mut stream) = streaming(&world).await;
    // Nothing else here reads this table.
    let log = BrokenLog::at("InstanceConfig");
    publish(&user).await;
    assert_eq!(stream.kind().await, "publish");
    log.has_panicked().await;
    let release = publish(&user).await;
    assert_eq!(stream.kind().await, "publish");
    let store = &world.environment_store;
    let stored = castalia_store::release::by_id(store.read(), release).await.unwrap().unwrap();
    read(store, "demo", "10.0.0.1", &stored.release_key).await;
    let counted = stream.next().await.unwrap();
    assert_eq!((counted.kind.as_str(), &counted.data["instances"]), ("instances", &json!(1)));
    assert_eq!(counted.data["releaseId"], release);
}

/// Pages load their data again, because events may have been lost, and get the next events.
#[tokio::test]
async fn pages_get_events_after_a_panic() {
    let Some(world) = world().await else { return };
    let (user, mut stream) = streaming(&world).await;
    edit(&user, NS, "before").await;
    assert_eq!(stream.kind().await, "edit");
    let log = BrokenLog::at("cannot read events");
    run(&world.store, r#"ALTER TABLE "CastaliaEvent" RENAME TO "Hidden""#.to_owned()).await;
    log.has_panicked().await;
    run(&world.store, r#"ALTER TABLE "Hidden" RENAME TO "CastaliaEvent""#.to_owned()).await;
    assert_eq!(stream.kind().await, "reset");
    edit(&user, NS, "after").await;
    assert_eq!(stream.kind().await, "edit");
}
