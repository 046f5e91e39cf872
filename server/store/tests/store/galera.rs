//! A member of a Galera cluster. MariaDB has the variables without one, so a proxy changes what
//! it reports about itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use castalia_store::Store;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::database::{Database, patient};

/// Name and value of a variable, with the length of the latter.
const REPORTED: &[u8] = b"wsrep_on\x03OFF";
const WANTED: &[u8] = b"wsrep_on\x03ON ";
/// Part of the statement with which a session waits for what others committed.
const WAIT: &[u8] = b"wsrep_sync_wait = 7";
/// Sessions that wait: two of the common pool, and a reserved one.
const WAITING: u32 = 3;

/// The URL of a database whose server reports that it is a member, and the number of sessions that
/// wait for what others committed.
async fn member(url: &str) -> (String, Arc<AtomicU32>) {
    let (head, rest) = url.split_once('@').unwrap();
    let (target, name) = rest.split_once('/').unwrap();
    let target = target.parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("{head}@{}/{name}", listener.local_addr().unwrap());
    let waiting = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&waiting);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, target, Arc::clone(&counted)));
        }
    });
    (url, waiting)
}

async fn carry(client: TcpStream, target: SocketAddr, waiting: Arc<AtomicU32>) {
    let server = TcpStream::connect(target).await.unwrap();
    let ((mut requests, mut client), (mut answers, mut server)) =
        (client.into_split(), server.into_split());
    let forward = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(bytes @ 1..) = requests.read(&mut buffer).await {
            let request = &buffer[..bytes];
            if request.windows(WAIT.len()).any(|part| part == WAIT) {
                waiting.fetch_add(1, Ordering::SeqCst);
            }
            if server.write_all(request).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(bytes @ 1..) = answers.read(&mut buffer).await {
            let answer = &mut buffer[..bytes];
            let found = answer.windows(REPORTED.len()).position(|part| part == REPORTED);
            if let Some(at) = found {
                answer[at..at + REPORTED.len()].copy_from_slice(WANTED);
            }
            if client.write_all(answer).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = forward => {}
        () = back => {}
    }
}

/// S70: otherwise a read may miss what another member has acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_member_wait_for_what_others_have_committed() {
    let Some(database) = Database::mysql().await else { return };
    let (through, _) = member(&database.url).await;
    for (url, expected) in [(&database.url, 0), (&through, 7)] {
        let store = Store::connect(url, patient("config-db")).await.unwrap();
        for lane in [store.clone(), store.reserved()] {
            let sql = "SELECT CAST(@@SESSION.wsrep_sync_wait AS SIGNED) AS Waits";
            let statement = Statement::from_string(DbBackend::MySql, sql);
            let row = lane.read().query_one_raw(statement).await.unwrap().unwrap();
            assert_eq!(row.try_get::<i64>("", "Waits").unwrap(), expected, "{url}");
        }
        store.close().await.unwrap();
    }
}

/// S70: a member that is behind answers pings in time, and the sessions that ask nothing else do not
/// wait either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_a_member_that_read_no_table_do_not_wait() {
    let Some(database) = Database::mysql().await else { return };
    let (through, waiting) = member(&database.url).await;
    let store = Store::connect(&through, patient("config-db")).await.unwrap();
    // The pool opens its second connection in the background.
    while waiting.load(Ordering::SeqCst) < WAITING {
        tokio::task::yield_now().await;
    }
    let lock = store.lock_imports(Duration::from_secs(60)).await.unwrap();
    assert!(lock.is_some());
    assert_eq!(waiting.load(Ordering::SeqCst), WAITING);
    store.close().await.unwrap();
}
