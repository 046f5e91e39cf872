//! Tests of the records of clients: which are recorded, of how many namespaces, and when those that
//! were dropped are offered again.

use std::collections::BTreeMap;

use castalia_core::protocol::namespace::NamespaceKey;
use castalia_core::protocol::route::Caller;
use castalia_store::{Part, StoreOptions, migration};

use super::*;
use crate::domain::instance_bounds::NAMESPACES;
use crate::feed::cache::ReadFrom;

fn seen(ip: &str, release_key: &str) -> Sighting {
    let identity = Identity {
        app_id: "demo".into(),
        cluster: "default".into(),
        data_center: String::new(),
        ip: ip.into(),
    };
    Sighting {
        digest: 0,
        identity,
        namespace: NamespaceKey::new("demo", "default", "application"),
        release_key: release_key.into(),
        time: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn of_one_client_the_last_sighting_of_a_batch_counts() {
    let kept = newest(vec![seen("1", "a"), seen("2", "a"), seen("1", "b")]);
    let kept: Vec<_> =
        kept.iter().map(|s| (s.identity.ip.as_str(), s.release_key.as_str())).collect();
    assert_eq!(kept, [("1", "b"), ("2", "a")]);
}

/// The client that is recorded for a request of an app, if any.
fn recorded(app: (&str, bool), cluster: &str, data_center: &str, ip: &str) -> Option<Identity> {
    let (app_id, is_stored) = app;
    let target = NamespaceKey {
        app_id: app_id.into(),
        cluster: cluster.into(),
        namespace: "application".into(),
    };
    let caller = Caller { data_center: Some(data_center.into()), ip: Some(ip.into()), label: None };
    let app_id = is_stored.then_some(app_id);
    let read_from = ReadFrom::Memory;
    identity(&LookupRequest { target: &target, app_id, caller: &caller, messages: None, read_from })
}

#[test]
fn an_address_has_one_text_and_what_is_none_is_left_out() {
    let text = |ip| recorded(("demo", true), "default", "", ip).map(|identity| identity.ip);
    assert_eq!(text("10.0.0.1").as_deref(), Some("10.0.0.1"));
    assert_eq!(text("::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
    let short = text("2001:0db8:0000:0000:0000:0000:0000:0001");
    assert_eq!(short.as_deref(), Some("2001:db8::1"));
    let long = "2001:db8:1111:2222:3333:4444:5555:6666";
    assert_eq!(text(long).as_deref(), Some(long));
    for ip in ["host", "", "10.0.0.1\0", "1.2.3.256"] {
        assert_eq!(text(ip), None, "{ip:?}");
    }
}

#[test]
fn what_no_row_can_hold_is_not_recorded() {
    let is_recorded = |app, cluster: &str, data_center: &str| {
        recorded(app, cluster, data_center, "10.0.0.1").is_some()
    };
    let demo = ("demo", true);
    assert!(is_recorded(demo, "bj", "上海 1"));
    assert!(is_recorded(("apollonoappidplaceholder", false), "bj", ""));
    assert!(!is_recorded(("made-up", false), "bj", ""));
    assert!(!is_recorded(demo, &"x".repeat(33), ""));
    assert!(!is_recorded(demo, "bj", &"x".repeat(65)));
    assert!(!is_recorded(demo, "bj", "a\0b"));
}

/// Records in a new database with some keys of the configuration.
async fn audit(keys: &[(&str, &str)]) -> (Store, InstanceAudit) {
    let acquire_timeout = Duration::from_secs(60);
    let options = StoreOptions { acquire_timeout, ..StoreOptions::new("config-db") };
    let store = Store::connect("sqlite::memory:", options).await.unwrap();
    migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
    let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let config = ServerConfig::new(keys.collect::<BTreeMap<_, _>>());
    (store.clone(), InstanceAudit::new(store, config))
}

/// An instance may read every public namespace, and its rows would fill the table.
#[tokio::test]
async fn an_instance_is_recorded_with_a_limited_number_of_namespaces() {
    let (store, audit) = audit(&[]).await;
    let mut room = Room::default();
    let read = |ip: &str, number: usize| Sighting {
        namespace: NamespaceKey::new("demo", "default", &format!("n{number}")),
        time: castalia_store::now(),
        ..seen(ip, "a")
    };
    let reads: Vec<_> = (0..NAMESPACES + 20).map(|number| read("10.0.0.1", number)).collect();
    // The second batch begins below the limit, with the rows of the first one, and exceeds it.
    for batch in reads.chunks(NAMESPACES - 10) {
        audit.record(&mut room, batch.to_vec()).await.unwrap();
    }
    let most = NAMESPACES as u64;
    assert_eq!(instance::count(store.read()).await.unwrap(), (1, most));
    // Another instance has a limit of its own.
    audit.record(&mut room, vec![read("10.0.0.2", 0)]).await.unwrap();
    assert_eq!(instance::count(store.read()).await.unwrap(), (2, most + 1));
}

/// A record of one read with a digest.
fn read(digest: u64, ip: &str) -> Sighting {
    Sighting { digest, time: castalia_store::now(), ..seen(ip, "a") }
}

/// The limit may have been raised meanwhile.
#[tokio::test]
async fn what_a_limit_dropped_is_offered_again_before_the_next_day() {
    let (_, audit) = audit(&[("instance.max.per.app", "1")]).await;
    let mut room = Room::default();
    let batch = vec![read(1, "10.0.0.1")];
    assert!(audit.write_batch(&mut room, batch).await.unwrap().is_empty());
    let batch = vec![read(1, "10.0.0.1"), read(2, "10.0.0.2")];
    let dropped = audit.write_batch(&mut room, batch).await.unwrap();
    assert_eq!(dropped, [2]);
    let (release, now) = (7, Instant::now());
    for digest in [1, 2] {
        audit.0.recorded.insert(digest, LastRecord::of(release, now));
    }
    audit.drop_records(&dropped);
    let is_offered = |digest: u64, later: Duration| {
        !audit.0.recorded.get(&digest).unwrap().is_same(release, now + later)
    };
    assert_eq!([1, 2].map(|digest| is_offered(digest, DROPPED_REPEAT / 2)), [false, false]);
    assert_eq!([1, 2].map(|digest| is_offered(digest, DROPPED_REPEAT)), [false, true]);
    assert_eq!([1, 2].map(|digest| is_offered(digest, REPEAT)), [true, true]);
}

#[tokio::test]
async fn a_read_beyond_the_limit_is_dropped() {
    let (_, audit) = audit(&[("instance.config.max.total", "0")]).await;
    let batch = vec![read(1, "10.0.0.1")];
    assert_eq!(audit.write_batch(&mut Room::default(), batch).await.unwrap(), [1]);
}
