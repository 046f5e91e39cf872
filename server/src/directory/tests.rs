//! How many operations run at the same time, how much of their failures is logged, and what OpenLDAP
//! does not answer.

use std::net::TcpListener;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::log::in_memory::Lines;
use crate::settings::{Settings, Texts};

fn directory(url: &str) -> Directory {
    directory_with(url, &[])
}

fn directory_with(url: &str, more: &[(&'static str, &str)]) -> Directory {
    let flags = [("ldap.urls", url), ("ldap.base", "dc=a"), ("ldap.search_filter", "(u={0})")];
    let flags = flags.iter().chain(more).map(|(name, text)| (*name, (*text).to_owned())).collect();
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

/// Tags of LDAP in BER.
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BIND_DONE: u8 = 0x61;
const ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;

/// An element in BER, whose length has two octets.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, content].concat()
}

/// The success of an operation.
fn done(tag: u8) -> Vec<u8> {
    element(tag, &[&[0x0a, 1, 0][..], &element(OCTETS, &[]), &element(OCTETS, &[])].concat())
}

/// An entry with one value of one attribute.
fn found(dn: &str, attribute: &str, value: &str) -> Vec<u8> {
    let values = element(SET, &element(OCTETS, value.as_bytes()));
    let attribute = [element(OCTETS, attribute.as_bytes()), values].concat();
    let attributes = element(SEQUENCE, &element(SEQUENCE, &attribute));
    element(ENTRY, &[element(OCTETS, dn.as_bytes()), attributes].concat())
}

/// Answers the requests of one connection in turn, and returns them.
async fn serve(listener: TcpListener, answers: Vec<Vec<Vec<u8>>>) -> Vec<String> {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut requests = Vec::new();
    for operations in answers {
        assert_eq!(stream.read_u8().await.unwrap(), SEQUENCE);
        let length = match stream.read_u8().await.unwrap() {
            0x81 => u16::from(stream.read_u8().await.unwrap()),
            0x82 => stream.read_u16().await.unwrap(),
            short => u16::from(short),
        };
        let mut request = vec![0; usize::from(length)];
        stream.read_exact(&mut request).await.unwrap();
        // It begins with a number below 128.
        let id = &request[..3];
        for operation in operations {
            let message = element(SEQUENCE, &[id, &operation].concat());
            stream.write_all(&message).await.unwrap();
        }
        requests.push(String::from_utf8_lossy(&request).into_owned());
    }
    requests
}

/// Answers one request with these bytes, the last ones without end; returns how many it sent.
async fn answer_without_end(listener: TcpListener, start: Vec<u8>) -> usize {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.read_u8().await.unwrap();
    let (mut sent, more) = (start.len(), vec![0; 65_536]);
    let mut is_open = stream.write_all(&start).await.is_ok();
    while is_open && sent < 2 * SOCKETS {
        is_open = stream.write_all(&more).await.is_ok();
        sent += more.len();
    }
    sent
}

/// More than the sockets of a connection hold, in bytes.
const SOCKETS: usize = 32 << 20;

/// Whoever answers in place of a directory could take the memory of the process, or end it: ldap3
/// believes each length, and its parser recurses.
#[tokio::test]
async fn an_answer_without_end_or_bottom_is_refused() {
    let announced = vec![SEQUENCE, 0x84, 0x7f, 0xff, 0xff, 0xff, 2, 1, 1];
    let mut deep = Vec::new();
    for _ in 0..100_000 {
        let length = u32::try_from(deep.len()).unwrap().to_be_bytes();
        deep.extend(length.iter().rev().chain(&[0x84, SEQUENCE]));
    }
    deep.reverse();
    for (answer, problem) in [(announced, "larger than"), (deep, "too deep in each other")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let directory = directory(&url);
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        let _log = tracing::subscriber::set_default(log);
        let verified = directory.verify("anna", "p", |_| true);
        let (verified, sent) = tokio::join!(verified, answer_without_end(listener, answer));
        assert!(verified.is_err() && sent < SOCKETS, "{verified:?} after {sent} bytes");
        let lines = lines.text();
        assert!(lines.contains("an answer of the directory was refused"), "{lines}");
        assert!(lines.contains(problem), "{lines}");
    }
}

/// ldap3 takes it for an answer, and panics.
#[tokio::test]
async fn an_answer_without_its_parts_is_a_failure() {
    const BIND_RESPONSE: u8 = 0x61;
    for operation in [Vec::new(), element(BIND_RESPONSE, &[])] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = directory(&format!("ldap://{}", listener.local_addr().unwrap()));
        let answering = serve(listener, vec![vec![operation]]);
        let (verified, _) = tokio::join!(directory.verify("anna", "p", |_| true), answering);
        assert!(verified.is_err(), "{verified:?}");
    }
}

/// X128: Active Directory returns a part of the members of a large group.
#[tokio::test]
async fn a_member_whom_the_directory_does_not_return_is_searched_for() {
    for is_member in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ldap://{}", listener.local_addr().unwrap());
        let directory = directory_with(&url, &[("ldap.group_search", "(cn=dev)")]);
        let group = found("cn=dev,dc=a", "member;range=0-1499", "cn=bert,dc=a");
        let with_member = if is_member { vec![found("cn=dev,dc=a", "cn", "dev")] } else { vec![] };
        let mut answers = vec![
            vec![found("cn=anna,dc=a", "uid", "anna"), done(SEARCH_DONE)],
            vec![group, done(SEARCH_DONE)],
            [with_member, vec![done(SEARCH_DONE)]].concat(),
        ];
        if is_member {
            answers.push(vec![done(BIND_DONE)]);
        }
        let verified = directory.verify("anna", "p", |_| true);
        let (verified, requests) = tokio::join!(verified, serve(listener, answers));
        assert_eq!(matches!(verified.unwrap(), Verified::Known(_)), is_member, "{requests:?}");
        assert!(requests[2].contains("cn=anna,dc=a"), "{requests:?}");
    }
}
