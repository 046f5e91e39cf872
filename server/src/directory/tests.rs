//! How many operations run at the same time, and how much of their failures is logged.

use std::net::TcpListener;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;
use crate::log::in_memory::Lines;
use crate::settings::{Settings, Texts};

fn directory(url: &str) -> Directory {
    let flags = [("ldap.urls", url), ("ldap.base", "dc=a"), ("ldap.search_filter", "(u={0})")];
    let flags = flags.map(|(name, text)| (name, text.to_owned())).to_vec();
    let texts = Texts::gather(flags, None, std::iter::empty()).unwrap();
    let settings = Settings::from_texts(&texts).unwrap();
    Directory::new(settings.sign_in.directory.unwrap())
}

/// A directory that accepts connections and never answers.
fn frozen() -> (Directory, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    (directory(&url), listener)
}

/// Begins an operation, and requires that it does not end at once.
async fn begin<T>(operation: impl Future<Output = T> + Send + 'static) -> BoxFuture<'static, T> {
    // A task may begin a limited number of operations at a time.
    tokio::task::yield_now().await;
    let mut operation = operation.boxed();
    assert!((&mut operation).now_or_never().is_none(), "it ended at once");
    operation
}

/// X57.
#[tokio::test]
async fn searches_and_look_ups_take_no_turn_of_a_sign_in() {
    let (directory, _listener) = frozen();
    let directory = Arc::new(directory);
    let mut begun = Vec::new();
    for _ in 0..2 * SIGN_INS {
        let (one, two) = (Arc::clone(&directory), Arc::clone(&directory));
        begun.push(begin(async move { drop(one.search("a").await) }).await);
        begun.push(begin(async move { drop(two.admits("a").await) }).await);
    }
    assert_eq!(directory.sign_ins.available_permits(), SIGN_INS);
    assert_eq!(directory.searches.available_permits(), 0);
    drop(begun);
    assert_eq!(directory.searches.available_permits(), SEARCHES);
}

#[tokio::test]
async fn a_sign_in_waits_for_its_turn() {
    let (directory, _listener) = frozen();
    let directory = Arc::new(directory);
    let sign_in = || {
        let directory = Arc::clone(&directory);
        begin(async move { directory.verify("a", "p", |_| true).await })
    };
    let mut others = Vec::new();
    for _ in 0..SIGN_INS {
        others.push(sign_in().await);
    }
    let waiting = sign_in().await;
    assert_eq!(directory.sign_ins.available_permits(), 0);
    drop(others);
    assert_eq!(directory.sign_ins.available_permits(), SIGN_INS - 1);
    drop(waiting);
    assert_eq!(directory.sign_ins.available_permits(), SIGN_INS);
}

/// X66.
#[tokio::test]
async fn searches_that_fail_do_not_flood_the_log() {
    // No service has this port.
    let directory = directory("ldap://127.0.0.1:1");
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
    let _log = tracing::subscriber::set_default(log);
    for _ in 0..200 {
        // As searches that began before the failure of another one.
        *directory.failed.lock() = None;
        assert!(directory.search("a").await.is_empty());
    }
    let written = lines.text().matches("cannot search the directory").count();
    // Five in each second that this took on a slow machine.
    assert!((1..=100).contains(&written), "{written}");
}
