//! Cases C017 and C089 to C105: which requests access keys admit.

use std::time::{Duration, Instant};

use castalia_core::protocol::signature::Signer;
use serde_json::json;

use super::fixture::{Fixture, compatible, is_by_address, special};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::poll;
use crate::support::raw;
use crate::support::sign::{get, get_at, headers, now_ms, secret};
use crate::support::stopwatch::{Limit, Stopwatch};

const SEC: &str = "/configs/sec/default/application";
/// Time until a changed key counts. It is read at once; everything is read again after a minute.
const IN_EFFECT: Limit =
    Limit { usual: Duration::from_millis(2500), most: Duration::from_secs(20) };
/// An attempt that takes longer does not show how a time close to the limit is treated.
const QUICK: Duration = Duration::from_millis(900);

/// A request with these two headers, unchanged.
async fn with_headers(base: &str, target: &str, headers: [(&str, String); 2]) -> Answer {
    raw::get(base, target, &headers.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

/// C089, SEC-27: the signature of a known request equals the reference's; another path, query,
/// order, time or secret has another signature.
#[test]
fn signatures_are_those_of_the_reference() {
    let signer = Signer::new("someSecret");
    let (time, path) = ("1575018989200", "/configs/someAppId/default/application?ip=10.0.0.1");
    assert_eq!(signer.sign(time, path), "WYjjyJFei6DYiaMlwZjew2O/Yqk=");
    for (other_time, other_path) in [
        (time, "/configs/someAppId/default/application"),
        (time, "/configs/someAppId/default/Application?ip=10.0.0.1"),
        (time, "/configs/someAppId/default/application?ip=10.0.0.2"),
        ("1575018989201", path),
    ] {
        assert_ne!(signer.sign(other_time, other_path), signer.sign(time, path));
    }
    assert_ne!(Signer::new("someSecreu").sign(time, path), signer.sign(time, path));
}

/// C090, C100: without a signature every endpoint of the app is refused, without a challenge.
#[tokio::test]
async fn without_a_signature_every_endpoint_is_closed() {
    let fixture = Fixture::shared().await;
    for path in [
        SEC.to_owned(),
        "/configfiles/sec/default/application".to_owned(),
        "/configfiles/json/sec/default/application".to_owned(),
        "/configfiles/raw/sec/default/application".to_owned(),
        "/notifications?appId=sec&cluster=default".to_owned(),
        poll::path("sec", &[("application", -1)]),
    ] {
        let answer = raw::get(&fixture.base, &path, &[]).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, ""), "{path}");
    }
}

/// C091 to C093: every enabled filter key admits; a disabled key and an observer key do not.
#[tokio::test]
async fn every_enabled_filter_key_lets_in() {
    let fixture = Fixture::shared().await;
    for (secret, status) in [("s1", 200), ("s2", 200), ("s3", 401), ("o1", 401)] {
        assert_eq!(get(&fixture.base, SEC, secret).await.status, status, "{secret}");
    }
}

/// C094, SEC-27: a signature is valid for less than a minute before and after its time.
#[tokio::test]
async fn a_signature_holds_for_a_minute() {
    let fixture = Fixture::shared().await;
    for (seconds, status) in [(-61, 401), (61, 401), (-57, 200), (57, 200)] {
        let found = eventually("a quick answer", async || {
            let start = Instant::now();
            let answer = get_at(&fixture.base, SEC, "s1", now_ms() + seconds * 1000).await;
            (start.elapsed() < QUICK).then_some(answer.status)
        })
        .await;
        assert_eq!(found, status, "{seconds} s");
    }
}

/// C095: a request whose timestamp is missing or not a number is refused, whatever its signature.
#[tokio::test]
async fn a_time_that_is_no_number_is_none() {
    let fixture = Fixture::shared().await;
    let [_, authorization] = headers("s1", "", SEC);
    let missing = raw::get(&fixture.base, SEC, &[(authorization.0, &authorization.1)]).await;
    assert_eq!(missing.status, 401);
    for time in ["abc", "9223372036854775808", "1e12", "-1"] {
        assert_eq!(
            with_headers(&fixture.base, SEC, headers("s1", time, SEC)).await.status,
            401,
            "{time}"
        );
    }
}

/// C096, C097: only the part of the header between its first two colons is used.
#[tokio::test]
async fn only_the_signature_of_the_header_counts() {
    let fixture = Fixture::shared().await;
    let time = now_ms().to_string();
    let signature = Signer::new(&secret("s1")).sign(&time, SEC);
    for (header, status) in [
        (format!("X other:{signature}"), 200),
        (format!(":{signature}:more"), 200),
        (signature.clone(), 401),
        (format!("Apollo sec:{signature}x"), 401),
        ("Apollo sec:".to_owned(), 401),
    ] {
        let answer =
            raw::get(&fixture.base, SEC, &[("Timestamp", &time), ("Authorization", &header)]).await;
        assert_eq!(answer.status, status, "{header}");
    }
}

/// C098, C099: the signed text consists of the bytes of path and query as they are sent.
#[tokio::test]
async fn what_is_signed_are_the_bytes_that_are_sent() {
    let fixture = Fixture::shared().await;
    let sent = format!("{SEC}?ip=10.0.0.1&label=a%2Bb%20c&dataCenter=dc1");
    assert_eq!(get(&fixture.base, &sent, "s1").await.status, 200);
    for signed in [
        format!("{SEC}?dataCenter=dc1&ip=10.0.0.1&label=a%2Bb%20c"),
        format!("{SEC}?ip=10.0.0.1&label=a+b c&dataCenter=dc1"),
        format!("{SEC}?ip=10.0.0.1&label=a%2bb%20c&dataCenter=dc1"),
        SEC.to_owned(),
    ] {
        let answer =
            with_headers(&fixture.base, &sent, headers("s1", &now_ms().to_string(), &signed)).await;
        assert_eq!(answer.status, 401, "{signed}");
    }
    assert_eq!(get(&fixture.base, &format!("{SEC}?"), "s1").await.status, 401);
}

/// C017: a signed client of an app without its own release of a public namespace receives that one,
/// under the cluster that it requested.
#[tokio::test]
async fn a_signed_client_gets_a_public_namespace() {
    let fixture = Fixture::shared().await;
    let answer = get(&fixture.base, "/configs/sec/bj/Team.common?dataCenter=dc1", "s1").await.ok();
    let body: serde_json::Value = serde_json::from_str(&unchunked(&answer)).unwrap();
    assert_eq!(
        (&body["releaseKey"], &body["cluster"]),
        (&json!(fixture.key("LIBDC")), &json!("bj"))
    );
}

/// The JSON object in a body that the reference sends chunked.
fn unchunked(answer: &Answer) -> String {
    let (start, end) = (answer.text.find('{').unwrap(), answer.text.rfind('}').unwrap());
    answer.text[start..=end].to_owned()
}

/// C101: another spelling of the app never bypasses its key: with folded names it is the same app,
/// otherwise an unknown one.
#[tokio::test]
async fn another_spelling_never_leads_past_the_key() {
    let fixture = Fixture::shared().await;
    let path = "/configs/SEC/default/application";
    assert_eq!(fixture.config.get(path).await.status, 401);
    assert_eq!(get(&fixture.base, path, "s1").await.status, 200);

    let options = compatible().flag("--compat-fold-names", "false");
    let Some((server, sec)) = special("C101 without folded names", "sec", options).await else {
        return;
    };
    sec.publish("1").await;
    sec.add_key("s1", 0, true).await;
    let http = Http::new(&server.config);
    eventually("the key", async || (http.get(SEC).await.status == 401).then_some(())).await;
    assert_eq!(http.get(path).await.status, 404);
    assert_eq!(get(&server.config, path, "s1").await.status, 404);
}

/// C102: an observer key refuses no request.
#[tokio::test]
async fn an_observer_refuses_nobody() {
    let fixture = Fixture::shared().await;
    let path = "/configs/obs/default/application";
    assert_eq!(fixture.config.get(path).await.status, 200);
    assert_eq!(get(&fixture.base, path, "wrong").await.status, 200);
}

/// C103: once the last filter key is disabled, the observer key remains.
#[tokio::test]
async fn without_filter_keys_the_observer_is_left() {
    let fixture = Fixture::shared().await;
    let opening = async || {
        let app = fixture.app("c103").await;
        app.publish("1").await;
        let keys = [app.add_key("s1", 0, true).await, app.add_key("s2", 0, true).await];
        app.add_key("o1", 1, true).await;
        let path = format!("/configs/{}/default/application", app.id);
        let is = async |status| (fixture.config.get(&path).await.status == status).then_some(());
        eventually("the keys", || is(401)).await;
        for key in keys {
            app.disable_key(key).await;
        }
        let start = Stopwatch::start();
        eventually("the open app", || is(200)).await;
        start.elapsed()
    };
    IN_EFFECT.check("the effect of a disabled key", opening).await;
}

/// C104: discovery and health need no signature.
#[tokio::test]
async fn discovery_and_health_need_no_signature() {
    let fixture = Fixture::shared().await;
    for path in ["/services/config", "/health"] {
        assert_eq!(fixture.config.get(path).await.status, 200, "{path}");
    }
}

/// C105: with a base path, the signed path includes it.
#[tokio::test]
async fn the_base_path_is_signed() {
    if is_by_address("C105") {
        return;
    }
    let options = compatible().flag("--base-path", "/ctx").flag("--roles", "config,meta,admin");
    let server = crate::support::server::Server::start_with(options);
    let admin = Http::new(&format!("{}/ctx", server.admin));
    let sec = crate::support::app::App::create(&admin, "sec").await;
    sec.publish("1").await;
    sec.add_key("s1", 0, true).await;
    let http = Http::new(&server.config);
    let path = format!("/ctx{SEC}");
    eventually("the key", async || (http.get(&path).await.status == 401).then_some(())).await;
    assert_eq!(get(&server.config, &path, "s1").await.status, 200);
    let answer =
        with_headers(&server.config, &path, headers("s1", &now_ms().to_string(), SEC)).await;
    assert_eq!(answer.status, 401);
    assert_eq!(http.get(SEC).await.status, 404);
}
