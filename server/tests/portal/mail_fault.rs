//! Mail servers that do not what they offer, and those that answer without end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::import_failed::logged;
use super::mail::{MailServer, with_mail};
use super::process;
use super::receiver::{log, publish, states, until};
use super::world::World;

/// More than the sockets of a connection hold, in bytes.
const SOCKETS: usize = 32 << 20;

/// What a mail server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It greets without end.
    Endless,
    /// It offers STARTTLS, and refuses it.
    RefusesTls,
    /// It offers STARTTLS, and disconnects.
    DropsTls,
    /// It offers STARTTLS, and says nothing more.
    HangsInTls,
    /// It knows no STARTTLS.
    NoTls,
    /// It refuses every password.
    RefusesPasswords,
    /// It knows no passwords.
    NoPasswords,
}

/// Serves one connection after the other; returns its address, and how many bytes it sent on each.
fn start(fault: Fault) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let counts = Arc::clone(&sent);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            match fault {
                Fault::Endless => counts.lock().push(send_without_end(stream)),
                fault => {
                    talk(stream, fault);
                }
            }
        }
    });
    (address, sent)
}

fn send_without_end(mut stream: TcpStream) -> usize {
    let mut sent = 0;
    while sent < 2 * SOCKETS && stream.write_all(&[b'x'; 65_536]).is_ok() {
        sent += 65_536;
    }
    sent
}

fn talk(stream: TcpStream, fault: Fault) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"220 test\r\n").ok()?;
    let mut is_text = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let answer = match (line.get(..4).unwrap_or_default(), fault) {
            _ if is_text && line != ".\r\n" => continue,
            ("EHLO", Fault::RefusesTls | Fault::DropsTls | Fault::HangsInTls) => {
                "250-test\r\n250-8BITMIME\r\n250 STARTTLS"
            }
            ("EHLO", Fault::NoPasswords) => "250-test\r\n250 8BITMIME",
            ("EHLO", _) => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            ("STAR", Fault::RefusesTls) => "454 TLS is not available",
            ("STAR", Fault::HangsInTls) => {
                stream.get_mut().write_all(b"220 go on\r\n").ok()?;
                std::io::copy(&mut stream, &mut std::io::sink()).ok()?;
                return None;
            }
            ("STAR", _) => return stream.get_mut().write_all(b"220 go on\r\n").ok(),
            ("AUTH", _) => "535 wrong",
            ("DATA", _) => "354 go on",
            _ => "250 ok",
        };
        is_text = answer.starts_with("354");
        stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).ok()?;
    }
}

/// The first delivery after its first attempt, and what the portal logged until then.
async fn tried(world: &World) -> (Value, String) {
    let _background = world.run();
    let tried = async {
        publish(&world.user("u1").await, "1").await;
        until("it was tried", async || log(world).await.iter().any(|row| row["attempts"] != 0))
            .await;
        log(world).await.remove(0)
    };
    logged(tried).await
}

/// A process has a log of its own.
#[track_caller]
fn contains(log: &str, expected: &str) {
    assert!(process::is_wanted() || log.contains(expected), "{expected}: {log}");
}

/// It was read until the time for an attempt had passed, and took the memory of the process.
#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let (address, sent) = start(Fault::Endless);
    let (row, log) = tried(&with_mail(&address).await).await;
    assert_eq!(row["problem"], "The answers of the mail server are too long", "{row}");
    contains(&log, "the mail server cannot be used, so no mail is sent");
    until("the connection is closed", async || !sent.lock().is_empty()).await;
    assert!(sent.lock()[0] < SOCKETS, "{sent:?}");
}

/// Apollo's portal sends mails to such servers in clear.
#[tokio::test]
async fn mail_is_sent_in_clear_where_the_offered_tls_fails() {
    for fault in [Fault::RefusesTls, Fault::DropsTls, Fault::HangsInTls] {
        let (address, _) = start(fault);
        let (row, log) = tried(&with_mail(&address).await).await;
        assert_eq!((&row["state"], &row["attempts"]), (&"delivered".into(), &1.into()), "{row}");
        contains(&log, "the mail server offers STARTTLS, which failed");
    }
}

#[tokio::test]
async fn what_keeps_a_password_from_a_mail_server_is_listed_and_logged() {
    let plain = "email.config.allowPlainPassword";
    for (fault, key, status, problem) in [
        (Fault::NoTls, "a", 0, "The mail server offers no STARTTLS, and email.config.allowPlain"),
        (Fault::RefusesPasswords, plain, 535, "The mail server refused email.config.user and"),
        (Fault::NoPasswords, plain, 0, "The mail server does not accept a user and a password"),
    ] {
        let (address, _) = start(fault);
        let mut world = with_mail(&address).await;
        world.set("email.config.user", "u");
        world.set("email.config.password", "a password");
        world.set(key, "true");
        let (row, log) = tried(&world).await;
        assert_eq!(row["status"].as_i64().unwrap_or_default(), status, "{row}");
        assert!(row["problem"].as_str().unwrap().starts_with(problem), "{row}");
        contains(&log, "the mail server cannot be used, so no mail is sent");
        contains(&log, problem);
    }
}

/// A node without these settings, also for a moment, ended all deliveries that waited.
#[tokio::test]
async fn a_mail_waits_until_its_node_has_the_settings_of_mail() {
    let (_server, address) = MailServer::start().await;
    let mut world = with_mail(&address).await;
    world.set("email.sender", "");
    let _background = world.run();
    publish(&world.user("u1").await, "1").await;
    let problem = "Mail is not configured on the node that was to send it";
    until(problem, async || log(&world).await.iter().any(|row| row["problem"] == problem)).await;
    assert_eq!(log(&world).await[0]["state"], "pending");
    world.set("email.sender", "apollo@example.com");
    states(&world, &["delivered"]).await;
}
