//! REL-02 and REL-16 on SQLite: the disk is full, fails, or loses what was not synced. No
//! acknowledged change is lost, no refused change appears later, and the node recovers by itself
//! when the disk does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tempfile::TempDir;

use super::ledger::Ledger;
use crate::support::app::App;
use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::server::{Options, Server};
use crate::support::session;

/// Longer than a start waited for a file that is locked.
const SLOW: Duration = Duration::from_secs(7);

/// The failing disk, compiled once.
static SHIM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fault/disk.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (directory, library)
});

fn options() -> Options {
    Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--compat-defaults", "adopted")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
}

/// A directory on a disk that fails on command.
pub(super) struct Disk {
    directory: TempDir,
}

impl Disk {
    pub(super) fn new() -> Self {
        let disk = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(disk.data()).unwrap();
        std::fs::create_dir(disk.synced()).unwrap();
        disk
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The contents of the disk after a power failure.
    fn synced(&self) -> PathBuf {
        self.directory.path().join("synced")
    }

    pub(super) fn set(&self, fault: &str) {
        let part = self.directory.path().join("control.part");
        std::fs::write(&part, fault).unwrap();
        std::fs::rename(part, self.directory.path().join("control")).unwrap();
    }

    fn start(&self) -> Server {
        let synced = self.synced();
        let options = options().variable("FAULT_SYNCED", synced.to_str().unwrap());
        self.start_with(options, &self.data())
    }

    /// Starts with options; only the files whose paths begin like this can fail.
    pub(super) fn start_with(&self, options: Options, watched: &Path) -> Server {
        let control = self.directory.path().join("control");
        let options = options
            .variable("LD_PRELOAD", SHIM.1.to_str().unwrap())
            .variable("FAULT_DIRECTORY", watched.to_str().unwrap())
            .variable("FAULT_CONTROL", control.to_str().unwrap());
        Server::start_in(&self.data(), options)
    }
}

/// X167: the second attempt to open the file finds it locked by the first one, which has given up.
#[tokio::test]
async fn a_node_starts_on_a_disk_that_stores_slowly() {
    let disk = Arc::new(Disk::new());
    disk.set("slow");
    let started = Arc::clone(&disk);
    let server = tokio::task::spawn_blocking(move || started.start());
    tokio::time::sleep(SLOW).await;
    disk.set("");
    let server = server.await.unwrap();
    Http::new(&server.config).get("/health").await.ok();
}

/// Faults occur and end; afterwards all acknowledged changes are present, also for other processes
/// and after a restart.
async fn a_fault_of_the_disk_loses_nothing(fault: &str) {
    let disk = Disk::new();
    let mut server = disk.start();
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let database = Database::file(&disk.data(), "config.db");
    let mut ledger = Ledger::create(&admin).await;
    for round in 0..3 {
        disk.set(fault);
        for attempt in 0..4 {
            let refused = ledger.publish(&admin, &format!("refused {round}.{attempt}")).await;
            assert_eq!(refused.status, 503, "{refused:?}");
        }
        eventually("/health to report the fault", async || {
            (config.get("/health").await.status == 503).then_some(())
        })
        .await;
        config.get("/configs/demo/default/application").await.ok();
        disk.set("");
        // Without a publish: the node detects it by itself.
        eventually("/health to report the recovery", async || {
            (config.get("/health").await.status == 200).then_some(())
        })
        .await;
        let accepted = ledger.publish(&admin, &format!("accepted {round}")).await;
        assert_eq!(accepted.status, 200, "the next request after the fault: {accepted:?}");
        ledger.verify(&database, &config).await;
    }
    // No transaction is left open: another process can write.
    database.run(&[r#"UPDATE "ServerConfig" SET "Comment" = 'written by another process'"#]).await;
    ledger.publish_again(&admin, "last").await;
    assert!(server.terminate().success());
    let server = disk.start();
    ledger.verify(&database, &Http::new(&server.config)).await;
}

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    a_fault_of_the_disk_loses_nothing("enospc").await;
}

#[tokio::test]
async fn a_disk_that_fails_to_write_loses_nothing() {
    a_fault_of_the_disk_loses_nothing("eio").await;
}

#[tokio::test]
async fn a_disk_that_fails_to_sync_loses_nothing() {
    a_fault_of_the_disk_loses_nothing("eio-sync").await;
}

/// The fault ends with a crash instead: refused changes do not appear when the log is recovered.
#[tokio::test]
async fn a_crash_during_a_fault_loses_nothing() {
    for fault in ["enospc", "eio"] {
        let disk = Disk::new();
        let mut server = disk.start();
        let admin = Http::new(&server.admin);
        let mut ledger = Ledger::create(&admin).await;
        disk.set(fault);
        for attempt in 0..3 {
            let refused = ledger.publish(&admin, &format!("refused {attempt}")).await;
            assert_eq!(refused.status, 503, "{refused:?}");
        }
        server.kill();
        disk.set("");
        let server = disk.start();
        let database = Database::file(&disk.data(), "config.db");
        ledger.verify(&database, &Http::new(&server.config)).await;
        ledger.publish_again(&Http::new(&server.admin), "after").await;
        ledger.verify(&database, &Http::new(&server.config)).await;
    }
}

/// Publishes, kills the server and restarts it on only the synced files.
async fn after_a_power_failure(disk: &Disk, publishes: usize) -> (Ledger, Server) {
    let mut server = disk.start();
    let admin = Http::new(&server.admin);
    let mut ledger = Ledger::create(&admin).await;
    for number in 0..publishes {
        ledger.publish(&admin, &number.to_string()).await.ok();
    }
    disk.set("");
    server.kill();
    (ledger, Server::start_in(&disk.synced(), options()))
}

/// The page cache is lost in a power failure; `kill -9` alone would keep it.
#[tokio::test]
async fn a_power_failure_loses_nothing_that_was_acknowledged() {
    for publishes in [0, 1, 40] {
        let disk = Disk::new();
        let (ledger, server) = after_a_power_failure(&disk, publishes).await;
        let database = Database::file(&disk.synced(), "config.db");
        ledger.verify(&database, &Http::new(&server.config)).await;
    }
}

/// Checks the test above: a disk that ignores syncs loses acknowledged changes, and the ledger
/// detects it.
#[tokio::test]
async fn a_disk_that_lies_about_syncs_is_found_out() {
    let disk = Disk::new();
    let mut server = disk.start();
    let admin = Http::new(&server.admin);
    let mut ledger = Ledger::create(&admin).await;
    disk.set("lying");
    ledger.publish(&admin, "lost").await.ok();
    server.kill();
    let server = Server::start_in(&disk.synced(), options());
    let database = Database::file(&disk.synced(), "config.db");
    let config = Http::new(&server.config);
    let verified = tokio::spawn(async move { ledger.verify(&database, &config).await }).await;
    assert!(verified.is_err(), "an unsynced publish survived a power failure");
}

/// A small file system of its own; needs root, which CI has.
struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs"])
            .arg(directory.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "run as root: this test mounts a small file system");
        Self { directory }
    }

    fn ballast(&self) -> PathBuf {
        self.directory.path().join("ballast")
    }

    /// Fills the remaining space, except for so many bytes.
    fn fill_except(&self, bytes: u64) {
        let reserve = self.directory.path().join("reserve");
        std::fs::write(&reserve, vec![0; bytes as usize]).unwrap();
        self.fill();
        std::fs::remove_file(reserve).unwrap();
    }

    /// Fills the remaining space.
    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        let mut size = 64 * 1024;
        while size > 0 {
            if file.write_all(&vec![0; size]).is_err() {
                size /= 2;
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}

/// A full file system instead of injected errors.
#[tokio::test]
async fn a_small_file_system_that_is_full_refuses_publishes_until_it_has_space() {
    let disk = SmallDisk::mount();
    let mut server = Server::start_in(disk.directory.path(), options());
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let database = Database::file(disk.directory.path(), "config.db");
    let mut ledger = Ledger::create(&admin).await;
    for round in 0..2 {
        disk.fill();
        // The remaining space of the write-ahead log may still accept some publishes.
        let mut refused = 0;
        for attempt in 0..2_000 {
            let answer = ledger.publish(&admin, &format!("{round}.{attempt}")).await;
            assert!(matches!(answer.status, 200 | 503), "{answer:?}");
            refused += usize::from(answer.status == 503);
            if refused == 5 {
                break;
            }
        }
        assert_eq!(refused, 5, "the disk became full");
        config.get("/configs/demo/default/application").await.ok();
        std::fs::remove_file(disk.ballast()).unwrap();
        ledger.publish_again(&admin, &format!("after {round}")).await;
        ledger.verify(&database, &config).await;
    }
    database.run(&[r#"UPDATE "ServerConfig" SET "Comment" = 'written by another process'"#]).await;
    assert!(server.terminate().success());
    let server = Server::start_in(disk.directory.path(), options());
    ledger.verify(&database, &Http::new(&server.config)).await;
}

/// What remains is enough for small changes, and not for the publish that was refused.
#[tokio::test]
async fn a_disk_that_is_too_full_for_a_publish_is_reported_until_it_has_space() {
    const FREE: u64 = 150 * 1024;
    let disk = SmallDisk::mount();
    let server = Server::start_in(disk.directory.path(), options());
    let (admin, config) = (Http::new(&server.admin), Http::new(&server.config));
    let app = App::create(&admin, "demo").await;
    let values: Vec<_> = (0..12).map(|number| (format!("k{number}"), "-".repeat(19_000))).collect();
    let items: Vec<_> = values.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    app.set("default", "application", &items).await;
    disk.fill_except(FREE);
    // The remaining space of the write-ahead log accepts some publishes.
    eventually("a publish to be refused", async || {
        let answer = app.try_publish("default", "application").await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 503).then_some(())
    })
    .await;
    // Longer than the pause between two trial writes.
    for _ in 0..12 {
        let health = config.get("/health").await;
        assert_eq!(health.status, 503, "{health:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let refused = app.try_publish("default", "application").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    std::fs::remove_file(disk.ballast()).unwrap();
    eventually("/health to report the recovery", async || {
        (config.get("/health").await.status == 200).then_some(())
    })
    .await;
    app.try_publish("default", "application").await.ok();
}

/// S48: a file can be created in a full directory, but not written.
#[tokio::test]
async fn a_full_directory_for_temporary_files_is_named() {
    let disk = SmallDisk::mount();
    let directory = disk.directory.path().to_str().unwrap();
    let server = Server::start_with(Options::new().variable("TMPDIR", directory));
    let _demo = Demo::create(&server, "demo").await;
    let root = session::root(&server).await;
    let cluster = "/openapi/v1/apps/demo/envs/DEV/clusters/default";
    disk.fill();
    let import = root.upload(&format!("{cluster}/import"), "a.zip", &[b'x'; 100_000]).await;
    for answer in [root.get(&format!("{cluster}/export")).await, import] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.text.contains("TMPDIR"), "{answer:?}");
    }
    std::fs::remove_file(disk.ballast()).unwrap();
    root.get(&format!("{cluster}/export")).await.ok();
}
