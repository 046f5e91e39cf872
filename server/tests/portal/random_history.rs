//! SEC-31: after a random sequence of operations, the audit logs contain each of them once, in
//! their order, and nothing else. `CASTALIA_TEST_AUDIT_OPERATIONS` is their number,
//! `CASTALIA_TEST_AUDIT_SEED` repeats a sequence.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use castalia_server::domain::audit_log::Log;
use castalia_server::domain::audit_log::retention::SHORTEST;
use castalia_server::domain::audit_log::seal::Sealer;
use castalia_server::domain::audit_log::verify::verify;
use castalia_server::environment::Address;
use castalia_store::Id;
use castalia_store::entity::{audit, cluster, item, namespace, release, release_history};
use http::Method;
use sea_orm::EntityTrait as _;
use serde_json::{Value, json};

use super::audit::{A, records};
use super::environment_seal::{insert, remove, rows};
use super::world::{self, Answer, Caller, NS, PASSWORD, World, app};

/// Operations of one run; a debug build on a busy machine performs them in ten
/// seconds.
const OPERATIONS: u64 = 800;
/// Keys of the namespace, few enough that an operation often meets an existing one.
const KEYS: u64 = 20;

/// What a record of the portal must say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    kind: &'static str,
    name: &'static str,
    operator: &'static str,
    /// Address and request, the end of the description.
    request: String,
}

struct Run<'w> {
    world: &'w World,
    random: fastrand::Rng,
    owner: Caller<'w>,
    stranger: Caller<'w>,
    history: Vec<Done>,
    /// Rows of `Audit` about items, by operation and operator.
    items: BTreeMap<(&'static str, &'static str), usize>,
    present: BTreeSet<String>,
    releases: Vec<Value>,
    branch: Option<String>,
    value: u64,
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
pub(super) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[tokio::test]
async fn the_logs_of_a_random_run_are_its_history() {
    let operations = number("CASTALIA_TEST_AUDIT_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = number("CASTALIA_TEST_AUDIT_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("CASTALIA_TEST_AUDIT_SEED={seed} CASTALIA_TEST_AUDIT_OPERATIONS={operations}");
    let world = World::adopted().await;
    world.add_user("u3", &format!("{{noop}}{PASSWORD}")).await;
    let (owner, stranger) = (world.user("u1").await, world.user("u2").await);
    owner.post("/openapi/v1/apps", app("demo", "u1")).await.empty();
    let before = records(&world.store).await.len();
    let random = fastrand::Rng::with_seed(seed);
    let mut run = Run {
        world: &world,
        random,
        owner,
        stranger,
        history: Vec::new(),
        items: BTreeMap::new(),
        present: BTreeSet::new(),
        releases: Vec::new(),
        branch: None,
        value: 0,
    };
    for _ in 0..operations {
        run.step().await;
    }
    let Run { history, items, mut random, .. } = run;
    assert!(history.len() as u64 > operations / 2, "most operations leave a record");
    compare_portal(&world, before, &history).await;
    compare_environment(&world, &items).await;
    seals_cover_everything(&world, &mut random).await;
}

impl Run<'_> {
    async fn step(&mut self) {
        self.value += 1;
        let key = format!("k{}", self.random.u64(..KEYS));
        match self.random.u8(..100) {
            0..30 => self.set(&key).await,
            30..40 => self.create(&key).await,
            40..50 => self.delete(&key).await,
            50..62 => self.publish().await,
            62..68 => self.roll_back().await,
            68..76 => self.gray().await,
            76..82 => self.grant().await,
            82..88 => self.refused(&key).await,
            88..91 => self.read().await,
            91..94 => self.sign_in().await,
            _ => self.set_directly(&key).await,
        }
    }

    /// Sends a request of the owner, and notes it if it is done.
    async fn done(
        &mut self,
        (kind, name): (&'static str, &'static str),
        (method, path): (Method, &str),
        body: Value,
    ) -> Answer {
        let answer = send(&self.owner, &method, path, &body).await;
        if answer.status == 200 {
            let request = request(&method, path);
            self.history.push(Done { kind, name, operator: "u1", request });
        }
        answer
    }

    fn count(&mut self, operation: &'static str, operator: &'static str) {
        *self.items.entry((operation, operator)).or_default() += 1;
    }

    /// Sets a key, or creates it.
    async fn set(&mut self, key: &str) {
        let path = format!("{NS}/items/{key}?createIfNotExists=true");
        let body = world::item(key, &self.value.to_string());
        let answer = self.done(("UPDATE", "Item.update"), (Method::PUT, &path), body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_new = self.present.insert(key.to_owned());
        self.count(if is_new { "INSERT" } else { "UPDATE" }, "u1");
    }

    async fn create(&mut self, key: &str) {
        let (path, body) = (format!("{NS}/items"), world::item(key, &self.value.to_string()));
        let answer = self.done(("CREATE", "Item.create"), (Method::POST, &path), body).await;
        let is_new = self.present.insert(key.to_owned());
        assert_eq!(answer.status == 200, is_new, "{answer:?}");
        if is_new {
            self.count("INSERT", "u1");
        }
    }

    async fn delete(&mut self, key: &str) {
        let path = format!("{NS}/items/{key}");
        let answer =
            self.done(("DELETE", "Item.delete"), (Method::DELETE, &path), Value::Null).await;
        let was_present = self.present.remove(key);
        assert_eq!(answer.status == 200, was_present, "{answer:?}");
        if was_present {
            self.count("DELETE", "u1");
        }
    }

    async fn publish(&mut self) {
        let (path, body) = (format!("{NS}/releases"), json!({ "releaseTitle": "r" }));
        let answer = self.done(("CREATE", "Release.create"), (Method::POST, &path), body).await;
        self.releases.push(answer.ok()["id"].clone());
    }

    async fn roll_back(&mut self) {
        let Some(newest) = self.releases.last() else { return };
        let path = format!("/openapi/v1/envs/LOCAL/releases/{newest}/rollback");
        let name = ("UPDATE", "Release.rollback");
        let answer = self.done(name, (Method::PUT, &path), Value::Null).await;
        if answer.status == 200 {
            self.releases.pop();
        }
    }

    /// The next step of a gray release.
    async fn gray(&mut self) {
        let branches = format!("{NS}/branches");
        let Some(branch) = &self.branch else {
            let name = ("CREATE", "NamespaceBranch.create");
            let answer = self.done(name, (Method::POST, &branches), Value::Null).await;
            if answer.status == 200 {
                self.branch = answer.json()["clusterName"].as_str().map(str::to_owned);
            }
            return;
        };
        let branch = format!("{branches}/{branch}");
        let publish = format!("{branch}/releases");
        let rules = format!("{branch}/rules");
        let (name, request, body) = match self.random.u8(..3) {
            0 => {
                let client = json!({ "clientAppId": "demo", "clientIpList": ["10.0.0.1"] });
                let name = ("UPDATE", "NamespaceBranch.updateBranchRules");
                (name, (Method::PUT, rules.as_str()), json!({ "ruleItems": [client] }))
            }
            1 => {
                let name = ("CREATE", "Release.createGray");
                (name, (Method::POST, publish.as_str()), json!({ "releaseTitle": "g" }))
            }
            _ => {
                self.branch = None;
                let name = ("DELETE", "NamespaceBranch.delete");
                (name, (Method::DELETE, branch.as_str()), Value::Null)
            }
        };
        let answer = self.done(name, request, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    async fn grant(&mut self) {
        let path = format!("{A}/namespaces/application/roles/ModifyNamespace?userId=u3");
        let (name, method) = match self.random.bool() {
            true => (("CREATE", "Auth.assignNamespaceRoleToUser"), Method::POST),
            false => (("DELETE", "Auth.removeNamespaceRoleFromUser"), Method::DELETE),
        };
        self.done(name, (method, &path), Value::Null).await;
    }

    /// A call of a user who may not make it.
    async fn refused(&mut self, key: &str) {
        let (method, path, body) = match self.random.u8(..4) {
            0 => (Method::PUT, format!("{NS}/items/{key}"), world::item(key, "v")),
            1 => (Method::POST, format!("{NS}/releases"), json!({ "releaseTitle": "r" })),
            2 => (Method::DELETE, A.to_owned(), Value::Null),
            _ => (Method::POST, format!("{A}/roles/Master?userId=u2"), Value::Null),
        };
        let answer = send(&self.stranger, &method, &path, &body).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        let request = request(&method, &path);
        self.history.push(Done { kind: "RPC", name: "Auth.refused", operator: "u2", request });
    }

    /// Reads of secrets are recorded, others are not.
    async fn read(&mut self) {
        let keys = "/openapi/v1/apps/demo/envs/LOCAL/accesskeys";
        self.done(("RPC", "AccessKey.read"), (Method::GET, keys), Value::Null).await.ok();
        self.owner.get(&format!("{NS}/items")).await.ok();
    }

    async fn sign_in(&mut self) {
        self.world.nobody().sign_in("u3", PASSWORD).await.cookie().unwrap();
        let request = "from 127.0.0.1".to_owned();
        let (kind, name, operator) = ("CREATE", "Auth.signIn", "u3");
        self.history.push(Done { kind, name, operator, request });
    }

    /// Another service creates an item with the admin API, without a trace.
    async fn set_directly(&mut self, key: &str) {
        if !self.present.insert(key.to_owned()) {
            return;
        }
        let items = ["apps", "demo", "clusters", "default", "namespaces", "application", "items"];
        let body = json!({
            "key": key, "value": self.value.to_string(), "dataChangeCreatedBy": "java",
            "dataChangeLastModifiedBy": "java",
        });
        let environment = self.world.environments.find("LOCAL").unwrap();
        environment.post(Address::new(items), &body).await.unwrap();
        self.count("INSERT", "java");
    }
}

async fn send(caller: &Caller<'_>, method: &Method, path: &str, body: &Value) -> Answer {
    match (method, body) {
        (&Method::GET, _) => caller.get(path).await,
        (method, body) => {
            caller.send(method.clone(), path, "application/json", body.to_string()).await
        }
    }
}

fn request(method: &Method, path: &str) -> String {
    format!("127.0.0.1 {method} {}", path.split('?').next().unwrap())
}

async fn compare_portal(world: &World, before: usize, history: &[Done]) {
    let stored = records(&world.store).await.split_off(before);
    for (index, (record, done)) in stored.iter().zip(history).enumerate() {
        let said = record.description.clone().unwrap();
        assert_eq!(
            (record.op_type.as_str(), record.op_name.as_str(), record.operator.as_str()),
            (done.kind, done.name, done.operator),
            "operation {index}: {record:?} {done:?}"
        );
        assert!(said.ends_with(&done.request), "operation {index}: {said} {done:?}");
    }
    assert_eq!(stored.len(), history.len());
}

/// Each stored row of a table was inserted once, as `Audit` says, and what it says about items is
/// what was done to them.
async fn compare_environment(world: &World, items: &BTreeMap<(&str, &str), usize>) {
    let db = world.environment_store.read();
    let audits = rows(&world.environment_store).await;
    let inserted = |table: &str| -> Vec<Id> {
        let of_table = audits.iter().filter(|row| row.entity_name == table);
        let inserts = of_table.filter(|row| row.op_name == "INSERT");
        inserts.map(|row| row.entity_id.unwrap()).collect()
    };
    let mut stored: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    macro_rules! store {
        ($($table:literal: $entity:ident),*) => { $(
            let all = $entity::Entity::find().all(db).await.unwrap();
            stored.insert($table, all.into_iter().map(|row| row.id).collect());
        )* };
    }
    store!("Item": item, "Release": release, "ReleaseHistory": release_history);
    store!("Namespace": namespace, "Cluster": cluster);
    for (table, mut ids) in stored {
        let mut said = inserted(table);
        ids.sort_unstable();
        said.sort_unstable();
        assert_eq!(said, ids, "{table}");
    }
    let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in audits.iter().filter(|row: &&audit::Model| row.entity_name == "Item") {
        let key = (row.op_name.as_str(), row.data_change_created_by.as_str());
        *found.entry(key).or_default() += 1;
    }
    assert_eq!(&found, items);
}

/// Both logs are sealed, and the removal of any row is named.
async fn seals_cover_everything(world: &World, random: &mut fastrand::Rng) {
    let environment = Log::of_environment(&world.environment_store);
    for log in [Log::of_portal(&world.store), environment.clone()] {
        Sealer::new(log.clone(), Some(Duration::ZERO)).step().await.unwrap();
        let report = verify(&log, None, SHORTEST).await.unwrap();
        assert_eq!((report.fault, report.unsealed), (None, 0));
    }
    let all = rows(&world.environment_store).await;
    let row = all[random.usize(..all.len())].clone();
    remove(&world.environment_store, row.id).await;
    let named = verify(&environment, None, SHORTEST).await.unwrap().fault.unwrap();
    assert!(named.starts_with(&format!("Audit {} was removed", row.id)), "{named}");
    insert(&world.environment_store, row).await;
}
