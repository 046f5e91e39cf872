//! Pages of a SQLite file that cannot be read for a while: every connection reads them again once
//! the table is reported to be accessible, also those that hold what they read before.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use castalia_store::item::{self, ItemRow};
use castalia_store::{Authorship, Id, Small, Store, StoreError, installation};
use futures_util::future::join_all;

use crate::database::Database;

const PAGE: usize = 4096;
/// Begins the values; found in the pages that hold them.
const MARK: &str = "a value that fills the pages of the file ";
/// More than there are connections for reading.
const READS: usize = 12;
/// Longest wait for what happens each second, on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

fn rows() -> Vec<(ItemRow, Authorship)> {
    let row = |number| ItemRow {
        namespace_id: Id(1),
        key: format!("k{number}"),
        r#type: Small(0),
        value: format!("{MARK}{}", "-".repeat(1500)),
        comment: None,
        line_num: Some(Id(number)),
    };
    (1..=40).map(|number| (row(number), Authorship::of("operator"))).collect()
}

/// What reads at the same time return, so that each connection is used.
async fn read(store: &Store) -> Vec<Result<usize, StoreError>> {
    let read =
        async || item::readable_of_namespace(store.read(), Id(1)).await.map(|items| items.len());
    join_all((0..READS).map(|_| read())).await
}

async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < LONGEST, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_while_it_was_damaged_is_read_again() {
    let database = Database::sqlite();
    let store = database.config().await;
    let inserted = store.write(rows(), |tx, rows| {
        Box::pin(async move { item::insert_all(tx, Id(1), rows.clone()).await })
    });
    inserted.await.unwrap();
    // All pages are in the file afterwards.
    store.close().await.unwrap();

    let path = database.url.strip_prefix("sqlite://").unwrap();
    let content = std::fs::read(path).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    let holds = |page: &[u8]| page.windows(MARK.len()).any(|text| text == MARK.as_bytes());
    let pages: Vec<_> = content.chunks(PAGE).enumerate().filter(|(_, page)| holds(page)).collect();
    let at = |number: usize| (number * PAGE) as u64;
    for (number, _) in &pages {
        file.write_all_at(&[0xff; PAGE], at(*number)).unwrap();
    }
    let store = database.connect().await;
    // A write has connections read all pages again, so the first trial is awaited, and the next one
    // follows 20 s later.
    let trials = tokio::spawn(store.keep_trying());
    eventually("a trial write", async || {
        installation::value(store.read(), "write.check").await.unwrap().is_some()
    })
    .await;
    for read in read(&store).await {
        read.unwrap_err();
    }
    assert!(!store.damage().is_empty());

    for (number, page) in pages {
        file.write_all_at(page, at(number)).unwrap();
    }
    eventually("the table to be accessible", async || store.damage().is_empty()).await;
    for read in read(&store).await {
        assert_eq!(read.unwrap(), 40);
    }
    trials.abort();
}
