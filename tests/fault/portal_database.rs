//! REL-04 for the portal: its database is frozen or cut off, and comes back. Users are refused
//! within seconds and remain signed in, and clients notice nothing.

use std::time::Duration;

use futures_util::future::join_all;

use super::database::{AT_ONCE, on_each_engine};
use super::locked_portal::{NAMESPACE, change, create_app, edit, publish, serves, stored};
use crate::support::database::{Engine, Fresh};
use crate::support::gate::Gate;
use crate::support::health::{becomes, is_well};
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, PASSWORD, Server};
use crate::support::session;

/// All roles; the database of the portal is behind a gate, that of the environment is not.
struct Behind {
    gate: Gate,
    server: Server,
    /// With the session of the administrator.
    portal: Http,
    config: Http,
    fresh: Fresh,
}

impl Behind {
    async fn start(engine: Engine) -> Option<Self> {
        let fresh = Fresh::on(engine).await?;
        let gate = Gate::before(&fresh.database.url).await;
        let server = Server::start_with(Options::new().flag("--portal-db", &gate.url));
        let portal = session::root(&server).await;
        create_app(&portal).await;
        let config = Http::new(&server.config);
        Some(Self { gate, server, portal, config, fresh })
    }

    /// The numbers of recorded edits and publishes, and of stored releases.
    async fn counts(&self) -> [usize; 3] {
        let sql = r#"SELECT "OpName" FROM "AuditLog""#;
        let operations = self.fresh.database.rows(sql).await;
        let count = |name| operations.iter().filter(|row| row["OpName"] == name).count();
        let page = format!("{NAMESPACE}/releases/active?page=0&size=100");
        let releases = self.portal.get(&page).await.ok().json();
        [count("Item.update"), count("Release.create"), releases.as_array().unwrap().len()]
    }

    async fn becomes_healthy(&self) {
        for path in ["/health", "/health/ready"] {
            becomes(&self.portal, path, 200).await;
        }
    }

    async fn end(self) {
        drop(self.server);
        self.gate.open();
        self.fresh.remove().await;
    }
}

async fn sign_in(portal: &Http) -> Answer {
    let anybody = Http::new(portal.base());
    anybody.form("/signin", &[("username", "apollo"), ("password", PASSWORD)]).await
}

/// Requires that a change or sign-in is refused at once, and ends no session.
async fn is_refused(what: &str, request: impl AsyncFn() -> Answer) {
    let request = async || {
        let answer = request().await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{what}: {answer:?}");
        assert_eq!(answer.header("set-cookie"), "", "{what} keeps the session: {answer:?}");
    };
    AT_ONCE.time(what, request).await;
}

/// Everything that needs the database of the portal is refused at once as unavailable.
async fn refuses_users(node: &Behind) {
    for path in [
        "/openapi/v1/user",
        "/openapi/v1/apps",
        &format!("{NAMESPACE}/items"),
        "/health",
        "/health/ready",
    ] {
        let request = async || {
            let answer = node.portal.get(path).await;
            assert_eq!(answer.status, 503, "{path}: {answer:?}");
        };
        AT_ONCE.time(path, request).await;
    }
    let health = node.portal.get("/health").await;
    assert!(health.text.contains("the database does not answer"), "{health:?}");
    is_refused("a sign-in", async || sign_in(&node.portal).await).await;
    is_refused("an edit", async || edit(&node.portal, "refused").await).await;
    is_refused("a publish", async || publish(&node.portal).await).await;
}

/// The environment needs nothing of the portal's database.
async fn serves_clients(node: &Behind, value: &str) {
    serves(&node.config, value).await;
    for base in [&node.server.config, &node.server.admin] {
        let http = Http::new(base);
        is_well(&http).await;
        becomes(&http, "/health/ready", 200).await;
    }
}

/// Users are refused at once, and continue in the same session when the database is back; what was
/// refused is not made later, and each change that was acknowledged is recorded once.
async fn users_are_refused_at_once_and_continue_afterwards(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    change(&node.portal, &node.config, "1").await;
    change(&node.portal, &node.config, "2").await;
    for fault in [Gate::shut, Gate::freeze] {
        let (value, before) = (stored(&node.portal).await, node.counts().await);
        fault(&node.gate);
        refuses_users(&node).await;
        serves_clients(&node, &value).await;
        let many = async || {
            let many = join_all((0..40).map(|_| node.portal.get("/user"))).await;
            assert!(many.iter().all(|answer| answer.status == 503), "{many:?}");
        };
        AT_ONCE.time("forty requests", many).await;
        node.gate.open();
        node.becomes_healthy().await;
        assert_eq!(stored(&node.portal).await, value, "a refused edit was applied");
        assert_eq!(node.counts().await, before, "a refused change was recorded or made");
        assert_eq!(sign_in(&node.portal).await.header("location"), "/");
        change(&node.portal, &node.config, &format!("after {value}")).await;
        assert_eq!(node.counts().await, before.map(|count| count + 1));
    }
    node.end().await;
}

/// The database is frozen during a change: an acknowledged one is made and recorded, and one whose
/// record is missing is not acknowledged.
async fn an_acknowledged_change_is_made_and_recorded(engine: Engine) {
    let Some(node) = Behind::start(engine).await else { return };
    change(&node.portal, &node.config, "0").await;
    change(&node.portal, &node.config, "1").await;
    let [mut edits, mut publishes, mut releases] = node.counts().await;
    for moment in 0..4 {
        let freeze = async {
            tokio::time::sleep(Duration::from_millis(4 * moment)).await;
            node.gate.freeze();
        };
        let value = format!("cut {moment}");
        let changes = async { (edit(&node.portal, &value).await, publish(&node.portal).await) };
        let ((edited, published), ()) = tokio::join!(changes, freeze);
        node.gate.open();
        node.becomes_healthy().await;
        for answer in [&edited, &published] {
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        }
        if edited.status == 200 {
            assert_eq!(stored(&node.portal).await, value);
        }
        edits += usize::from(edited.status == 200);
        publishes += usize::from(published.status == 200);
        releases += usize::from(published.status == 200);
        let counts = node.counts().await;
        assert!(
            counts[0] >= edits && counts[1] >= publishes && counts[2] >= releases,
            "{counts:?}"
        );
    }
    change(&node.portal, &node.config, "last").await;
    node.end().await;
}

on_each_engine!(
    users_are_refused_at_once_and_continue_afterwards,
    an_acknowledged_change_is_made_and_recorded
);
