//! Two concurrent callers on two nodes of one database: every operation that changes something,
//! against itself and against others, checked by invariants of the final state. The list is
//! compared with the routes of a node, so that no operation is missing. Pairs that depend on each
//! other meet in every run.

mod access_key;
mod acknowledged;
mod alone;
mod invariant;
pub(crate) mod operations;
mod overlap;
mod pair;
mod premise;
mod public_name;
mod root;
pub(crate) mod subject;
mod user;

use futures_util::future::join_all;
use serde_json::Value;

use self::acknowledged::Call;
use self::operations::{Request, request};
pub(super) use self::overlap::GIVEN_UP;
use self::pair::Pair;
use self::subject::Subject;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server, command};
use crate::support::session;
use crate::support::variable;

/// Operations that are raced against all others.
const RIVALS: [&str; 5] = [
    "admin POST /apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/releases",
    "admin POST /apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/itemset",
    "admin DELETE /apps/{app_id}",
    "admin DELETE /apps/{app_id}/clusters/{cluster}/namespaces/{namespace}/branches/{branch}",
    "admin DELETE /apps/{app_id}/clusters/{cluster}/namespaces/{namespace}",
];
/// Operations of the portal that end or change what others of the portal give. Half of the
/// operations of the portal meet one of these instead.
const PORTAL_RIVALS: [&str; 6] = [
    "portal DELETE /openapi/v1/users/{userId}",
    "portal DELETE /openapi/v1/consumers/by-appId",
    "portal DELETE /openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}",
    "portal DELETE /openapi/v1/apps/{appId}",
    operations::SUPER_ADMINS,
    "portal DELETE /openapi/v1/apps/{appId}/roles/{roleType}",
];
/// Statuses that no race may cause.
const FAULTS: [&str; 2] = ["internal", "unavailable"];

/// Nodes on one pair of databases: two on a database server, one on SQLite.
struct Nodes {
    servers: Vec<Server>,
    token: String,
    /// The portal of each node, as a super administrator who signed in.
    roots: Vec<Http>,
    config: Database,
    portal: Database,
    fresh: Vec<Fresh>,
}

impl Nodes {
    async fn on(engine: Engine) -> Option<Self> {
        let fresh = vec![Fresh::on(engine).await?, Fresh::on(engine).await?];
        let [config, portal] = [&fresh[0], &fresh[1]].map(|fresh| fresh.database.clone());
        let options = options().flag("--config-db", &config.url).flag("--portal-db", &portal.url);
        let servers = vec![Server::start_with(options.clone()), Server::start_with(options)];
        let output = command(&["token", "create", "--name", "race", "--all-apps"])
            .args(["--portal-db", &portal.url, "--config-db", &config.url])
            .args(["--data-dir".as_ref(), servers[0].data_dir().as_os_str()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let token = String::from_utf8(output.stdout).unwrap();
        let token = token.split_whitespace().next_back().unwrap().to_owned();
        let roots = join_all(servers.iter().map(session::root)).await;
        Some(Self { servers, token, roots, config, portal, fresh })
    }

    async fn on_sqlite() -> Self {
        let server = Server::start_with(options());
        let token = server.token("race", &["--all-apps"]);
        let [config, portal] =
            ["config.db", "portal.db"].map(|name| Database::file(server.data_dir(), name));
        let roots = vec![session::root(&server).await];
        Self { servers: vec![server], token, roots, config, portal, fresh: Vec::new() }
    }

    fn admin(&self, node: usize) -> Http {
        Http::new(&self.servers[node % self.servers.len()].admin)
    }

    fn portal(&self, node: usize) -> Http {
        let server = &self.servers[node % self.servers.len()];
        Http::new(&server.portal).with("Authorization", &self.token)
    }

    async fn send(&self, node: usize, request: Request) -> Answer {
        let root = &self.roots[node % self.roots.len()];
        if root::is_needed(&request) {
            let answer = root::send(root, request).await;
            // A refused caller races nothing.
            assert!(!matches!(answer.status, 401 | 403), "{answer:?}");
            return answer;
        }
        let http = if request.is_portal { self.portal(node) } else { self.admin(node) };
        http.send(request.method, &request.path, request.body).await
    }

    async fn end(self) {
        drop(self.servers);
        for fresh in self.fresh {
            fresh.remove().await;
        }
    }
}

fn options() -> Options {
    Options::new()
        .flag("--advertise", "http://127.0.0.1")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// How often every operation is raced: once, or `CASTALIA_TEST_RACE_ROUNDS` times.
fn rounds() -> usize {
    variable("CASTALIA_TEST_RACE_ROUNDS").map_or(1, |text| text.parse().unwrap())
}

/// Races every operation of the list.
async fn race(nodes: Nodes) {
    let operations = operations::all();
    let count = rounds() * operations.len();
    let mut accepted = 0;
    for number in 0..count {
        let operation = operations[number % operations.len()];
        let rival = rival(operation, number + number / operations.len());
        let is_accepted = round(&nodes, number, Pair { operation, rival, rows: None }).await;
        accepted += usize::from(is_accepted == Some(true));
    }
    // A rival may end what a single operation needs.
    assert!(accepted * 2 > count, "{accepted} of {count} operations were accepted");
    nodes.end().await;
}

/// The rival of an operation in a round; every round has another one.
fn rival(operation: &str, round: usize) -> &'static str {
    if operation.starts_with("portal") && round % 2 == 1 {
        return PORTAL_RIVALS[round / 2 % PORTAL_RIVALS.len()];
    }
    RIVALS[round % RIVALS.len()]
}

/// Returns whether a caller of the operation was accepted; `None` if the callers have not met, and
/// nothing was checked.
async fn round(
    nodes: &Nodes,
    number: usize,
    Pair { operation, rival, rows }: Pair,
) -> Option<bool> {
    let portal = nodes.portal(0);
    let is_portal = operation.starts_with("portal");
    let mut subject = Subject::create(number, &nodes.admin(0), is_portal.then_some(&portal)).await;
    for arranged in [operation, rival] {
        premise::arrange(nodes, arranged, &mut subject).await;
    }
    let what = format!("{operation} beside {rival}");
    let requests = [(0, operation, "a"), (1, operation, "b"), (0, rival, "c"), (1, rival, "d")];
    let calls =
        requests.map(|(node, operation, who)| nodes.send(node, request(operation, &subject, who)));
    let answers = match rows {
        Some(rows) => overlap::meet(nodes, &subject, rows, calls).await?,
        None => join_all(calls).await,
    };
    let calls = requests.iter().zip(&answers);
    let calls = calls.map(|((_, operation, who), answer)| Call { operation, who, answer });
    check(nodes, &subject, &calls.collect::<Vec<_>>(), &what).await;
    Some(answers.iter().take(2).any(is_accepted))
}

/// Checks the answers, and what the callers have left.
async fn check(nodes: &Nodes, subject: &Subject, calls: &[Call<'_>], what: &str) {
    let (operations, answers): (Vec<_>, Vec<_>) =
        calls.iter().map(|call| (call.operation, call.answer)).unzip();
    for answer in &answers {
        let is_fault = answer.status >= 500 && FAULTS.contains(&code(answer).as_str());
        assert!(!is_fault, "{what}: {answer:?}");
    }
    // Callers that are all refused race nothing, and whatever refuses one of them is made by
    // another one.
    assert!(answers.iter().any(|answer| is_accepted(answer)), "{what}: {answers:?}");
    acknowledged::check_releases(&nodes.config, calls, what).await;
    acknowledged::check_items(&nodes.config, &subject.app_id, calls, what).await;
    let is_portal = operations.iter().any(|operation| operation.starts_with("portal"));
    for app_id in [subject.app_id.clone(), format!("{}-new", subject.app_id)] {
        invariant::check(&nodes.config, &app_id, what).await;
        if is_portal {
            let databases = [&nodes.config, &nodes.portal];
            invariant::check_roles(&nodes.portal, &app_id, what).await;
            invariant::check_cluster_roles(databases, &app_id, &operations, what).await;
        }
    }
    if is_portal {
        invariant::check_portal(&nodes.portal, what).await;
        invariant::check_settings(&nodes.config, what).await;
    }
    is_served(nodes, subject, what).await;
}

fn is_accepted(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 201)
}

fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// All nodes serve the newest active release of the database; returns whether there is one.
async fn serves_newest(nodes: &Nodes, subject: &Subject, what: &str) -> bool {
    let sql = format!(
        r#"SELECT "ReleaseKey" FROM "Release" WHERE "AppId" = '{}' AND "ClusterName" = 'default'
           AND "NamespaceName" = 'application' AND NOT "IsDeleted" AND NOT "IsAbandoned" ORDER BY "Id" DESC LIMIT 1"#,
        subject.app_id
    );
    let rows = nodes.config.rows(&sql).await;
    let expected = rows.first().map(|row| row["ReleaseKey"].as_str().unwrap().to_owned());
    for server in &nodes.servers {
        let http = Http::new(&server.config);
        let path = format!("/configs/{}/default/application", subject.app_id);
        eventually(what, async || {
            let answer = http.get(&path).await;
            let served = (answer.status == 200).then(|| answer.json()["releaseKey"].clone());
            let served = served.map(|key| key.as_str().unwrap().to_owned());
            (served == expected && matches!(answer.status, 200 | 404)).then_some(())
        })
        .await;
    }
    expected.is_some()
}

/// All nodes serve what was acknowledged last, and, after one more publish, the items as all nodes
/// return them.
async fn is_served(nodes: &Nodes, subject: &Subject, what: &str) {
    serves_newest(nodes, subject, what).await;
    let last = nodes.send(1, request(RIVALS[0], subject, "z")).await;
    assert!(matches!(last.status, 200 | 404), "{what}: {last:?}");
    let is_published = serves_newest(nodes, subject, what).await;
    assert_eq!(last.status == 200, is_published, "{what}: {last:?}");
    if !is_published {
        return;
    }
    let path = format!("/apps/{}/clusters/default/namespaces/application/items", subject.app_id);
    let items = nodes.admin(0).get(&path).await.ok().json();
    let served: serde_json::Map<_, _> =
        serde_json::from_str(last.json()["configurations"].as_str().unwrap()).unwrap();
    for item in items.as_array().unwrap().iter().filter(|item| item["key"] != "") {
        assert_eq!(served[item["key"].as_str().unwrap()], item["value"], "{what}: {last:?}");
    }
}

#[tokio::test]
async fn two_callers_on_two_nodes_of_mysql_leave_what_one_after_the_other_could() {
    let Some(nodes) = Nodes::on(Engine::MySql).await else { return };
    race(nodes).await;
}

#[tokio::test]
async fn two_callers_on_two_nodes_of_postgres_leave_what_one_after_the_other_could() {
    let Some(nodes) = Nodes::on(Engine::Postgres).await else { return };
    race(nodes).await;
}

#[tokio::test]
async fn two_callers_on_sqlite_leave_what_one_after_the_other_could() {
    race(Nodes::on_sqlite().await).await;
}
