//! Outside servers that do not answer as Eureka does: a node that registers with them keeps its
//! lists, uses the next server, and sends its credentials to nobody else.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::instance;
use super::other_server::{OtherServer, Reply, Request};
use super::registering::{JAVA, describes, has};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::memory;
use crate::support::server::{Options, Server};

/// Bytes of one answer that are read before it is refused, and what the connection buffers.
const READ: usize = (32 + 16) * 1024 * 1024;
/// Growth of the memory while such answers arrive, in KiB: a list and the answer to a heartbeat are
/// read at the same time, into buffers that double.
const GROWTH: u64 = 192 * 1024;

/// How a server answers now.
#[derive(Debug, Clone, PartialEq)]
enum Manner {
    Eureka,
    /// 302 to this address.
    Redirect(String),
    Endless,
    /// Lists within lists.
    Deep,
    /// The page of a proxy, with status 200.
    Page,
    Slow,
}

impl Manner {
    fn answer(&self, request: &Request) -> Reply {
        match self {
            Self::Eureka if request.line.starts_with("GET") => {
                let app = request.line.split(['/', ' ']).rfind(|part| part.starts_with("APOLLO"));
                let app = app.unwrap_or_default();
                let java = instance(app, "java", 1)["instance"].clone();
                Reply::json(&json!({"application": {"name": app, "instance": [java]}}))
            }
            Self::Eureka if request.line.starts_with("POST") => Reply::status(204),
            Self::Eureka => Reply::status(200),
            Self::Redirect(to) => Reply::Answer(302, format!("location: {to}\r\n"), Vec::new()),
            Self::Endless => Reply::Endless,
            Self::Deep => {
                let lists = "[".repeat(10_000) + &"]".repeat(10_000);
                let body = format!("{{\"application\":{{\"instance\":{lists}}}}}");
                Reply::Answer(200, "content-type: application/json\r\n".into(), body.into())
            }
            Self::Page => {
                let page = b"<html><body>Sign in to the network</body></html>".to_vec();
                Reply::Answer(200, "content-type: text/html\r\n".into(), page)
            }
            Self::Slow => Reply::Slow,
        }
    }
}

/// A server whose manner the test changes.
struct Changing {
    server: OtherServer,
    manner: Arc<Mutex<Manner>>,
}

impl Changing {
    async fn start() -> Self {
        let manner = Arc::new(Mutex::new(Manner::Eureka));
        let shared = Arc::clone(&manner);
        let server =
            OtherServer::start(move |request| shared.lock().unwrap().answer(request)).await;
        Self { server, manner }
    }

    fn set(&self, manner: &Manner) {
        manner.clone_into(&mut self.manner.lock().unwrap());
    }

    fn lists_read(&self) -> usize {
        self.server.asked("GET /eureka/apps/APOLLO-ADMINSERVICE")
    }
}

/// Case 86: whatever the server in use answers, the next one is used, and the lists never change.
#[tokio::test]
async fn a_hostile_server_is_left_for_the_next_one() {
    let elsewhere = OtherServer::start(|_| Reply::status(200)).await;
    let (mut used, mut next) = (Changing::start().await, Changing::start().await);
    let urls = format!("{},{}", used.server.listed(), next.server.listed());
    let options = Options::new()
        .flag("--registry", "eureka")
        .flag("--eureka-instance-lease-renewal-interval", "1")
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_EUREKA_SERVICE_URL", &urls);
    let guest = Server::start_with(options);
    let meta = Http::new(&guest.config);
    eventually("the list", async || has(&meta, JAVA).await.then_some(())).await;
    let before = memory::peak_kib(&guest);
    for manner in [
        Manner::Redirect(elsewhere.url.clone()),
        Manner::Endless,
        Manner::Deep,
        Manner::Page,
        Manner::Slow,
    ] {
        let (read, asked) = (next.lists_read(), used.server.requests().len());
        used.set(&manner);
        let what = format!("the next server instead of one with {manner:?}");
        eventually(&what, async || {
            assert!(has(&meta, JAVA).await, "{manner:?} emptied the list");
            let is_left = next.lists_read() > read && used.server.requests().len() > asked;
            is_left.then_some(())
        })
        .await;
        if manner == Manner::Endless {
            let (sent, asked) = (used.server.sent(), used.server.requests().len() - asked);
            assert!(sent <= asked * READ, "{sent} bytes in {asked} answers");
            let growth = memory::peak_kib(&guest) - before;
            assert!(growth < GROWTH, "{growth} KiB for a body without an end");
        }
        used.set(&Manner::Eureka);
        std::mem::swap(&mut used, &mut next);
    }
    eventually("a node without a note", async || describes(&meta, "").await).await;
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
    for request in used.server.requests().iter().chain(&next.server.requests()) {
        assert!(request.head.contains("authorization: basic zxu6chc="), "{request:?}");
    }
}
