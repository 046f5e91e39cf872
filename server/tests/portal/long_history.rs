//! REL-57: a long history is shortened in small steps while others publish, its rows are really
//! gone, and no release in use is. `CASTALIA_TEST_HISTORY` is the number of releases, each with two
//! entries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use castalia_server::domain::retention::{Walk, remove_old_histories};
use castalia_server::server_config::ServerConfig;
use castalia_store::entity::{release, release_history};
use castalia_store::{Id, Small, Store, StoreError, now};
use chrono::TimeDelta;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Set,
};
use serde_json::{Value, json};

use super::random_history::number;
use super::world::{Caller, NS, World, item};
use crate::stopwatch::Stopwatch;

const RELEASES: u64 = 4_000;
/// Rows of one statement.
const PIECE: u64 = 200;
/// Entries that stay.
const KEPT: u64 = 50;
/// Age of the entries, in days.
const AGE: i64 = 40;
/// Maximum duration of a publish meanwhile, or a quarter of the removal where that is longer: a step
/// of the removal takes some milliseconds, and a removal in one step delays a publish to its end.
const LONGEST: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_shortened_while_others_publish() {
    let config = config("apollo.release-history.retention.size", KEPT.to_string());
    let report = is_shortened(Some(KEPT), move |store| async move {
        remove_old_histories(&store, &config, Some(Id(0))).await.unwrap();
    })
    .await;
    println!("{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_history_is_removed_while_others_publish() {
    let config = config("release-history.retention.days", (AGE / 2).to_string());
    let report = is_shortened(None, move |store| async move {
        Walk::default().pass(&store, &config).await.unwrap();
    })
    .await;
    println!("{report}");
}

fn config(key: &str, value: String) -> ServerConfig {
    ServerConfig::new(BTreeMap::from([(key.to_owned(), value)]))
}

/// A removal leaves at most this many of the entries that were there, or else those that were not
/// old. Returns how long it took, and publishes meanwhile.
async fn is_shortened<F>(kept: Option<u64>, remove: impl FnOnce(Store) -> F) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let releases = number("CASTALIA_TEST_HISTORY").unwrap_or(RELEASES);
    let world = World::with_demo().await;
    let owner = world.user("u1").await;
    owner.post(&format!("{NS}/items"), item("k", "1")).await.ok();
    let first = publish(&owner).await;
    let gray = owner.post(&format!("{NS}/branches"), Value::Null).await.ok();
    let gray = format!("{NS}/branches/{}", gray["clusterName"].as_str().unwrap());
    let rules = json!({ "ruleItems": [{ "clientAppId": "demo", "clientIpList": ["10.0.0.1"] }] });
    owner.put(&format!("{gray}/rules"), rules).await.empty();
    let gray = owner.post(&format!("{gray}/releases"), json!({ "releaseTitle": "g" })).await.ok();
    let store = &world.environment_store;
    fill(store, Id(first), releases).await;
    let before = latencies(&owner, Duration::from_secs(1), || false).await;
    let work = remove(store.clone());
    let removal = tokio::spawn(async move {
        let start = Instant::now();
        work.await;
        start.elapsed()
    });
    let meanwhile = latencies(&owner, Duration::from_secs(3600), || removal.is_finished()).await;
    let lasted = removal.await.unwrap();
    let report = format!(
        "{releases} releases: removed in {lasted:?}; publishes: {before:?} before, {meanwhile:?} meanwhile"
    );
    assert!(meanwhile.longest < LONGEST.max(lasted / 4), "{report}");
    let kept = kept.unwrap_or(before.count as u64) + meanwhile.count as u64;
    assert!(count(store).await <= kept + 2, "the rows are gone");
    check_releases(store, gray["id"].as_i64().unwrap()).await;
    let latest = owner.get(&format!("{NS}/releases/latest")).await.ok();
    let live = publish(&owner).await;
    owner
        .put(&format!("/openapi/v1/envs/LOCAL/releases/{live}/rollback"), Value::Null)
        .await
        .empty();
    let rolled_back = owner.get(&format!("{NS}/releases/latest")).await.ok();
    assert_eq!(rolled_back["id"], latest["id"], "a rollback has its target");
    check_space(store).await;
    report
}

async fn publish(owner: &Caller<'_>) -> i64 {
    let made = owner.post(&format!("{NS}/releases"), json!({ "releaseTitle": "r" })).await.ok();
    made["id"].as_i64().unwrap()
}

/// Copies of a release, each with the old entries of its publish and of a rollback to it.
async fn fill(store: &Store, first: Id, releases: u64) {
    let db = store.read();
    let model = release::Entity::find().filter(release::Column::Id.eq(first)).one(db).await;
    let model = model.unwrap().unwrap();
    let entry =
        release_history::Entity::find().filter(release_history::Column::ReleaseId.eq(first));
    let entry = entry.one(db).await.unwrap().unwrap();
    for piece in 0..releases / PIECE {
        let ids: Vec<_> = (0..PIECE)
            .map(|number| Id(first.0 + 1_000_000 + i64::try_from(piece * PIECE + number).unwrap()))
            .collect();
        let copies = ids.iter().map(|id| {
            let mut copy = model.clone().into_active_model().reset_all();
            (copy.id, copy.release_key) = (Set(*id), Set(format!("copy-{}", id.0)));
            copy
        });
        let entries = ids.iter().flat_map(|id| [(*id, 0), (*id, 1)]).map(|(id, operation)| {
            let mut copy = entry.clone().into_active_model().reset_all();
            copy.id = sea_orm::NotSet;
            (copy.release_id, copy.previous_release_id) = (Set(id), Set(Id(id.0 - 1)));
            copy.operation = Set(Small(operation));
            copy.data_change_created_time = Set((now() - TimeDelta::days(AGE)).into());
            copy
        });
        let rows = (copies.collect::<Vec<_>>(), entries.collect::<Vec<_>>());
        let written: Result<_, StoreError> = store
            .write(rows, |tx, (releases, entries)| {
                Box::pin(async move {
                    release::Entity::insert_many(releases.clone())
                        .exec_without_returning(tx)
                        .await?;
                    let entries = release_history::Entity::insert_many(entries.clone());
                    Ok(entries.exec_without_returning(tx).await?)
                })
            })
            .await;
        written.unwrap();
    }
}

/// Durations of publishes.
#[derive(Debug)]
struct Latencies {
    count: usize,
    #[expect(dead_code, reason = "printed")]
    median: Duration,
    longest: Duration,
}

/// Publishes until a time is over or something is done.
async fn latencies(owner: &Caller<'_>, time: Duration, is_done: impl Fn() -> bool) -> Latencies {
    let (start, mut found) = (Instant::now(), Vec::new());
    while start.elapsed() < time && !is_done() {
        let begin = Stopwatch::start();
        publish(owner).await;
        found.push(begin.elapsed());
    }
    found.sort_unstable();
    let at = |index: usize| found.get(index).copied().unwrap_or_default();
    Latencies {
        count: found.len(),
        median: at(found.len() / 2),
        longest: at(found.len().max(1) - 1),
    }
}

async fn count(store: &Store) -> u64 {
    let main = release_history::Entity::find()
        .filter(release_history::Column::BranchName.eq("default"))
        .filter(release_history::Column::AppId.eq("demo"));
    main.count(store.read()).await.unwrap()
}

/// Releases that an entry names stay, as the one of the gray rule does, and few others.
async fn check_releases(store: &Store, gray: i64) {
    let entries = release_history::Entity::find().all(store.read()).await.unwrap();
    let named = entries.iter().flat_map(|entry| [entry.release_id.0, entry.previous_release_id.0]);
    let named: BTreeSet<_> = named.filter(|id| *id != 0).collect();
    let ids = release::Entity::find().select_only().column(release::Column::Id);
    let present: Vec<Id> = ids.into_tuple().all(store.read()).await.unwrap();
    let present: BTreeSet<_> = present.into_iter().map(|id| id.0).collect();
    let newest = entries.iter().map(|entry| entry.release_id.0).max().unwrap_or_default();
    assert!(present.contains(&gray), "a gray release is served");
    assert!(present.contains(&newest));
    let lost: Vec<_> = named.difference(&present).collect();
    // The release before the oldest entry of the filled ones never existed.
    assert!(lost.len() <= 1, "entries name releases that are gone: {lost:?}");
    let idle: Vec<_> = present.difference(&named).collect();
    assert!(idle.len() <= 1, "nothing names these releases: {idle:?}");
}

/// On SQLite: rows that are written afterwards take the space of those that are gone.
async fn check_space(store: &Store) {
    let db = store.read();
    if db.get_database_backend() != sea_orm::DatabaseBackend::Sqlite {
        return;
    }
    let pragma = async |name: &str| -> i64 {
        let sql = format!("SELECT * FROM pragma_{name}");
        let statement = sea_orm::Statement::from_string(db.get_database_backend(), sql);
        db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    };
    let (pages, free) = (pragma("page_count").await, pragma("freelist_count").await);
    assert!(free * 4 > pages, "{free} of {pages} pages are free");
}
