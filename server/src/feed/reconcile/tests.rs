//! What is wrong in memory although no row was changed, as after a fault of the memory: it becomes
//! equal to the database again. `tests/fault/drift.rs` changes the rows instead. Reloads that end
//! early.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use castalia_core::protocol::signature::Signer;
use castalia_store::access_key::{self, AccessKeyRow};
use castalia_store::namespace::{AppNamespaceRow, insert_app_namespace};
use castalia_store::release::{self, ReleaseRow};
use castalia_store::{Authorship, Secret, Small, Store, StoreError, message};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::{sleep, timeout};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::*;
use crate::background::Background;
use crate::feed::FeedOptions;
use crate::feed::access_key::{AccessKey, Mode};
use crate::feed::answer::Ingredients;
use crate::feed::cache::{ReadFrom, Release, empty_store};
use crate::feed::name::AppNamespace;
use crate::log::in_memory::Lines;
use crate::server_config::ServerConfig;

const PLACE: NamespaceRef<'static> =
    NamespaceRef { app_id: "demo", cluster: "default", namespace: "application" };
/// Its watch key.
const KEY: &str = "demo+default+application";

/// A node whose database has a public namespace of `lib`, and of `demo` an access key and a
/// namespace with two releases.
async fn feed() -> ReleaseFeed {
    let store = empty_store().await;
    fill(&store).await;
    let increments = (keys::INCREMENTS.name.to_owned(), "true".to_owned());
    let config = ServerConfig::new(BTreeMap::from([increments]));
    ReleaseFeed::load(store, config, FeedOptions::default()).await.unwrap()
}

async fn fill(store: &Store) {
    let written = store.write((), |tx, ()| {
        Box::pin(async move {
            let author = || Authorship::of("o");
            for row in [definition("lib", "shared", true), definition("demo", "application", false)]
            {
                insert_app_namespace(tx, row, author()).await?;
            }
            let key = AccessKeyRow {
                app_id: "demo".to_owned(),
                secret: Secret::new("secret"),
                mode: Small(0),
                is_enabled: true,
            };
            access_key::insert(tx, key, author()).await?;
            for name in ["former", "present"] {
                release::insert(tx, release_row(name), author()).await?;
            }
            message::insert(tx, "demo+default+application").await?;
            Ok::<_, StoreError>(())
        })
    });
    written.await.unwrap();
}

fn definition(app_id: &str, name: &str, is_public: bool) -> AppNamespaceRow {
    AppNamespaceRow {
        name: name.to_owned(),
        app_id: app_id.to_owned(),
        format: "properties".to_owned(),
        is_public,
        comment: String::new(),
    }
}

/// A release whose value is also its key.
fn release_row(name: &str) -> ReleaseRow {
    ReleaseRow {
        release_key: name.to_owned(),
        name: name.to_owned(),
        comment: None,
        app_id: "demo".to_owned(),
        cluster_name: "default".to_owned(),
        namespace_name: "application".to_owned(),
        configurations: format!(r#"{{"k":"{name}"}}"#),
        is_abandoned: false,
    }
}

/// Counters and log of some work.
async fn recorded(work: impl Future<Output = Result<()>>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recorder = metrics::set_default_local_recorder(&recorder);
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _log = tracing::subscriber::set_default(log);
    work.await.unwrap();
    recorder.handle().render() + &lines.text()
}

async fn reconcile(feed: &ReleaseFeed) -> String {
    recorded(feed.reconcile(&mut RoundState::default())).await
}

#[track_caller]
fn assert_corrected(record: &str, what: &str, logged: &str) {
    let counted = format!(r#"castalia_reconciled_total{{what="{what}"}} 1"#);
    assert!(record.contains(&counted) && record.contains(logged), "{record}");
}

async fn served(feed: &ReleaseFeed) -> Arc<Published> {
    feed.cache().get(PLACE).await.unwrap()
}

fn value(published: &Published) -> &str {
    &published.main.as_ref().unwrap().configurations["k"]
}

/// The same release with another value, which the digest of its row does not show.
fn damaged(release: &Release) -> Release {
    Release {
        id: release.id,
        release_key: release.release_key.clone(),
        key: release.key.clone(),
        configurations: [("k".to_owned(), "wrong".to_owned())].into_iter().collect(),
        digest: release.digest,
        is_rewritten: false,
    }
}

/// Replaces the release that is served; `None` loses it.
async fn damage(feed: &ReleaseFeed, main: Option<Release>) {
    let Published { notification_id, fingerprint, .. } = *served(feed).await;
    let main = main.map(Arc::new);
    let wrong = Published { notification_id, main, fingerprint, ..Published::default() };
    feed.cache().damage(PLACE, wrong);
}

#[tokio::test]
async fn a_release_that_is_wrong_in_memory_is_read_again() {
    let feed = feed().await;
    let right = served(&feed).await;
    damage(&feed, right.main.as_deref().map(damaged)).await;
    assert_eq!(value(&*served(&feed).await), "wrong");
    let record = reconcile(&feed).await;
    assert_corrected(&record, "content", "memory differed from the database");
    let now = served(&feed).await;
    assert_eq!(value(&now), "present");
    // Clients that know its key may have the wrong value: they receive it in full.
    assert!(now.main.as_ref().unwrap().is_rewritten);
    assert!(feed.cache().by_key("present", ReadFrom::Database).await.is_none());
    assert!(!reconcile(&feed).await.contains("memory differed"));
}

#[tokio::test]
async fn a_release_that_memory_lost_is_read_again() {
    let feed = feed().await;
    damage(&feed, None).await;
    let record = reconcile(&feed).await;
    assert_corrected(&record, "content", "memory differed from the database");
    assert_eq!(value(&*served(&feed).await), "present");
}

/// S57: MySQL finds the releases of `Later` for a client that writes `later`.
#[tokio::test]
async fn what_was_read_in_another_case_before_its_definition_is_no_drift() {
    let mut feed = feed().await;
    let inner = Arc::get_mut(&mut feed.0).unwrap();
    Arc::get_mut(&mut inner.cache).unwrap().fold_namespaces();
    let [written, later] = ["later", "Later"].map(|namespace| NamespaceRef { namespace, ..PLACE });
    assert!(feed.cache().get(written).await.unwrap().is_empty());
    let defined = feed.0.store.write((), |tx, ()| {
        Box::pin(async move {
            let author = || Authorship::of("o");
            insert_app_namespace(tx, definition("demo", "Later", false), author()).await?;
            let row = ReleaseRow { namespace_name: "Later".to_owned(), ..release_row("later") };
            release::insert(tx, row, author()).await?;
            message::insert(tx, "demo+default+Later").await?;
            Ok::<_, StoreError>(())
        })
    });
    defined.await.unwrap();
    recorded(feed.rebuild_definitions()).await;
    let record = reconcile(&feed).await;
    assert!(!record.contains("memory differed"), "{record}");
    for place in [written, later] {
        assert_eq!(value(&feed.cache().peek(place).unwrap()), "later");
    }
}

#[tokio::test]
async fn a_former_release_that_is_wrong_in_memory_is_no_base_any_more() {
    let feed = feed().await;
    let base = async || feed.cache().by_key("former", ReadFrom::Database).await;
    let former = base().await.unwrap();
    reconcile(&feed).await;
    assert!(base().await.is_some(), "it is that of the database");
    feed.cache().damage_former(damaged(&former));
    assert_eq!(base().await.unwrap().configurations["k"], "wrong");
    let record = reconcile(&feed).await;
    assert_corrected(&record, "former", "a former release in memory differed from the database");
    assert!(base().await.is_none());
}

/// `answer.rs` shows that this is counted.
#[tokio::test]
async fn an_answer_that_is_wrong_in_memory_is_serialised_again_after_a_round() {
    let feed = feed().await;
    let published = served(&feed).await;
    let main = published.main.as_deref().unwrap();
    let of = Ingredients {
        form: "config",
        release_key: &main.release_key,
        digest: main.digest,
        base_key: "",
        names: ["demo", "default", "application"],
    };
    let serve =
        |body: &str| feed.answers().get_or_make(&of, || Ok(body.as_bytes().to_vec())).unwrap();
    assert_eq!(serve("wrong"), "wrong");
    assert_eq!(serve("right"), "wrong");
    reconcile(&feed).await;
    assert_eq!(serve("right"), "right");
}

#[tokio::test]
async fn names_that_are_wrong_in_memory_are_read_again() {
    let feed = feed().await;
    let last_ids = feed.names().last_ids();
    // Another owner, and the namespaces of all others are lost.
    let wrong = AppNamespace {
        id: i64::MAX,
        app_id: "mallory".to_owned(),
        name: "shared".to_owned(),
        is_public: true,
    };
    feed.names().replace(vec![wrong], Vec::new(), Vec::new());
    recorded(feed.rebuild_definitions()).await;
    let names = feed.names();
    assert_eq!(&*names.public("shared").unwrap().owner, "lib");
    assert!(names.own("demo", "application").is_some() && names.app("mallory").is_none());
    assert_eq!(names.last_ids(), last_ids);
}

#[tokio::test]
async fn access_keys_that_are_wrong_in_memory_are_read_again() {
    let feed = feed().await;
    let id = feed.keys().of("demo").unwrap().filter[0].0;
    let wrong = |id, app_id: &str| AccessKey {
        id,
        app_id: app_id.to_owned(),
        signer: Signer::new("wrong"),
        mode: Mode::Filter,
        is_enabled: true,
    };
    let signature = Signer::new("secret").sign("1", "/");
    // The app is open and another one closed, or its key has another secret.
    for wrong in [wrong(id + 1, "lib"), wrong(id, "demo")] {
        let is_same_key = wrong.id == id;
        feed.keys().replace([wrong]);
        let record = recorded(feed.rebuild_definitions()).await;
        let is_logged = record.contains("the access keys of an app changed");
        assert_ne!(is_logged, is_same_key, "{record}");
        // That of the other app ends after names have been read.
        for _ in 0..2 {
            feed.rebuild_definitions().await.unwrap();
        }
        let own = feed.keys().of("demo").unwrap();
        assert!(own.filter.len() == 1 && own.filter[0].1.verify("1", "/", &signature));
        assert!(feed.keys().of("lib").is_none());
    }
}

/// Counts the reports of reloads, and panics at the first ones.
struct PanicAtReloads {
    reports: Arc<AtomicUsize>,
    first: usize,
}

impl<S: tracing::Subscriber> Layer<S> for PanicAtReloads {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().ends_with("::reload") {
            let before = self.reports.fetch_add(1, Ordering::SeqCst);
            assert!(before >= self.first, "meant to panic");
        }
    }
}

/// Requests a reload, and reconciles until a condition is met; the first reloads panic.
async fn reconcile_until(feed: &ReleaseFeed, first: usize, is_met: impl Fn(usize) -> bool) {
    let reports = Arc::new(AtomicUsize::new(0));
    let layer = PanicAtReloads { reports: Arc::clone(&reports), first };
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    feed.request_reload(Vec::new());
    let background = Background::default();
    let task = feed.clone();
    background.spawn("reconciliation", move || task.clone().reconcile_in_turn());
    let met = async {
        while !is_met(reports.load(Ordering::SeqCst)) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), met).await.unwrap();
    background.shutdown.cancel();
}

/// X113: the request was lost, and what had not been read again remained as it was.
#[tokio::test]
async fn a_reload_that_panicked_is_repeated() {
    let feed = feed().await;
    reconcile_until(&feed, 1, |reports| reports == 2).await;
}

/// X113: each restart began with the reload. A reload corrects no position.
#[tokio::test]
async fn a_reload_that_always_panics_does_not_prevent_comparisons() {
    let feed = feed().await;
    feed.positions().set(KEY, 99);
    reconcile_until(&feed, usize::MAX, |_| feed.positions().of(KEY) == Some(1)).await;
}

#[tokio::test]
async fn a_reload_is_requested_until_it_has_succeeded() {
    let feed = feed().await;
    feed.request_reload(["demo+default+application".to_owned()]);
    drop(feed.requested_reload());
    // With what was requested meanwhile.
    feed.request_reload(["demo+default+other".to_owned()]);
    let requested = feed.0.reload.lock().as_ref().unwrap().moved.len();
    assert_eq!(requested, 2);
    feed.requested_reload().unwrap().run().await.unwrap();
    assert!(feed.requested_reload().is_none());
}

/// A node whose access key was lost while the namespace that it protects could not be read.
async fn feed_with_a_lost_key() -> ReleaseFeed {
    let feed = feed().await;
    served(&feed).await;
    assert!(feed.keys().went_back(&HashSet::new()));
    feed.0.deferred.insert(KEY.to_owned(), 1, KEY);
    feed.request_reload(Vec::new());
    feed.requested_reload().unwrap().run().await.unwrap();
    assert!(feed.keys().awaits_reload());
    feed
}

/// Retries deferred messages until lost keys can end.
async fn retry_until_lost_keys_end(feed: &ReleaseFeed) {
    let background = Background::default();
    let task = feed.clone();
    background.spawn("retries", move || task.clone().retry_deferred());
    let requested = async {
        while feed.0.reload.lock().is_none() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), requested).await.unwrap();
    background.shutdown.cancel();
    assert!(!feed.0.deferred.holds(KEY));
    feed.requested_reload().unwrap().run().await.unwrap();
    assert!(!feed.keys().awaits_reload());
}

/// S91: its key would end, and everybody receive the release in memory.
#[tokio::test]
async fn a_lost_key_protects_until_a_deferred_namespace_was_read_again() {
    retry_until_lost_keys_end(&feed_with_a_lost_key().await).await;
}

/// S106: no namespace in memory may be deferred any more, although none was read again.
#[tokio::test]
async fn a_lost_key_protects_no_longer_than_a_namespace_in_memory_is_deferred() {
    let feed = feed_with_a_lost_key().await;
    feed.0.deferred.clear();
    retry_until_lost_keys_end(&feed).await;
}

/// S106: the task that retries deferred messages may be waiting for the next one.
#[tokio::test]
async fn a_lost_key_protects_until_a_deferred_namespace_was_read_again_for_a_client() {
    let feed = feed_with_a_lost_key().await;
    feed.catch_up(PLACE, 1).await.unwrap();
    assert!(!feed.0.deferred.holds(KEY));
    feed.requested_reload().unwrap().run().await.unwrap();
    assert!(!feed.keys().awaits_reload());
}
