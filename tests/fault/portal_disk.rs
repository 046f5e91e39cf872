//! REL-16 for the portal on SQLite: the disk of `portal.db` is full or fails, or the file is
//! deleted or replaced while it is open. Nothing acknowledged is lost, what is refused is not made,
//! and clients notice nothing.

use super::disk::Disk;
use super::locked_portal::{change, create_app, edit, publish, serves, stored};
use crate::support::database::Database;
use crate::support::eventually::eventually;
use crate::support::health::is_well;
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, Server};
use crate::support::session;

/// The portal with the session of the administrator, and a client.
struct Users {
    portal: Http,
    config: Http,
}

impl Users {
    async fn of(server: &Server) -> Self {
        Self { portal: session::root(server).await, config: Http::new(&server.config) }
    }

    async fn health_becomes(&self, status: u16) {
        eventually(&format!("/health of the portal to be {status}"), async || {
            (self.portal.get("/health").await.status == status).then_some(())
        })
        .await;
    }

    /// Changes, also those of rights, are refused, and clients are served.
    async fn are_refused(&self, what: &str, served: &str) {
        let role = "/openapi/v1/apps/demo/roles/Master?userId=apollo&operator=apollo";
        for answer in [
            edit(&self.portal, "refused").await,
            publish(&self.portal).await,
            self.portal.post(role, serde_json::json!({})).await,
        ] {
            is_unavailable(&answer, what);
        }
        serves(&self.config, served).await;
        self.config.get("/health/ready").await.ok();
        // The portal has the environment of this process, whose database is well.
        is_well(&self.config).await;
    }
}

fn is_unavailable(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{what}: {answer:?}");
}

/// The number of edits that are recorded.
async fn edits(database: &Database) -> usize {
    let sql = r#"SELECT "Id" FROM "AuditLog" WHERE "OpName" = 'Item.update'"#;
    database.rows(sql).await.len()
}

/// The fault ends, occurs again, and ends with a restart.
async fn a_fault_of_the_portals_disk_loses_nothing(fault: &str) {
    let disk = Disk::new();
    let file = disk.data().join("portal.db");
    let mut server = disk.start_with(Options::new(), &file);
    let database = Database::file(&disk.data(), "portal.db");
    let users = Users::of(&server).await;
    create_app(&users.portal).await;
    change(&users.portal, &users.config, "0").await;
    for round in 1..=2 {
        let value = stored(&users.portal).await;
        disk.set(fault);
        // The record of this one cannot be stored: its answer says that it was made.
        let first = edit(&users.portal, &value).await;
        is_unavailable(&first, "the first change");
        users.health_becomes(503).await;
        users.are_refused(fault, &value).await;
        assert_eq!(stored(&users.portal).await, value, "a refused edit was made");
        disk.set("");
        // Without a change: the node detects it by itself.
        users.health_becomes(200).await;
        let recorded = edits(&database).await;
        change(&users.portal, &users.config, &round.to_string()).await;
        assert_eq!(edits(&database).await, recorded + 1);
    }
    let recorded = edits(&database).await;
    disk.set(fault);
    is_unavailable(&edit(&users.portal, "2").await, "the first change");
    server.kill();
    disk.set("");
    let server = disk.start_with(Options::new(), &file);
    // The edit was made, and its record may have been written without a sync.
    let kept = edits(&database).await;
    assert!(kept == recorded || kept == recorded + 1, "{kept} records, {recorded} before");
    let users = Users { config: Http::new(&server.config), ..Users::of(&server).await };
    is_well(&Http::new(&server.portal)).await;
    change(&users.portal, &users.config, "3").await;
}

#[tokio::test]
async fn a_full_disk_of_the_portal_loses_nothing() {
    a_fault_of_the_portals_disk_loses_nothing("enospc").await;
}

#[tokio::test]
async fn a_disk_of_the_portal_that_fails_to_write_loses_nothing() {
    a_fault_of_the_portals_disk_loses_nothing("eio").await;
}

#[tokio::test]
async fn a_disk_of_the_portal_that_fails_to_sync_loses_nothing() {
    a_fault_of_the_portals_disk_loses_nothing("eio-sync").await;
}

/// Neither a deleted file nor another one at its place takes changes.
#[tokio::test]
async fn a_portal_file_that_is_deleted_or_replaced_while_open_takes_no_changes() {
    for is_replaced in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        let mut server = Server::start_in(data, Options::new());
        let users = Users::of(&server).await;
        create_app(&users.portal).await;
        change(&users.portal, &users.config, "1").await;
        let (file, moved) = (data.join("portal.db"), data.join("moved"));
        std::fs::rename(&file, &moved).unwrap();
        if is_replaced {
            std::fs::copy(&moved, &file).unwrap();
        }
        users.health_becomes(503).await;
        assert_eq!(users.portal.get("/health/ready").await.status, 503);
        users.are_refused(if is_replaced { "replaced" } else { "deleted" }, "1").await;
        if is_replaced {
            assert!(server.terminate().success());
            std::fs::rename(&moved, &file).unwrap();
            server = Server::start_in(data, Options::new());
        } else {
            std::fs::rename(&moved, &file).unwrap();
        }
        let users = Users::of(&server).await;
        users.health_becomes(200).await;
        assert_eq!(stored(&users.portal).await, "1");
        change(&users.portal, &users.config, "2").await;
    }
}
