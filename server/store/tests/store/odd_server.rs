//! A MariaDB server whose defaults differ from those that most have: it commits nothing by itself,
//! its rows have the old format with short keys, and its binary log has statements or rows.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use castalia_store::{Origin, Part, Store, message};
use sea_orm::{ConnectionTrait, Database as SeaOrm, DatabaseConnection};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::database::{Database, apply, patient};

struct OddServer {
    child: Child,
    url: String,
    _directory: TempDir,
}

impl OddServer {
    /// `tests/databases.sh up`, which a database of the usual server calls, installs the program.
    async fn start() -> (Self, DatabaseConnection) {
        let directory = tempfile::tempdir().unwrap();
        let data = format!("--datadir={}", directory.path().display());
        let install = ["--no-defaults", &data, "--user=root", "--skip-test-db"];
        let installed = Command::new("mariadb-install-db").args(install).output().unwrap();
        assert!(installed.status.success(), "{installed:?}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let socket = format!("--socket={}", directory.path().join("sock").display());
        let port_option = format!("--port={port}");
        let child = Command::new("mariadbd")
            .args(["--no-defaults", &data, "--user=root", &socket, &port_option])
            .args(["--bind-address=127.0.0.1", "--skip-grant-tables", "--server-id=1"])
            .args(["--autocommit=0", "--innodb-default-row-format=compact"])
            .args(["--log-bin", "--binlog-format=MIXED"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("mysql://root@127.0.0.1:{port}/odd");
        let server = Self { child, url, _directory: directory };
        let begun = Instant::now();
        let root = loop {
            match SeaOrm::connect(format!("mysql://root@127.0.0.1:{port}/mysql")).await {
                Ok(root) => break root,
                Err(error) => assert!(begun.elapsed() < Duration::from_secs(120), "{error}"),
            }
            sleep(Duration::from_millis(50)).await;
        };
        root.execute_unprepared("CREATE DATABASE odd CHARACTER SET utf8mb4").await.unwrap();
        (server, root)
    }
}

impl Drop for OddServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_odd_defaults_is_used_or_refused() {
    let Some(_) = Database::mysql().await else { return };
    let (server, root) = OddServer::start().await;
    for part in [Part::Config, Part::Portal] {
        let name = format!("odd_{part:?}").to_lowercase();
        let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
        root.execute_unprepared(&create).await.unwrap();
        let url = server.url.replace("/odd", &format!("/{name}"));
        let store = Store::connect(&url, patient("--config-db")).await.unwrap();
        assert_eq!(apply(&store, part).await.unwrap(), Origin::Fresh);
        if part == Part::Config {
            // A session that commits nothing by itself would go on to read what it read first.
            for round in 1..=5 {
                store.write((), |tx, ()| Box::pin(message::insert(tx, "a+b+c"))).await.unwrap();
                let read = message::after(store.read(), 0, 10).await.unwrap();
                assert_eq!(read.count, round);
            }
        }
        store.close().await.unwrap();
    }
    root.execute_unprepared("SET GLOBAL binlog_format = 'STATEMENT'").await.unwrap();
    let refused = Store::connect(&server.url, patient("--config-db")).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("--config-db") && error.contains("binlog_format"), "{error}");
}
