//! The database account may no longer sign in, as after a change of its password. Sessions that are
//! open go on, so that some changes succeed and others do not; `/health` reports the outage
//! nevertheless, and it ends by itself.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::database::on_each_engine;
use super::feed_node::value_of;
use super::locked_table::{recovers, reports};
use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};

const REASON: &str = "the database denies this account access";
/// An app that no client has requested.
const UNREAD: &str = "unread";
/// What is reported of single namespaces.
const OF_A_NAMESPACE: &str = "although the database answers";
/// More than the node has connections.
const MANY: usize = 24;
/// Time limit without a change: a node signs in again each minute, with a margin for a machine that
/// is busy with other tests.
const NOTICED: Duration = Duration::from_secs(180);

/// A node with a published app, and the statements that refuse new sessions of its account, admit
/// them again, and remove the account.
struct Node {
    server: Server,
    app: App,
    http: Http,
    fresh: Fresh,
    refuse: String,
    admit: String,
    remove: Option<String>,
}

impl Node {
    async fn start(engine: Engine) -> Option<Self> {
        let fresh = Fresh::on(engine).await?;
        let (_, name) = fresh.database.url.rsplit_once('/').unwrap();
        let (url, [refuse, admit], remove) = match engine {
            Engine::MySql => {
                let account = format!("'{name}'@'127.0.0.1'");
                let create = format!("CREATE USER {account} IDENTIFIED BY 'castalia'");
                fresh.run_beside(&create).await;
                fresh.run_beside(&format!("GRANT ALL ON {name}.* TO {account}")).await;
                let statements = ["LOCK", "UNLOCK"];
                (
                    fresh.database.url.replace("//castalia:", &format!("//{name}:")),
                    statements.map(|verb| format!("ALTER USER {account} ACCOUNT {verb}")),
                    Some(format!("DROP USER {account}")),
                )
            }
            // Tests may not create an account there whose password could be changed.
            Engine::Postgres => (
                fresh.database.url.clone(),
                [
                    format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC, castalia"),
                    format!("GRANT CONNECT ON DATABASE {name} TO castalia"),
                ],
                None,
            ),
        };
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", &url)
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let server = Server::start_with(options);
        let admin = Http::new(&server.admin);
        App::create(&admin, UNREAD).await.publish("old").await;
        let app = App::create(&admin, "demo").await;
        app.publish("old").await;
        let http = Http::new(&server.config);
        let node = Self { server, app, http, fresh, refuse, admit, remove };
        node.eventually_serves("old").await;
        Some(node)
    }

    async fn eventually_serves(&self, value: &str) {
        eventually(&format!("the value {value}"), async || {
            let answer = self.http.get("/configs/demo/default/application").await;
            (value_of(&answer) == value).then_some(())
        })
        .await;
    }

    /// The account may sign in again; the node notices it without a request for a change.
    async fn recovers(self) {
        assert_eq!(self.http.get("/health/ready").await.status, 200, "served from memory");
        self.eventually_serves("old").await;
        self.fresh.run_beside(&self.admit).await;
        recovers(&self.http).await;
        self.app.publish("new").await;
        self.eventually_serves("new").await;
        drop(self.server);
        if let Some(remove) = &self.remove {
            self.fresh.run_beside(remove).await;
        }
        self.fresh.remove().await;
    }
}

/// S72
async fn a_change_that_cannot_sign_in_is_an_outage(engine: Engine) {
    let Some(node) = Node::start(engine).await else { return };
    node.fresh.run_beside(&node.refuse).await;
    eventually("a change to need a new session", async || {
        let changes = (0..MANY).map(|_| node.app.try_publish("default", "application"));
        let answers = join_all(changes).await;
        let is_expected = |answer: &Answer| [200, 503].contains(&answer.status);
        assert!(answers.iter().all(is_expected), "{answers:?}");
        answers.iter().any(|answer| answer.status == 503).then_some(())
    })
    .await;
    reports(&node.http, &[REASON.to_owned()]).await;
    node.recovers().await;
}

/// S72
async fn a_node_that_changes_nothing_notices_that_it_cannot_sign_in(engine: Engine) {
    let Some(node) = Node::start(engine).await else { return };
    node.fresh.run_beside(&node.refuse).await;
    let reported = async {
        loop {
            let health = node.http.get("/health").await;
            if health.status == 503 && health.text.contains(REASON) {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(NOTICED, reported).await.expect("the outage to be reported");
    let unread = node.http.get(&format!("/configs/{UNREAD}/default/application")).await;
    assert_eq!(unread.status, 503, "{unread:?}");
    let health = node.http.get("/health").await;
    assert!(!health.text.contains(OF_A_NAMESPACE), "{health:?}");
    let refused = node.app.try_publish("default", "application").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    node.recovers().await;
}

on_each_engine!(
    a_change_that_cannot_sign_in_is_an_outage,
    a_node_that_changes_nothing_notices_that_it_cannot_sign_in
);
