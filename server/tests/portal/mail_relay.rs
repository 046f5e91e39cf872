//! Mail through a relay that offers STARTTLS with a self-signed certificate, as the mail servers of
//! a company do to which Apollo's portal sends mail without TLS.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::import_failed::logged;
use super::mail::with_mail;
use super::process;
use super::receiver::{log, publish, states, until};

/// A relay that serves one connection after the other.
#[derive(Debug, Clone, Default)]
struct Relay {
    /// What it received, mails included.
    lines: Arc<Mutex<Vec<String>>>,
    /// Mails that are refused for now, after their text.
    refusals: Arc<Mutex<usize>>,
}

impl Relay {
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let relay = Self::default();
        let (serving, tls) = (relay.clone(), Arc::new(self_signed()));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                serving.serve(stream, &tls);
            }
        });
        (relay, address)
    }

    fn serve(&self, stream: TcpStream, tls: &Arc<ServerConfig>) -> Option<()> {
        let mut plain = BufReader::new(stream);
        plain.get_mut().write_all(b"220 test\r\n").ok()?;
        self.talk(&mut plain, "250-test\r\n250-8BITMIME\r\n250 STARTTLS")?;
        let connection = ServerConnection::new(Arc::clone(tls)).ok()?;
        let mut encrypted = BufReader::new(StreamOwned::new(connection, plain.into_inner()));
        self.talk(&mut encrypted, "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
    }

    /// Answers commands until TLS begins; returns `None` if the connection ends.
    fn talk<S: Read + Write>(&self, stream: &mut BufReader<S>, greeting: &str) -> Option<()> {
        let mut is_text = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            self.lines.lock().push(line.trim_end().to_owned());
            let answer = match line.get(..4).unwrap_or_default() {
                _ if is_text && line != ".\r\n" => continue,
                _ if is_text => {
                    is_text = false;
                    self.verdict()
                }
                "EHLO" => greeting,
                "AUTH" => "235 ok",
                "DATA" => {
                    is_text = true;
                    "354 go on"
                }
                _ => "250 ok",
            };
            stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).ok()?;
            if line == "STARTTLS\r\n" {
                return Some(());
            }
        }
    }

    fn verdict(&self) -> &'static str {
        let mut refusals = self.refusals.lock();
        match *refusals {
            0 => "250 stored",
            _ => {
                *refusals -= 1;
                "451 try later"
            }
        }
    }

    /// The lines that begin with this text.
    fn received(&self, start: &str) -> Vec<String> {
        let lines = self.lines.lock();
        lines.iter().filter(|line| line.starts_with(start)).cloned().collect()
    }
}

/// TLS with a certificate that nobody has signed, of a name that nobody uses.
fn self_signed() -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(["relay.invalid".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap()
}

/// X149: such a mail failed ten times, and only lines at level `debug` said why.
#[tokio::test]
async fn a_certificate_is_not_verified_where_a_plain_connection_is_allowed() {
    let (relay, address) = Relay::start();
    let world = with_mail(&address).await;
    let _background = world.run();
    publish(&world.user("u1").await, "1").await;
    let rows = states(&world, &["delivered"]).await;
    assert_eq!(rows[0]["attempts"], 1);
    let starts: Vec<_> =
        relay.lines.lock().iter().map(|line| line[..4].to_owned()).take(4).collect();
    assert_eq!(starts, ["EHLO", "STAR", "EHLO", "MAIL"]);
}

/// X149: the reason was not in the list of deliveries either.
#[tokio::test]
async fn a_password_is_sent_to_a_verified_mail_server_only_unless_the_settings_allow_it() {
    let (relay, address) = Relay::start();
    let mut world = with_mail(&address).await;
    world.set("email.config.user", "u");
    world.set("email.config.password", "a password");
    let _background = world.run();
    let tried = async {
        publish(&world.user("u1").await, "1").await;
        until("it was tried", async || log(&world).await.iter().any(|row| row["attempts"] != 0))
            .await;
        log(&world).await.remove(0)
    };
    let (row, lines) = logged(tried).await;
    let problem = row["problem"].as_str().unwrap();
    let expected = "The certificate of the mail server cannot be verified: ";
    assert!(problem.starts_with(expected), "{row}");
    // A process has a log of its own.
    let line = "the certificate of the mail server cannot be verified, so no mail is sent";
    assert!(process::is_wanted() || lines.contains(line), "{lines}");
    assert!(relay.received("AUTH").is_empty(), "a password was sent");
    world.set("email.config.allowPlainPassword", "true");
    states(&world, &["delivered"]).await;
    assert_eq!(relay.received("AUTH PLAIN").len(), 1);
}

/// X150: a repeated mail was another one for its readers, and mail servers may refuse mails without
/// an id, and machines that greet with 127.0.0.1.
#[tokio::test]
async fn a_mail_has_an_id_that_its_repetition_keeps_and_comes_from_a_named_machine() {
    let (relay, address) = Relay::start();
    *relay.refusals.lock() = 1;
    let world = with_mail(&address).await;
    let _background = world.run();
    publish(&world.user("u1").await, "1").await;
    let rows = states(&world, &["delivered"]).await;
    assert_eq!(rows[0]["attempts"], 2);
    let key = rows[0]["deliveryId"].as_str().unwrap();
    let id = format!("Message-ID: <{key}@example.com>");
    assert_eq!(relay.received("Message-ID:"), [id.clone(), id]);
    // A name without a domain is refused by many as well; an address is not.
    let name = whoami::hostname().unwrap();
    let name = if name.contains('.') { name } else { "[127.0.0.1]".to_owned() };
    let greeting = format!("EHLO {name}");
    let greetings = relay.received("EHLO");
    assert!(
        !greetings.is_empty() && greetings.iter().all(|line| *line == greeting),
        "{greetings:?}"
    );
}

/// Mail servers without an extension refuse other addresses, and no `Message-ID` has them.
#[tokio::test]
async fn the_domain_of_the_sender_is_sent_in_ascii() {
    let (relay, address) = Relay::start();
    let mut world = with_mail(&address).await;
    world.set("email.sender", "Portal <castalia@bücher.example>");
    let _background = world.run();
    publish(&world.user("u1").await, "1").await;
    let rows = states(&world, &["delivered"]).await;
    let key = rows[0]["deliveryId"].as_str().unwrap();
    let lines = relay.received("M").concat();
    assert!(lines.contains("MAIL FROM:<castalia@xn--bcher-kva.example>"), "{lines}");
    assert!(lines.contains(&format!("Message-ID: <{key}@xn--bcher-kva.example>")), "{lines}");
    assert_eq!(relay.received("From:"), ["From: Portal <castalia@xn--bcher-kva.example>"]);
}
