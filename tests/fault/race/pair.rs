//! Pairs of operations that are raced in every run, because each of them changes what the other one
//! reads: in one run over the whole list, an operation has a single rival.

use super::overlap::{Rows, TRIES};
use super::{Nodes, round, rounds};
use crate::support::database::Engine;

/// Two operations, each of which is sent to both nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) operation: &'static str,
    pub(super) rival: &'static str,
    /// Rows that are held until all callers wait for them, if the callers have to meet.
    pub(super) rows: Option<Rows>,
}

/// An operation on a namespace, at the admin port.
macro_rules! admin {
    ($method:literal $rest:literal) => {
        concat!(
            "admin ",
            $method,
            " /apps/{app_id}/clusters/{cluster}/namespaces/{namespace}",
            $rest
        )
    };
}

/// The same at the port of the portal.
macro_rules! portal {
    ($method:literal $rest:literal) => {
        concat!(
            "portal ",
            $method,
            " /openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}/namespaces/{namespaceName}",
            $rest
        )
    };
}

const DELETE_USER: &str = "portal DELETE /openapi/v1/users/{userId}";
const DELETE_CONSUMER: &str = "portal DELETE /openapi/v1/consumers/by-appId";
const REVOKE_TOKEN: &str = "portal POST /openapi/v1/user-tokens/admin/{tokenId}/revoke";
const DELETE_CLUSTER: &str =
    "portal DELETE /openapi/v1/envs/{env}/apps/{appId}/clusters/{clusterName}";
const GRANT_IN_CLUSTER: &str =
    "portal POST /openapi/v1/apps/{appId}/envs/{env}/clusters/{clusterName}/roles/{roleType}";

const PAIRS: [Pair; 13] = [
    // The same key.
    on(Rows::Namespaces, admin!("POST" "/items"), admin!("POST" "/itemset")),
    on(Rows::Namespaces, portal!("POST" "/items"), admin!("POST" "/itemset")),
    on(Rows::Namespaces, admin!("POST" "/items"), admin!("POST" "/items")),
    // What is published is deleted.
    on(Rows::Namespaces, admin!("POST" "/releases"), admin!("DELETE" "")),
    on(
        Rows::Namespaces,
        portal!("POST" "/branches/{branchName}/releases"),
        admin!("DELETE" "/branches/{branch}"),
    ),
    on(
        Rows::Namespaces,
        admin!("POST" "/gray-del-releases"),
        admin!("DELETE" "/branches/{branch}"),
    ),
    // Of which a namespace or a branch has one.
    on(Rows::Namespaces, admin!("POST" "/branches"), admin!("POST" "/branches")),
    on(
        Rows::Namespaces,
        admin!("PUT" "/branches/{branch}/rules"),
        admin!("PUT" "/branches/{branch}/rules"),
    ),
    // The access of a user ends twice.
    on(Rows::User, DELETE_USER, "portal PUT /openapi/v1/users/enabled"),
    on(Rows::Token, REVOKE_TOKEN, DELETE_USER),
    // A consumer ends while it is given a role or a token.
    on(Rows::Consumer, "portal POST /openapi/v1/consumers/{token}/assign-role", DELETE_CONSUMER),
    on(Rows::Consumer, "portal POST /openapi/v1/consumer-tokens/by-appId/rotate", DELETE_CONSUMER),
    // A cluster ends while a role on it is granted.
    on(Rows::App, GRANT_IN_CLUSTER, DELETE_CLUSTER),
];

const fn on(rows: Rows, operation: &'static str, rival: &'static str) -> Pair {
    Pair { operation, rival, rows: Some(rows) }
}

async fn race_pairs(nodes: Nodes) {
    for (number, pair) in (0..rounds()).flat_map(|_| PAIRS).enumerate() {
        let mut tries = (0..TRIES).map(|at| number * TRIES + at);
        loop {
            let number = tries.next().unwrap_or_else(|| panic!("the callers never met: {pair:?}"));
            if round(&nodes, number, pair).await.is_some() {
                break;
            }
        }
    }
    nodes.end().await;
}

#[tokio::test]
async fn callers_that_meet_on_mysql_leave_what_one_after_the_other_could() {
    let Some(nodes) = Nodes::on(Engine::MySql).await else { return };
    race_pairs(nodes).await;
}

#[tokio::test]
async fn callers_that_meet_on_postgres_leave_what_one_after_the_other_could() {
    let Some(nodes) = Nodes::on(Engine::Postgres).await else { return };
    race_pairs(nodes).await;
}

#[tokio::test]
async fn pairs_on_sqlite_leave_what_one_after_the_other_could() {
    race_pairs(Nodes::on_sqlite().await).await;
}
