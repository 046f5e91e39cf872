//! Tests of the number of undeclared namespaces that a poll waits for: anybody may name namespaces
//! that do not exist.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use castalia_core::protocol::namespace::UNKNOWN_NOTIFICATION_ID;
use castalia_core::protocol::route::PollQuery;
use castalia_core::protocol::wire::Notification;
use castalia_store::{Part, Secret, Store, StoreOptions, migration};
use http::HeaderMap;
use tokio_util::task::TaskTracker;

use super::super::{Step, begin};
use crate::domain::instance_audit::InstanceAudit;
use crate::domain::unsigned_client::UnsignedClients;
use crate::feed::cache::ReadFrom;
use crate::feed::name::AppNamespace;
use crate::feed::{FeedOptions, ReleaseFeed};
use crate::http::health::Readiness;
use crate::http::memory::{ClientHead, HeadFields};
use crate::nudge::Nudge;
use crate::registry::ServiceRegistry;
use crate::server_config::ServerConfig;
use crate::settings::{Installation, Settings, Texts};
use crate::state::EnvironmentState;

/// An app that is stored and one that is not, with the limits in docs/bounds.md.
const APPS: [(&str, usize); 2] = [("demo", 256), ("unknown", 16)];
/// Namespaces that `demo` declares, more than its limit.
const DECLARED: usize = 300;

/// A node that knows the app `demo`, and no limits on all polls together.
async fn state() -> EnvironmentState {
    let texts = Texts::gather(Vec::new(), None, std::iter::empty()).unwrap();
    let settings = Arc::new(Settings::from_texts(&texts).unwrap());
    let acquire_timeout = Duration::from_secs(60);
    let options = StoreOptions { acquire_timeout, ..StoreOptions::new("config-db") };
    let store = Store::connect("sqlite::memory:", options).await.unwrap();
    migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
    let config = ServerConfig::new(BTreeMap::new());
    let feed = ReleaseFeed::load(store.clone(), config.clone(), FeedOptions::default());
    let feed = feed.await.unwrap();
    let declared = (1..).zip(named("own", DECLARED));
    let declared = declared.map(|(id, name)| AppNamespace {
        id,
        app_id: "demo".to_owned(),
        name,
        is_public: false,
    });
    feed.names().replace(declared.collect(), Vec::new(), Vec::new());
    let registry = ServiceRegistry::fixed(Vec::new());
    EnvironmentState {
        compat: settings.compat.resolve(Installation::Fresh),
        settings,
        nudge: Nudge::open(&store, &registry, Secret::new("secret")).unwrap(),
        instances: InstanceAudit::new(store.clone(), config.clone()),
        unsigned: UnsignedClients::new(store.clone()),
        registry,
        changes: TaskTracker::new(),
        ready: Readiness::default(),
        feed,
        store,
        config,
    }
}

fn named(prefix: &str, number: usize) -> Vec<String> {
    (0..number).map(|at| format!("{prefix}{at}")).collect()
}

fn watch_key(app_id: &str, namespace: &str) -> String {
    format!("{app_id}+default+{namespace}")
}

/// Begins a poll of a client that knows no release of these namespaces.
async fn poll(state: &EnvironmentState, app_id: &str, namespaces: &[String]) -> Step {
    let notification = |name: &String| Notification {
        namespace_name: name.clone(),
        notification_id: UNKNOWN_NOTIFICATION_ID,
        messages: None,
    };
    let notifications = namespaces.iter().map(notification).collect();
    let asked = PollQuery { cluster: "default".to_owned(), data_center: None, notifications };
    let line = asked.path_and_query(app_id, None);
    let (path, query) = line.split_once('?').unwrap();
    let headers = HeaderMap::new();
    let head = ClientHead { path, query, headers: HeadFields::Map(&headers), peer: None };
    begin(state, &head, ReadFrom::Memory).await.unwrap()
}

/// The number of these namespaces that a parked poll waits for.
fn watched(state: &EnvironmentState, app_id: &str, namespaces: &[String]) -> usize {
    let is_watched = |name: &&String| state.feed.hub().is_watched(&watch_key(app_id, name));
    namespaces.iter().filter(is_watched).count()
}

#[tokio::test]
async fn a_poll_waits_for_a_limited_number_of_undeclared_namespaces() {
    let state = state().await;
    for (app_id, limit) in APPS {
        for number in [limit - 1, limit, limit + 1, 4 * limit] {
            let namespaces = named("undeclared", number);
            let step = poll(&state, app_id, &namespaces).await;
            assert!(matches!(step, Step::Wait(_)), "{number} of {app_id}");
            let expected = number.min(limit);
            assert_eq!(watched(&state, app_id, &namespaces), expected, "{number} of {app_id}");
            assert_eq!(
                watched(&state, app_id, &namespaces[..expected]),
                expected,
                "the first ones"
            );
            drop(step);
            assert_eq!(watched(&state, app_id, &namespaces), 0, "{number} of {app_id}");
        }
    }
}

#[tokio::test]
async fn declared_namespaces_do_not_count_towards_the_limit() {
    let state = state().await;
    let (declared, undeclared) = (named("own", DECLARED), named("undeclared", DECLARED));
    let all = [declared.as_slice(), undeclared.as_slice()].concat();
    let step = poll(&state, "demo", &all).await;
    assert!(matches!(step, Step::Wait(_)));
    assert_eq!(watched(&state, "demo", &declared), DECLARED);
    assert_eq!(watched(&state, "demo", &undeclared), 256);
}

#[tokio::test]
async fn a_poll_compares_more_namespaces_than_it_waits_for() {
    let state = state().await;
    for (app_id, limit) in APPS {
        let namespaces = named("undeclared", 2 * limit);
        for name in &namespaces {
            state.feed.positions().set(&watch_key(app_id, name), 7);
        }
        let Step::Answer(answer) = poll(&state, app_id, &namespaces).await else {
            panic!("a poll of {app_id} waits although there are newer releases");
        };
        let answered: Vec<Notification> = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answered.len(), namespaces.len(), "{app_id}");
    }
}
