//! Servers that are reachable but cannot be used: something other than Eureka, and an Eureka that
//! does not register the node. An operator learns which of both it is. And services that a server
//! lists although nobody can use them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::other_server::{OtherServer, Reply, Request};
use super::registering::{JAVA, describes, guest_of, has, url};
use super::{client, hosting, hosting_with, instance, metric};
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::Server;

const UNREACHABLE: &str = "eureka: unreachable";
const NOT_REGISTERED: &str = "eureka: not registered";

/// Something that answers all requests alike: status, type and body.
type Same = (u16, &'static str, &'static str);

const SAME: [Same; 9] = [
    (204, "text/plain", ""),
    (201, "application/json", "{}"),
    (200, "application/json", "{}"),
    (200, "text/html", "<html>Sign in</html>"),
    (404, "text/html", "<html>Not found</html>"),
    (404, "text/plain", ""),
    (409, "application/json", "{}"),
    (429, "text/plain", ""),
    (500, "application/json", "{}"),
];

fn same((status, content, body): Same) -> Reply {
    Reply::Answer(status, format!("content-type: {content}\r\n"), body.into())
}

/// A server whose answers the test changes.
#[derive(Clone)]
struct Changing(Arc<Mutex<Manner>>);

#[derive(Clone)]
enum Manner {
    Same(Same),
    /// An Eureka that lists these admin services, and answers heartbeats and registrations so.
    Eureka {
        listed: Vec<Value>,
        renewal: u16,
        registration: u16,
    },
}

impl Changing {
    fn new(manner: Manner) -> Self {
        Self(Arc::new(Mutex::new(manner)))
    }

    fn set(&self, manner: Manner) {
        *self.0.lock().unwrap() = manner;
    }

    async fn start(&self) -> OtherServer {
        let manner = Arc::clone(&self.0);
        OtherServer::start(move |request| manner.lock().unwrap().answer(request)).await
    }
}

impl Manner {
    /// An Eureka that lists admin services with these ids and statuses.
    fn listing(services: &[(&str, &str)]) -> Self {
        let listed = services.iter().map(|(id, status)| {
            let mut one = instance("APOLLO-ADMINSERVICE", id, 1)["instance"].clone();
            one["status"] = json!(status);
            one["homePageUrl"] = json!(format!("http://{id}:8090/"));
            one
        });
        Self::Eureka { listed: listed.collect(), renewal: 200, registration: 204 }
    }

    /// An Eureka that answers heartbeats and registrations so.
    fn accepting(renewal: u16, registration: u16) -> Self {
        let listed = vec![instance("APOLLO-ADMINSERVICE", "java", 1)["instance"].clone()];
        Self::Eureka { listed, renewal, registration }
    }

    fn answer(&self, request: &Request) -> Reply {
        match self {
            Self::Same(all) => same(*all),
            Self::Eureka { renewal, .. } if request.line.starts_with("PUT") => {
                Reply::status(*renewal)
            }
            Self::Eureka { registration, .. } if request.line.starts_with("POST") => {
                Reply::status(*registration)
            }
            Self::Eureka { listed, .. } if request.line.contains("APOLLO-ADMINSERVICE ") => {
                let app = json!({"name": "APOLLO-ADMINSERVICE", "instance": listed});
                Reply::json(&json!({ "application": app }))
            }
            Self::Eureka { .. } => Reply::status(404),
        }
    }
}

/// Whatever else an address answers, the Eureka behind the next ones is used, and the log says why.
// The server has to answer while a node starts.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_eureka_is_left_for_the_next_server() {
    let host = Server::start_with(hosting());
    let java = instance("APOLLO-ADMINSERVICE", "java", 1);
    assert_eq!(client(&host).post("/eureka/apps/APOLLO-ADMINSERVICE", java).await.status, 204);
    let mut urls = Vec::new();
    for answer in SAME {
        urls.push(OtherServer::start(move |_| same(answer)).await.listed());
    }
    urls.push(url(&host));
    for roles in ["config,meta", "meta"] {
        let mut guest = Server::start_with(guest_of(roles, &urls.join(",")));
        let meta = Http::new(&guest.config);
        eventually(roles, async || has(&meta, JAVA).await.then_some(())).await;
        eventually("no note", async || describes(&meta, "").await).await;
        if roles.contains("config") {
            let own = format!("{}/", guest.config);
            eventually("the registration", async || {
                let list = client(&host).get("/eureka/apps/APOLLO-CONFIGSERVICE").await.ok().text;
                list.contains(&own).then_some(())
            })
            .await;
        }
        let lines = guest.all_printed_until_exit();
        let is_reported = |line: &String| line.contains("an Eureka server cannot be used");
        assert!(lines.iter().any(is_reported), "{lines:?}");
    }
}

/// Without another server the node reports it, whether it registers or only reads.
// The server has to answer while a node starts.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_eureka_counts_as_unreachable() {
    for roles in ["config,meta", "meta"] {
        let eureka = Manner::listing(&[("java", "UP")]);
        let manner = Changing::new(eureka.clone());
        let server = manner.start().await;
        let mut guest = Server::start_with(guest_of(roles, &server.listed()));
        let meta = Http::new(&guest.config);
        for answer in SAME {
            manner.set(eureka.clone());
            eventually("no note", async || describes(&meta, "").await).await;
            manner.set(Manner::Same(answer));
            let what = format!("the note about {answer:?} with {roles}");
            eventually(&what, async || describes(&meta, UNREACHABLE).await).await;
            assert!(has(&meta, "http://java:8090/").await, "{answer:?} emptied the list");
        }
        let lines = guest.all_printed_until_exit();
        let is_reported = |line: &String| line.contains("no Eureka server can be used");
        assert!(lines.iter().any(is_reported), "{lines:?}");
    }
}

/// A server that can be read and does not register the node is not unreachable, and the note does
/// not depend on whether the node last read or last tried to register.
// The server has to answer while a node starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_has_its_own_note() {
    for (renewal, registration) in [(404, 403), (403, 403), (404, 200), (404, 500), (404, 429)] {
        let manner = Changing::new(Manner::accepting(renewal, registration));
        let server = manner.start().await;
        let mut guest = Server::start_with(guest_of("config,meta", &server.listed()));
        let meta = Http::new(&guest.config);
        eventually("the note", async || describes(&meta, NOT_REGISTERED).await).await;
        let asked = || (server.asked("GET"), server.asked("PUT"));
        let before = asked();
        eventually("more reads and heartbeats", async || {
            let note = meta.get("/health").await.ok().json()["status"]["description"].clone();
            assert_eq!(note, NOT_REGISTERED, "{renewal} {registration}");
            (asked().0 > before.0 + 4 && asked().1 > before.1 + 1).then_some(())
        })
        .await;
        assert!(has(&meta, JAVA).await);
        manner.set(Manner::accepting(404, 204));
        eventually("the registration", async || describes(&meta, "").await).await;
        let lines = guest.all_printed_until_exit();
        let refused = if renewal == 403 { renewal } else { registration };
        let is_reported = |line: &String| {
            line.contains("no Eureka server registers this node")
                && line.contains(&refused.to_string())
        };
        assert!(lines.iter().any(is_reported), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("no Eureka server can be used")));
    }
}

/// After the restart of a server the first service that comes back may be `DOWN`; what an operator
/// takes out of service is not listed any more.
// The server has to answer while a node starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_back_first_and_down_hides_no_other() {
    let manner = Changing::new(Manner::listing(&[("a", "DOWN"), ("b", "UP")]));
    let server = manner.start().await;
    let guest = Server::start_with(guest_of("meta", &server.listed()));
    let meta = Http::new(&guest.config);
    let b = "http://b:8090/";
    eventually("the list", async || has(&meta, b).await.then_some(())).await;
    manner.set(Manner::listing(&[("a", "DOWN")]));
    let asked = server.asked("GET");
    // A read has two requests, and its result is visible when the next one begins.
    eventually("two more reads", async || {
        assert!(has(&meta, b).await, "hidden by one that is down");
        (server.asked("GET") > asked + 5).then_some(())
    })
    .await;
    manner.set(Manner::listing(&[("a", "DOWN"), ("b", "OUT_OF_SERVICE")]));
    eventually("the decision", async || (!has(&meta, b).await).then_some(())).await;
}

/// A server whose self-preservation keeps a service that is gone, here and at a node that reads it.
#[tokio::test]
async fn a_service_that_only_self_preservation_keeps_is_not_listed() {
    let options = hosting_with("eureka", "config,meta").flag("--eureka-self-preservation", "on");
    let host = Server::start_with(options);
    let eureka = client(&host);
    let path = "/eureka/apps/APOLLO-ADMINSERVICE";
    let post = async |id: &str, duration: u32| {
        let mut one = instance("APOLLO-ADMINSERVICE", id, 1);
        one["instance"]["homePageUrl"] = json!(format!("http://{id}:8090/"));
        one["instance"]["leaseInfo"] =
            json!({"renewalIntervalInSecs": 1, "durationInSecs": duration});
        assert_eq!(eureka.post(path, one).await.status, 204);
    };
    for number in 0..10 {
        post(&format!("i{number}"), 900).await;
    }
    eventually("self-preservation", async || {
        (metric(&host, "castalia_eureka_preserving").await > 0.5).then_some(())
    })
    .await;
    post("dead", 5).await;
    let guest = Server::start_with(guest_of("meta", &url(&host)));
    let meta = Http::new(&guest.config);
    eventually("the lists", async || has(&meta, "http://i0:8090/").await.then_some(())).await;
    let dead = "http://dead:8090/";
    eventually("a list without it", async || (!has(&meta, dead).await).then_some(())).await;
    assert!(has(&meta, "http://i0:8090/").await);
    assert!(eureka.get(path).await.text.contains(dead), "it was to be preserved");
}

/// A server that answers the list of one app to every request leads no client to the wrong service.
#[tokio::test]
async fn the_list_of_another_app_is_not_used() {
    let mut one = instance("APOLLO-ADMINSERVICE", "admin", 1)["instance"].clone();
    one["homePageUrl"] = json!("http://admin:8090/");
    let app = json!({"application": {"name": "APOLLO-ADMINSERVICE", "instance": [one]}});
    let server = OtherServer::start(move |_| Reply::json(&app)).await;
    let guest = Server::start_with(guest_of("meta", &server.listed()));
    let meta = Http::new(&guest.config);
    eventually("the list", async || has(&meta, "http://admin:8090/").await.then_some(())).await;
    assert_eq!(meta.get("/services/config").await.ok().json(), json!([]));
}
