//! REL-64: a node is killed in the middle of an import, once while it creates definitions and once
//! while it brings items. What it did stays, each namespace with all of its items or as it was
//! before; clients receive what they received before, and the same archive completes the rest.

use serde_json::{Value, json};

use super::feed_node::{Kind, on_each_kind};
use super::import_archive::{Content, IMPORTED, LAST, NAMESPACES, archive, content};
use super::import_shutdown::{EXPORT, send};
use super::locked_portal::{accepted, change, create_app, publish, serves};
use crate::support::database::{Database, Engine, Fresh};
use crate::support::eventually::{Patience, eventually};
use crate::support::health::ports_are_ready;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

const IMPORT: &str = "/openapi/v1/configs/import?envs=DEV&conflictAction=cover";
const APPLICATION: &str = "apollo/demo/DEV/demo+default+application.properties";
/// Definitions, and then namespaces with items, that the node has imported when it is killed.
const BEGUN: usize = 3;
/// The machine may stop until a phase is over, but not in each of so many tries.
const TRIES: usize = 5;

/// A phase of an import, by the rows that it inserts for each namespace of the archive.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Definitions,
    Items,
}

/// The databases of a node that is killed, config and portal.
struct Target {
    directory: tempfile::TempDir,
    servers: Option<[Fresh; 2]>,
}

impl Target {
    async fn create(kind: Kind) -> Option<Self> {
        let engine = match kind {
            Kind::Sqlite => None,
            Kind::MySql => Some(Engine::MySql),
            Kind::Postgres => Some(Engine::Postgres),
        };
        let servers = match engine {
            Some(engine) => Some([Fresh::on(engine).await?, Fresh::on(engine).await?]),
            None => None,
        };
        Some(Self { directory: tempfile::tempdir().unwrap(), servers })
    }

    fn databases(&self) -> [Database; 2] {
        match &self.servers {
            Some(servers) => servers.each_ref().map(|fresh| fresh.database.clone()),
            None => {
                let directory = self.directory.path();
                ["config.db", "portal.db"].map(|name| Database::file(directory, name))
            }
        }
    }

    async fn start(&self) -> Node {
        let options =
            Options::new().variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let urls = self.servers.iter().flatten().map(|fresh| fresh.database.url.as_str());
        let flags = ["--config-db", "--portal-db"].into_iter().zip(urls);
        let options = flags.fold(options, |options, (name, url)| options.flag(name, url));
        let server = Server::start_in(self.directory.path(), options);
        let root = session::root(&server).await;
        let config = Http::new(&server.config);
        Node { server, root, config }
    }

    /// The names of the definitions of the app, in each database.
    async fn definitions(&self) -> [Vec<Value>; 2] {
        let [config, portal] = self.databases();
        let sql = r#"SELECT "Name" FROM "AppNamespace"
            WHERE NOT "IsDeleted" AND "AppId" = 'demo' ORDER BY "Name""#;
        [config.rows(sql).await, portal.rows(sql).await]
    }

    /// The number of namespaces for which the import has done what a phase does.
    async fn done(&self, phase: Phase) -> usize {
        let [config, portal] = self.databases();
        let (database, sql) = match phase {
            Phase::Definitions => {
                (portal, r#"SELECT "Id" FROM "AppNamespace" WHERE "Name" LIKE 'n%'"#.to_owned())
            }
            Phase::Items => (config, format!(r#"SELECT "Id" FROM "Item" WHERE "Key" = '{LAST}'"#)),
        };
        database.rows(&sql).await.len()
    }

    async fn releases(&self) -> Vec<Value> {
        let [config, _] = self.databases();
        config.rows(r#"SELECT "Id" FROM "Release" ORDER BY "Id""#).await
    }

    async fn remove(self) {
        for fresh in self.servers.into_iter().flatten() {
            fresh.remove().await;
        }
    }
}

/// A running node with all roles.
struct Node {
    server: Server,
    /// With the session of the administrator.
    root: Http,
    config: Http,
}

impl Node {
    async fn served(&self) -> Value {
        self.config.get("/configs/demo/default/application").await.ok().json()
    }

    async fn exported(&self) -> Content {
        content(&self.root.download(EXPORT).await)
    }

    async fn import(&self, archive: &[u8]) -> Answer {
        Patience::new().send(|| self.root.upload(IMPORT, "a.zip", archive)).await
    }

    /// Kills the node in a phase of an import; returns false if the phase was over.
    async fn die_in(mut self, phase: Phase, target: &Target, archive: &[u8]) -> bool {
        let _caller = send(&self.root, IMPORT, archive).await;
        eventually(&format!("{phase:?} to be imported"), async || {
            (target.done(phase).await >= BEGUN).then_some(())
        })
        .await;
        self.server.kill();
        target.done(phase).await < NAMESPACES
    }
}

/// What there was before an import.
struct Before {
    served: Value,
    releases: Vec<Value>,
    content: Content,
}

impl Before {
    /// After a kill, no namespace is imported in part, nothing is published, everything works, and
    /// the environment receives what the portal has.
    async fn stays_apart_from_whole_namespaces(
        &self,
        node: &Node,
        target: &Target,
        imported: &Content,
    ) {
        ports_are_ready(&node.server).await;
        assert_eq!(node.served().await, self.served);
        assert_eq!(node.config.get("/configs/demo/default/n0").await.status, 404);
        assert_eq!(target.releases().await, self.releases);
        for (path, items) in node.exported().await {
            let is_as_before = self.content.get(&path).unwrap_or(&json!([])) == &items;
            assert!(is_as_before || imported.get(&path) == Some(&items), "{path}: {items}");
            assert!(imported.contains_key(&path), "{path} is not in the archive");
        }
        eventually("the environment to have the definitions of the portal", async || {
            let [config, portal] = target.definitions().await;
            (config == portal).then_some(())
        })
        .await;
        Http::new(&node.server.admin).get("/apps/demo/clusters").await.ok();
    }
}

/// Kills a node twice during imports of the archive; returns whether each was in the middle.
async fn completed_after_two_kills(target: &Target, archive: &[u8]) -> bool {
    let imported = content(archive);
    let mut node = target.start().await;
    create_app(&node.root).await;
    change(&node.root, &node.config, "before").await;
    let before = Before {
        served: node.served().await,
        releases: target.releases().await,
        content: node.exported().await,
    };
    assert_ne!(before.content[APPLICATION], imported[APPLICATION]);
    let mut is_in_the_middle = true;
    for phase in [Phase::Definitions, Phase::Items] {
        is_in_the_middle &= node.die_in(phase, target, archive).await;
        node = target.start().await;
        before.stays_apart_from_whole_namespaces(&node, target, &imported).await;
    }
    node.import(archive).await.ok();
    assert_eq!(node.exported().await, imported);
    assert_eq!((node.served().await, target.releases().await), (before.served, before.releases));
    accepted(async || publish(&node.root).await).await;
    serves(&node.config, IMPORTED).await;
    is_in_the_middle
}

async fn a_killed_import_is_completed_by_the_same_archive(kind: Kind) {
    for _ in 0..TRIES {
        let Some(target) = Target::create(kind).await else { return };
        let is_in_the_middle = completed_after_two_kills(&target, archive().await).await;
        target.remove().await;
        if is_in_the_middle {
            return;
        }
    }
    panic!("in none of {TRIES} tries was the node killed in the middle of both phases");
}

on_each_kind!(a_killed_import_is_completed_by_the_same_archive);
