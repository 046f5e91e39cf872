//! Limits of bodies and numbers, as clients and peers meet them.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply};
use super::{client, hosting, instance, metric, register, registration, replicate};
use crate::support::eventually::eventually;
use crate::support::http::{self, Answer, Http};
use crate::support::memory;
use crate::support::raw;
use crate::support::server::{Options, Server};

/// Maximum sizes of a registration and of a batch.
const REGISTRATION: usize = 64 * 1024;
const BATCH: usize = 8 * 1024 * 1024;
/// Growth of the memory for a body of that size, in KiB: a few times the body, and not all its
/// values.
const GROWTH: u64 = 64 * 1024;
/// Maximum numbers of instances of an app, of apps, and of registrations of an address in a minute.
const PER_APP: usize = 2_000;
const APPS: usize = 1_000;
const REGISTRATIONS: usize = 600;

/// Posts a compressed body.
async fn post_gzip(server: &Server, path: &str, text: &[u8]) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    let body = encoder.finish().unwrap();
    let length = body.len().to_string();
    let headers = [
        ("authorization", "Basic ZXU6cHc="),
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("content-length", &*length),
    ];
    let mut request = raw::request("POST", path, &server.config, &headers);
    request.extend_from_slice(&body);
    raw::send(&server.config, &request).await.unwrap()
}

/// Case 98: what exceeds a limit of a description by one is refused, and the limit itself is not.
#[tokio::test]
async fn a_description_has_bounds() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let post = async |name: &str, value: Value| {
        let mut body = instance("DEMO", "k", 1);
        body["instance"][name] = value;
        eureka.post("/eureka/apps/DEMO", body).await.status
    };
    let nested = |depth: usize| (0..depth).fold(json!("x"), |inner, _| json!([inner]));
    for (name, most, excess) in [
        ("hostName", json!("h".repeat(255)), json!("h".repeat(256))),
        ("ipAddr", json!("1".repeat(255)), json!("1".repeat(256))),
        ("instanceId", json!("i".repeat(255)), json!("i".repeat(256))),
        ("vipAddress", json!("v".repeat(512)), json!("v".repeat(513))),
        ("healthCheckUrl", json!("u".repeat(512)), json!("u".repeat(513))),
        ("metadata", json!({"k".repeat(64): "v"}), json!({"k".repeat(65): "v"})),
        ("port", json!({"$": 65_535}), json!({"$": 65_536})),
        // Two levels are those of the body and of the instance.
        ("unknown", nested(30), nested(31)),
    ] {
        assert_eq!(post(name, most).await, 204, "{name}");
        assert_eq!(post(name, excess).await, 400, "{name}");
    }
    let app = "A".repeat(64);
    assert_eq!(register(&eureka, &app, "k", 1).await.status, 204);
    assert_eq!(register(&eureka, &(app + "A"), "k", 1).await.status, 400);
    let (open, close) = ("<a>".repeat(8), "</a>".repeat(8));
    let body = format!("<instance>{open}{close}</instance>");
    let length = body.len().to_string();
    let headers = [
        ("authorization", "Basic ZXU6cHc="),
        ("content-type", "application/xml"),
        ("content-length", &*length),
    ];
    let mut request = raw::request("POST", "/eureka/apps/DEMO", &server.config, &headers);
    request.extend_from_slice(body.as_bytes());
    let answer = raw::send(&server.config, &request).await.unwrap();
    assert!(answer.status == 400 && answer.text.contains("nested"), "{answer:?}");
    // Leases last from 5 to 900 seconds.
    for (asked, expected) in [(1, 5), (86_400, 900)] {
        let mut body = instance("DEMO", "lease", 1);
        body["instance"]["leaseInfo"]["durationInSecs"] = json!(asked);
        assert_eq!(eureka.post("/eureka/apps/DEMO", body).await.status, 204);
        let stored = eureka.get("/eureka/apps/DEMO/lease").await.ok().json();
        assert_eq!(stored["instance"]["leaseInfo"]["durationInSecs"], expected);
    }
}

/// Case 98: the limits of bodies hold after decompression, and for each change of a batch; no body
/// takes much more memory than its own length.
#[tokio::test]
async fn a_body_has_bounds_after_decompression() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let text = instance("DEMO", "k", 1).to_string();
    let padded = |length: usize| text.clone() + &" ".repeat(length - text.len());
    let path = "/eureka/apps/DEMO";
    let answer = post_gzip(&server, path, padded(REGISTRATION).as_bytes()).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    let answer = post_gzip(&server, path, padded(REGISTRATION + 1).as_bytes()).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let mut large = registration("DEMO", "large", 1);
    large["unknown"] = json!("x".repeat(REGISTRATION));
    let outcomes = replicate(&eureka, &[large, registration("DEMO", "small", 1)]).await;
    assert_eq!(outcomes, [json!({"statusCode": 400}), json!({"statusCode": 200})]);
    let before = memory::peak_kib(&server);
    let batch = "/eureka/peerreplication/batch/";
    let bomb = post_gzip(&server, batch, " ".repeat(4 * BATCH).as_bytes()).await;
    assert_eq!(bomb.status, 413);
    let list = |item: &str, number: usize| {
        let items = vec![item; number].join(",");
        format!("{{\"replicationList\":[{items}]}}")
    };
    let item = "[".repeat(2_000) + &"]".repeat(2_000);
    for (body, status) in [
        (list("[]", BATCH / 4), 413),
        (list(&list("[]", 2_000), 1_000), 200),
        (list(&item, 1_000), 200),
    ] {
        assert!(body.len() <= BATCH);
        let answer = post_gzip(&server, batch, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{:.200}", answer.text);
        assert!(!answer.text.contains("\"statusCode\":200"), "{:.200}", answer.text);
    }
    let growth = memory::peak_kib(&server) - before;
    assert!(growth < GROWTH, "{growth} KiB for bodies of {BATCH} bytes");
}

/// Case 98: an app, the registry and an address have a maximum; what is known is still renewed.
#[tokio::test]
async fn numbers_have_bounds() {
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let full = |answer: &Answer| (answer.status, answer.header("retry-after").to_owned());
    for part in 0..2 {
        let of_app = |number| registration("BIG", &format!("{part}-{number}"), 1);
        let changes: Vec<_> = (0..PER_APP / 2).map(of_app).collect();
        assert!(replicate(&eureka, &changes).await.iter().all(|one| one["statusCode"] == 200));
    }
    let refused = register(&eureka, "BIG", "more", 1).await;
    assert_eq!(full(&refused), (429, "30".to_owned()));
    let outcome = replicate(&eureka, &[registration("BIG", "more", 1)]).await;
    assert_eq!(outcome, [json!({"statusCode": 429})]);
    assert_eq!(register(&eureka, "BIG", "0-0", 2).await.status, 204);
    // Two are those of this node, and one is full.
    let changes: Vec<_> =
        (3..APPS).map(|number| registration(&format!("APP{number}"), "k", 1)).collect();
    assert!(replicate(&eureka, &changes).await.iter().all(|one| one["statusCode"] == 200));
    assert_eq!(full(&register(&eureka, "MORE", "k", 1).await), (429, "30".to_owned()));
    assert_eq!(register(&eureka, "APP3", "another", 1).await.status, 204);
    let (began, mut sent) = (Instant::now(), 4);
    let refused = loop {
        sent += 1;
        let answer = register(&eureka, "APP3", "k", 2).await;
        if answer.status != 204 {
            break answer;
        }
        assert!(sent <= 10 * REGISTRATIONS, "{sent} registrations in {:?}", began.elapsed());
    };
    assert!(refused.status == 429 && refused.text.contains("address"), "{refused:?}");
    // On a machine that stalls, the minute of the first ones may be over.
    assert!(sent == REGISTRATIONS + 1 || began.elapsed() > Duration::from_secs(55), "{sent}");
    assert_eq!(eureka.put("/eureka/apps/APP3/k", json!({})).await.status, 200);
}

/// Where everybody can send a batch, registrations in it count as single ones, unless a server in
/// the settings sends it.
#[tokio::test]
async fn registrations_of_a_stranger_in_a_batch_have_bounds() {
    let peer = OtherServer::start(Reply::accepted).await;
    let open = Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-host", "on")
        .flag("--eureka-open", "on")
        .flag("--roles", "config,meta");
    let beside = open
        .clone()
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &peer.listed());
    let app = "APOLLO-ADMINSERVICE";
    let changes: Vec<_> = (0..=REGISTRATIONS)
        .map(|number| registration(app, &format!("i{number}"), 1))
        .chain([json!({"appName": app, "id": "i0", "action": "Heartbeat"})])
        .collect();
    for (options, excess) in [(open, 429), (beside, 200)] {
        let server = Server::start_with(options);
        if excess == 200 {
            // The next batch follows the answer to the first.
            eventually("the second batch at the peer", async || {
                (peer.asked("POST /eureka/peerreplication") > 1).then_some(())
            })
            .await;
        }
        let outcomes = replicate(&Http::new(&server.config), &changes).await;
        let (accepted, last) = outcomes.split_at(REGISTRATIONS);
        assert!(accepted.iter().all(|one| one["statusCode"] == 200));
        assert_eq!(last, [json!({"statusCode": excess}), json!({"statusCode": 200})]);
    }
}

/// Case 20: the lists are compressed for those that accept it, and for nobody else.
#[tokio::test]
async fn lists_are_compressed_on_request() {
    // Later heartbeats do not change the lists during the test.
    let options = hosting()
        .flag("--eureka-instance-lease-renewal-interval", "300")
        .flag("--eureka-instance-lease-duration", "900");
    let server = Server::start_with(options);
    let raw = http::verbatim();
    let get = async |path: &str, accept: &str, encoding: Option<&str>| {
        let request = raw.get(format!("{}{path}", server.config)).basic_auth("eu", Some("pw"));
        let request = request.header("accept", accept);
        let answer = match encoding {
            Some(encoding) => request.header("accept-encoding", encoding),
            None => request,
        };
        let answer = answer.send().await.unwrap().error_for_status().unwrap();
        let header = |name| answer.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
        let headers = (header("content-encoding"), header("content-type"));
        (headers, answer.bytes().await.unwrap())
    };
    for (path, media_type) in [
        ("/eureka/apps", "application/json"),
        ("/eureka/apps", "application/xml"),
        ("/eureka/apps/delta", "application/json"),
        ("/eureka/apps/delta", "application/xml"),
    ] {
        // The first heartbeats of this node may come between the two.
        eventually("the same list in both forms", async || {
            let (headers, plain) = get(path, media_type, None).await;
            assert_eq!(headers, (None, Some(media_type.to_owned())));
            let (headers, compressed) = get(path, media_type, Some("gzip, deflate")).await;
            assert_eq!(headers, (Some("gzip".to_owned()), Some(media_type.to_owned())));
            let mut text = Vec::new();
            GzDecoder::new(&*compressed).read_to_end(&mut text).unwrap();
            (without_version(&text) == without_version(&plain)).then_some(())
        })
        .await;
    }
}

/// A list without its number, which counts the renderings of all forms.
fn without_version(list: &[u8]) -> String {
    let text = std::str::from_utf8(list).unwrap();
    let (before, rest) = text.split_once("versions__delta").unwrap();
    let rest = rest.trim_start_matches(['"', ':', '>']);
    format!("{before}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Case 99: a full registry refuses the next instance and renews all others; readers share one
/// rendering of each state.
#[tokio::test]
async fn a_full_registry_still_renews_and_lists() {
    const INSTANCES: usize = 200;
    // Two are those of this node.
    let most = (INSTANCES + 2).to_string();
    let options = hosting()
        .flag("--eureka-max-instances", &most)
        // No heartbeats of its own during the test, which change the lists.
        .flag("--eureka-instance-lease-renewal-interval", "300")
        .flag("--eureka-instance-lease-duration", "900");
    let server = Server::start_with(options);
    let eureka = client(&server);
    let changes: Vec<_> =
        (0..INSTANCES).map(|number| registration("DEMO", &format!("i{number}"), 1)).collect();
    assert!(replicate(&eureka, &changes).await.iter().all(|one| one["statusCode"] == 200));
    let refused = register(&eureka, "DEMO", "more", 1).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "30"));
    for number in 0..INSTANCES {
        let path = format!("/eureka/apps/DEMO/i{number}?lastDirtyTimestamp=1");
        assert_eq!(eureka.put(&path, json!({})).await.status, 200, "{path}");
    }
    let gauge = async || metric(&server, "castalia_eureka_instances").await;
    eventually("the gauge", async || ((gauge().await - 202.0).abs() < 0.5).then_some(())).await;
    let plain = eureka.get("/eureka/apps").await.ok().text;
    let gzip = eureka.clone().with("accept-encoding", "gzip");
    let readers = (0..40).map(|_| gzip.get("/eureka/apps"));
    let answers = futures_util::future::join_all(readers).await;
    // The client decompresses them, and removes the header.
    assert!(answers.into_iter().all(|answer| answer.ok().text == plain));
    let first = versions(&eureka).await;
    assert_eq!(eureka.put("/eureka/apps/DEMO/i0/metadata?a=1", json!({})).await.status, 200);
    assert_eq!(versions(&eureka).await, first + 1);
}

/// The number of the delta that many readers receive, which counts the renderings.
async fn versions(eureka: &Http) -> i64 {
    let readers = (0..40).map(|_| eureka.get("/eureka/apps/delta"));
    let answers =
        tokio::time::timeout(Duration::from_secs(60), futures_util::future::join_all(readers));
    let answers = answers.await.unwrap().into_iter().map(|answer| answer.ok().json());
    let versions = answers.map(|list| {
        list["applications"]["versions__delta"].as_str().unwrap().parse::<i64>().unwrap()
    });
    let versions: Vec<_> = versions.collect();
    assert!(versions.iter().all(|version| *version == versions[0]), "{versions:?}");
    versions[0]
}

/// Heartbeats of a few bytes for one large instance are not answered with its description each.
#[tokio::test]
async fn the_answer_to_a_batch_is_bounded() {
    const HEARTBEATS: usize = 1_000;
    let server = Server::start_with(hosting());
    let eureka = client(&server);
    let mut large = instance("DEMO", "k", 9);
    let entries = (0..15).map(|entry| (format!("k{entry}"), json!("x".repeat(1000))));
    large["instance"]["metadata"] = Value::Object(entries.collect());
    assert_eq!(eureka.post("/eureka/apps/DEMO", large).await.status, 204);
    let heartbeat =
        json!({"appName": "DEMO", "id": "k", "action": "Heartbeat", "lastDirtyTimestamp": 1});
    let body = json!({ "replicationList": vec![heartbeat; HEARTBEATS] });
    let answer = eureka.post("/eureka/peerreplication/batch/", body).await.ok();
    assert!(answer.text.len() < 64 * 1024, "{} bytes", answer.text.len());
    let outcomes = answer.json()["responseList"].as_array().unwrap().clone();
    assert!(outcomes.len() == HEARTBEATS && outcomes.iter().all(|it| it["statusCode"] == 409));
    assert_eq!(outcomes[0]["responseEntity"]["instanceId"], "k");
}
