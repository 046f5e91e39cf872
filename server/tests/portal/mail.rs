//! Mail after publishes, received by a mail server of the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use castalia_server::domain::permission::{Action, NamedRole};
use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::import_failed::logged;
use super::process;
use super::receiver::{states, until, world};
use super::world::{NS, World, item};

/// A mail that arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    sender: String,
    pub(super) recipients: Vec<String>,
    pub(super) text: String,
}

/// A mail server without TLS.
#[derive(Debug, Clone, Default)]
pub(super) struct MailServer {
    received: Arc<Mutex<Vec<Received>>>,
    commands: Arc<Mutex<Vec<String>>>,
    /// Mails that are refused for now.
    pub(super) refusals: Arc<Mutex<usize>>,
    /// Recipients whom it does not know.
    pub(super) strangers: Arc<Mutex<Vec<String>>>,
    /// Number of these after which it disconnects; 0 for any number.
    pub(super) patience: Arc<AtomicUsize>,
    /// Recipients who are refused for now, once for each time that they are in this list.
    greylist: Arc<Mutex<Vec<String>>>,
    /// Maximum number of recipients of a mail; 0 for any number.
    most: Arc<AtomicUsize>,
    /// Whether the end of a connection is not answered.
    is_rude: Arc<AtomicBool>,
}

impl MailServer {
    pub(super) async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Self::default();
        let served = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = served.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        (server, address)
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 test\r\n").await.ok()?;
        let (mut mail, mut refused) = (Received::default(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            self.commands.lock().push(line.trim().to_owned());
            let argument = line.split_once(['<']).and_then(|(_, rest)| rest.split('>').next());
            let argument = argument.unwrap_or_default().to_owned();
            let answer = match line.get(..4).unwrap_or_default() {
                "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
                "AUTH" => "235 ok",
                "MAIL" => {
                    mail = Received { sender: argument, ..Received::default() };
                    match self.is_refused() {
                        true => "451 try later",
                        false => "250 ok",
                    }
                }
                "RCPT" if self.patience.load(Ordering::SeqCst) == refused && refused > 0 => {
                    stream.write_all(b"421 too many errors\r\n").await.ok()?;
                    return None;
                }
                "RCPT" if self.strangers.lock().contains(&argument) => {
                    refused += 1;
                    "550 no such user"
                }
                "RCPT" if self.is_greylisted(&argument) => "450 try later",
                "RCPT" if self.is_full(&mail) => "452 too many recipients",
                "RCPT" => {
                    mail.recipients.push(argument);
                    "250 ok"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    mail.text = text(&mut stream).await?;
                    self.received.lock().push(mail.clone());
                    "250 stored"
                }
                "QUIT" if self.is_rude.load(Ordering::SeqCst) => std::future::pending().await,
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        }
    }

    fn is_refused(&self) -> bool {
        let mut refusals = self.refusals.lock();
        let is_refused = *refusals > 0;
        *refusals = refusals.saturating_sub(1);
        is_refused
    }

    fn is_greylisted(&self, recipient: &str) -> bool {
        let mut greylist = self.greylist.lock();
        let place = greylist.iter().position(|one| one == recipient);
        place.map(|place| greylist.remove(place)).is_some()
    }

    fn is_full(&self, mail: &Received) -> bool {
        let most = self.most.load(Ordering::SeqCst);
        most > 0 && mail.recipients.len() >= most
    }

    pub(super) async fn wait(&self, count: usize) -> Vec<Received> {
        until("mail arrives", async || self.received.lock().len() >= count).await;
        self.received.lock().clone()
    }
}

async fn text(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        if line == ".\r\n" {
            return Some(text);
        }
        text.push_str(&line);
    }
}

pub(super) async fn with_mail(address: &str) -> World {
    let mut world = world().await;
    for (key, value) in [
        ("email.enabled", "true"),
        ("email.supported.envs", "local"),
        ("email.config.host", address),
        ("email.sender", "apollo@example.com"),
        ("apollo.portal.address", "http://127.0.0.1:8070"),
        (
            "email.template.framework",
            "[#{appId}|#{env}|#{operator}|#{releaseComment}|#{unknown}]\n#{diffModule}",
        ),
        ("email.template.release.module.diff", "release\n#{diffContent}"),
        ("email.template.rollback.module.diff", "rollback\n#{diffContent}"),
    ] {
        world.set(key, value);
    }
    world
}

#[tokio::test]
async fn a_publish_is_mailed_to_those_who_may_edit_or_publish() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    for (name, role) in [
        ("u2", NamedRole::cluster(Action::Release, "demo", "LOCAL", "default")),
        ("u3", NamedRole::namespace(Action::Modify, "demo", "application")),
        ("u4", NamedRole::namespace(Action::Modify, "demo", "other")),
        ("u5", NamedRole::namespace_in_env(Action::Release, "demo", "application", "LOCAL")),
    ] {
        if name != "u2" {
            world.add_user(name, "{noop}a password").await;
        }
        world.grant(name, vec![role]).await;
    }
    let root = world.user("apollo").await;
    let off = json!({ "username": "u3", "enabled": 0 });
    root.put("/openapi/v1/users/enabled", off).await.empty();
    let _background = world.run();
    let user = world.user("u1").await;
    user.put(&format!("{NS}/items/a?createIfNotExists=true"), item("a", "<script>")).await.empty();
    let body = json!({ "releaseTitle": "r", "releaseComment": "<b>#{env}</b>" });
    let first = user.post(&format!("{NS}/releases"), body.clone()).await.ok()["id"].clone();
    let mail = server.wait(1).await.remove(0);
    assert_eq!(mail.sender, "apollo@example.com");
    assert_eq!(mail.recipients, ["u1@example.com", "u2@example.com", "u5@example.com"]);
    assert!(mail.text.contains("Subject: [Apollo] Release\r\n"), "{mail:?}");
    assert!(mail.text.contains("Content-Type: text/html; charset=utf-8"), "{mail:?}");
    let plain = mail.text.replace("=\r\n", "").replace("=3D", "=");
    assert!(
        plain.contains("[demo|LOCAL|u1|&lt;b&gt;#{env}&lt;/b&gt;|#{unknown}]"),
        "values are escaped and not expanded: {plain}"
    );
    assert!(plain.contains("ADDED") && plain.contains("&lt;script&gt;"), "{plain}");
    user.put(&format!("{NS}/items/a"), item("a", "2")).await.empty();
    let second = user.post(&format!("{NS}/releases"), body).await.ok()["id"].clone();
    let path = format!("/openapi/v1/envs/LOCAL/releases/{second}/rollback?toReleaseId={first}");
    user.send(http::Method::PUT, &path, "application/json", "null".to_owned()).await.empty();
    let mail = server.wait(3).await.remove(2);
    assert!(mail.text.contains("Subject: [Apollo] Rollback\r\n"), "{mail:?}");
    assert!(mail.text.contains("rollback") && mail.text.contains("MODIFIED"), "{mail:?}");
    let rows = states(&world, &["delivered"; 3]).await;
    assert_eq!(rows[0]["kind"], "mail");
}

/// X65: a new installation shows the addresses of users to nobody else.
#[tokio::test]
async fn recipients_do_not_learn_the_addresses_of_each_other() {
    let (server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    states(&world, &["delivered"]).await;
    let mails = server.wait(1).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].recipients, ["u1@example.com", "u2@example.com"]);
    for recipient in &mails[0].recipients {
        assert!(!mails[0].text.contains(recipient), "{mails:?}");
    }
    assert!(mails[0].text.contains("To: undisclosed-recipients:;\r\n"), "{mails:?}");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_is_sent_again() {
    let (server, address) = MailServer::start().await;
    *server.refusals.lock() = 1;
    let world = with_mail(&address).await;
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    server.wait(1).await;
    let rows = states(&world, &["delivered"]).await;
    assert_eq!(rows[0]["attempts"], 2);
}

/// X80: one address that does not exist any more kept the mails from everybody.
#[tokio::test]
async fn a_refused_recipient_keeps_a_mail_from_no_other() {
    let (server, address) = MailServer::start().await;
    server.strangers.lock().push("u2@example.com".to_owned());
    let world = with_mail(&address).await;
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let user = world.user("u1").await;
    let delivered = async {
        let _background = world.run();
        super::receiver::publish(&user, "1").await;
        states(&world, &["delivered"]).await
    };
    let (rows, log) = logged(delivered).await;
    assert_eq!(rows[0]["attempts"], 1);
    let mails = server.wait(1).await;
    assert_eq!((mails.len(), &mails[0].recipients[..]), (1, &["u1@example.com".to_owned()][..]));
    // A process has a log of its own.
    let line = "namespace=\"application\" address=u2@example.com status=550";
    assert!(process::is_wanted() || log.matches(line).count() == 1, "{log}");
}

/// Greylisting: the others must not receive it twice.
#[tokio::test]
async fn a_mail_is_sent_again_to_a_recipient_alone_who_was_refused_for_now() {
    let (server, address) = MailServer::start().await;
    server.greylist.lock().extend(["u2@example.com".to_owned(), "u2@example.com".to_owned()]);
    let world = with_mail(&address).await;
    world.grant("u2", vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    let rows = states(&world, &["delivered", "delivered"]).await;
    let row = |at: usize| (rows[at]["attempts"].clone(), rows[at]["url"].clone());
    assert_eq!(row(0), (json!(1), json!(null)));
    assert_eq!(row(1), (json!(2), json!("u2@example.com")));
    assert_eq!(rows[0]["releaseId"], rows[1]["releaseId"]);
    let mails = server.wait(2).await;
    let recipients: Vec<_> = mails.iter().map(|mail| mail.recipients.join(" ")).collect();
    assert_eq!(recipients, ["u1@example.com", "u2@example.com"]);
    let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&mails[0].text), body(&mails[1].text));
}

#[tokio::test]
async fn a_mail_with_too_many_recipients_reaches_all_of_them() {
    let (server, address) = MailServer::start().await;
    server.most.store(1, Ordering::SeqCst);
    let world = with_mail(&address).await;
    world.add_user("u3", "{noop}a password").await;
    for name in ["u2", "u3"] {
        world.grant(name, vec![NamedRole::namespace(Action::Modify, "demo", "application")]).await;
    }
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    states(&world, &["delivered"; 3]).await;
    let mails = server.wait(3).await;
    let recipients: Vec<_> = mails.iter().map(|mail| mail.recipients.join(" ")).collect();
    assert_eq!(recipients, ["u1@example.com", "u2@example.com", "u3@example.com"]);
}

#[tokio::test]
async fn a_mail_whose_recipients_are_all_refused_is_sent_again() {
    let (server, address) = MailServer::start().await;
    server.strangers.lock().push("u1@example.com".to_owned());
    let world = with_mail(&address).await;
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    until("it was tried", async || {
        super::receiver::log(&world).await.iter().any(|row| row["attempts"] != 0)
    })
    .await;
    let row = super::receiver::log(&world).await.remove(0);
    assert_eq!(
        (&row["status"], &row["problem"]),
        (&json!(550), &json!("The mail server refused the mail"))
    );
    server.strangers.lock().clear();
    states(&world, &["delivered"]).await;
    assert_eq!(server.wait(1).await[0].recipients, ["u1@example.com"]);
}

/// The server has accepted it, so a second attempt would be a second mail.
#[tokio::test]
async fn a_mail_server_that_does_not_say_goodbye_receives_a_mail_once() {
    let (server, address) = MailServer::start().await;
    server.is_rude.store(true, Ordering::SeqCst);
    let world = with_mail(&address).await;
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    let rows = states(&world, &["delivered"]).await;
    assert_eq!((&rows[0]["attempts"], server.received.lock().len()), (&1.into(), 1));
}

#[tokio::test]
async fn a_password_is_sent_over_tls_only_unless_the_settings_allow_it() {
    let (server, address) = MailServer::start().await;
    let mut world = with_mail(&address).await;
    world.set("email.config.user", "u");
    world.set("email.config.password", "a password");
    let _background = world.run();
    super::receiver::publish(&world.user("u1").await, "1").await;
    until("it was tried", async || {
        super::receiver::log(&world).await.iter().any(|row| row["attempts"] != 0)
    })
    .await;
    let commands = server.commands.lock().clone();
    assert!(!commands.iter().any(|line| line.starts_with("AUTH")), "{commands:?}");
    world.set("email.config.allowPlainPassword", "true");
    server.wait(1).await;
    let commands = server.commands.lock().clone();
    assert!(commands.iter().any(|line| line.starts_with("AUTH PLAIN")), "{commands:?}");
}

#[tokio::test]
async fn without_a_recipient_the_log_says_so() {
    let (_server, address) = MailServer::start().await;
    let world = with_mail(&address).await;
    let root = world.user("apollo").await;
    let off = json!({ "username": "u1", "enabled": 0 });
    let user = world.user("u1").await;
    super::receiver::publish(&user, "1").await;
    root.put("/openapi/v1/users/enabled", off).await.empty();
    let _background = world.run();
    let rows = states(&world, &["failed"]).await;
    assert_eq!(rows[0]["problem"], "Nobody with a mail address may edit or publish the namespace");
}

/// SEC-18: a metadata service hands out credentials, and its address has many spellings. The names
/// that lead to it are in the tests of `outgoing/guard.rs`.
#[tokio::test]
async fn a_metadata_service_receives_no_mail() {
    let mut world = with_mail("169.254.169.254:80").await;
    let _background = world.run();
    let mut expected = Vec::new();
    for host in ["169.254.169.254:80", "2852039166:80", "[fd00:ec2::254]:25"] {
        world.set("email.config.host", host);
        expected.push("failed");
        super::receiver::publish(&world.user("u1").await, host).await;
        let rows = states(&world, &expected).await;
        let row = rows.last().unwrap();
        assert_eq!(row["problem"], "The mail server's address is that of a metadata service");
    }
}
