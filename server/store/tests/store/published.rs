//! What is published of a namespace is one state of the database (S12): a reader beside a merge
//! finds the namespace as it was before or as it is afterwards.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use castalia_store::entity::*;
use castalia_store::feed::{self, PublishedLine};
use castalia_store::{Id, Store, StoreError, release as releases};
use sea_orm::{EntityTrait, Set};

use crate::config_row::{cluster_row, release_row, rule_row};
use crate::database::{Database, on_each_database};

/// Rounds of a gray release and its merge.
const ROUNDS: u32 = 60;
/// Row of a branch that is in use, and of one that is merged.
const ACTIVE: i16 = 1;
const MERGED: i16 = 2;

async fn published(store: &Store) -> Vec<PublishedLine> {
    feed::published(store.read(), ("a", "default", "n")).await.unwrap().0
}

/// The value for clients of the branch: of its release, or else of the main line.
fn for_branch(lines: &[PublishedLine]) -> Option<u32> {
    let line = lines.iter().find(|line| line.rule.is_some()).or(lines.first())?;
    line.release.clone()?.unwrap().5.parse().ok()
}

/// Publishes the value in a branch.
async fn publish_gray(store: &Store, value: u32) {
    let job = store.write(value, |tx, value| {
        Box::pin(async move {
            let mut row = release_row("branch", *value);
            row.configurations = Set(value.to_string());
            let gray = release::Entity::insert(row).exec(tx).await?.last_insert_id;
            gray_release_rule::Entity::insert(rule_row(gray, ACTIVE)).exec(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    job.await.unwrap();
}

/// Publishes the value in the main line, and ends the branch, in one transaction.
async fn merge(store: &Store, value: u32) {
    let job = store.write(value, |tx, value| {
        Box::pin(async move {
            let mut row = release_row("default", *value);
            row.configurations = Set(value.to_string());
            release::Entity::insert(row).exec(tx).await?;
            let ended = gray_release_rule::Entity::insert(rule_row(Id(0), MERGED)).exec(tx).await?;
            let place = ("a", "default", "n");
            releases::remove_rules_before(tx, place, "branch", ended.last_insert_id).await?;
            Ok::<_, StoreError>(())
        })
    });
    job.await.unwrap();
}

on_each_database! {
    async fn a_reader_beside_merges_finds_no_value_again_that_was_replaced(database: Database) {
        let store = database.config().await;
        store.write((), |tx, ()| Box::pin(async move {
            cluster::Entity::insert(cluster_row("branch", Id(1))).exec(tx).await?;
            Ok::<_, StoreError>(())
        })).await.unwrap();
        merge(&store, 0).await;
        // As many reads as merges, however the machine shares its time between the two.
        let (is_over, reads) = (AtomicBool::new(false), AtomicU32::new(0));
        let write = async {
            let mut value = 0;
            while value < ROUNDS || reads.load(Ordering::Relaxed) < ROUNDS {
                value += 1;
                publish_gray(&store, value).await;
                merge(&store, value).await;
            }
            is_over.store(true, Ordering::Relaxed);
            value
        };
        let read = async {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let value = for_branch(&published(&store).await).unwrap();
                assert!(value >= last, "{value} after {last}");
                last = value;
                reads.fetch_add(1, Ordering::Relaxed);
            }
        };
        let (newest, ()) = tokio::join!(write, read);
        assert_eq!(for_branch(&published(&store).await), Some(newest));
    }
}
