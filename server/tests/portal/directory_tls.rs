//! A directory that is reached over TLS, against OpenLDAP with a certificate of a CA of its own.

use castalia_server::directory::{Directory, Unavailable, Verified};
use castalia_server::settings::{Installation, Settings, Texts};

use rcgen::{CertificateParams, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::slapd::{ADMIN_PASSWORD, Slapd};
use super::world::World;

const PASSWORD: &str = "password of anna";

fn flags<'f>(url: &'f str, more: &[(&'static str, &'f str)]) -> Vec<(&'static str, &'f str)> {
    let always = [
        ("ldap.urls", url),
        ("ldap.base", "dc=example,dc=org"),
        ("ldap.username", "cn=admin,dc=example,dc=org"),
        ("ldap.password", ADMIN_PASSWORD),
        ("ldap.search_filter", "(uid={0})"),
    ];
    [&always[..], more].concat()
}

fn settings(flags: &[(&'static str, &str)]) -> Result<Settings, String> {
    let texts = flags.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    let texts = Texts::gather(texts, None, std::iter::empty()).unwrap();
    Settings::from_texts(&texts).map_err(|faults| format!("{faults:?}"))
}

/// Why the directory cannot be used.
async fn problem(url: &str, more: &[(&'static str, &str)]) -> String {
    let settings = settings(&flags(url, more)).unwrap();
    let directory = Directory::new(settings.sign_in.directory.unwrap());
    match directory.verify("anna", PASSWORD, |_| true).await {
        Err(Unavailable(problem)) => problem,
        Ok(verified) => panic!("the directory was used: {verified:?}"),
    }
}

#[tokio::test]
async fn users_sign_in_over_tls_and_start_tls_with_the_ca_of_the_directory() {
    let (slapd, ca_file) = Slapd::with_tls("127.0.0.1").await;
    let ca = ("ldap.ca_file", ca_file.as_str());
    for (url, more) in
        [(&slapd.tls_url, vec![ca]), (&slapd.url, vec![ca, ("ldap.start_tls", "on")])]
    {
        let world = World::with(Installation::Fresh, &flags(url, &more)).await;
        world.nobody().sign_in("anna", PASSWORD).await.leads_to("/");
        world.nobody().sign_in("anna", "other").await.leads_to("/signin?#/error");
    }
    // The server of this test refuses everything on a connection in clear.
    let refused = problem(&slapd.url, &[]).await;
    assert!(refused.contains("confidentiality"), "{refused}");
}

/// A directory that cannot prove who it is receives no password, in clear or otherwise.
#[tokio::test]
async fn a_directory_with_a_certificate_that_is_not_trusted_is_not_used() {
    let (slapd, ca_file) = Slapd::with_tls("127.0.0.1").await;
    let (other, other_ca) = Slapd::with_tls("other.example").await;
    let unknown_issuer = "invalid peer certificate: UnknownIssuer";
    let start_tls = ("ldap.start_tls", "on");
    for (url, more, expected) in [
        (&slapd.tls_url, vec![], unknown_issuer),
        (&slapd.tls_url, vec![("ldap.ca_file", other_ca.as_str())], unknown_issuer),
        (&slapd.url, vec![start_tls], unknown_issuer),
        (&other.tls_url, vec![("ldap.ca_file", other_ca.as_str())], "not valid for"),
        (&other.url, vec![("ldap.ca_file", other_ca.as_str()), start_tls], "not valid for"),
    ] {
        let problem = problem(url, &more).await;
        assert!(problem.contains(expected) && problem.contains(url.as_str()), "{problem}");
    }
    let more = [("ldap.ca_file", other_ca.as_str())];
    let world = World::with(Installation::Fresh, &flags(&slapd.tls_url, &more)).await;
    let answer = world.nobody().sign_in("anna", PASSWORD).await;
    answer.leads_to("/signin?reason=providerDown#/error");
    assert!(!ca_file.is_empty());
}

#[tokio::test]
async fn a_directory_with_an_expired_certificate_is_not_used() {
    let mut expired = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    expired.not_after = date_time_ymd(2020, 1, 1);
    let (slapd, ca_file) = Slapd::with_certificate(expired).await;
    let ca = ("ldap.ca_file", ca_file.as_str());
    for (url, more) in
        [(&slapd.tls_url, vec![ca]), (&slapd.url, vec![ca, ("ldap.start_tls", "on")])]
    {
        let problem = problem(url, &more).await;
        assert!(problem.contains("expired"), "{problem}");
    }
}

/// `ExtendedResponse` to the first message of a connection, with this result code.
const fn extended_response(result: u8) -> [u8; 14] {
    [0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, result, 0x04, 0x00, 0x04, 0x00]
}

/// A server that sends this after each of the bytes that it receives, and returns all of them.
async fn listener(answer: &'static [u8]) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ldap://{}", listener.local_addr().unwrap());
    let received = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..length]);
            if stream.write_all(answer).await.is_err() {
                break;
            }
        }
        received
    });
    (url, received)
}

/// Whoever can disturb a connection can also answer in place of the directory.
#[tokio::test]
async fn no_password_is_sent_before_tls_whatever_is_answered_to_start_tls() {
    const REFUSED: [u8; 14] = extended_response(53);
    const ACCEPTED: [u8; 14] = extended_response(0);
    for answer in [&REFUSED[..], &ACCEPTED[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let (url, received) = listener(answer).await;
        problem(&url, &[("ldap.start_tls", "on")]).await;
        let received = received.await.unwrap();
        let received = String::from_utf8_lossy(&received);
        assert!(received.contains("1.3.6.1.4.1.1466.20037"), "no STARTTLS: {received:?}");
        for secret in [PASSWORD, ADMIN_PASSWORD, "anna"] {
            assert!(!received.contains(secret), "sent {secret} in clear after {answer:?}");
        }
    }
}

/// This one would answer in clear.
#[tokio::test]
async fn a_directory_without_tls_is_not_used_in_clear() {
    let slapd = Slapd::start().await;
    let settings = settings(&flags(&slapd.url, &[])).unwrap();
    let directory = Directory::new(settings.sign_in.directory.unwrap());
    let verified = directory.verify("anna", PASSWORD, |_| true).await.unwrap();
    assert!(matches!(verified, Verified::Known(_)), "{verified:?}");
    let refused = problem(&slapd.url, &[("ldap.start_tls", "on")]).await;
    assert!(refused.contains(&slapd.url), "{refused}");
    problem(&slapd.url.replace("ldap://", "ldaps://"), &[]).await;
}

#[test]
fn settings_that_promise_tls_and_do_not_use_it_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem").display().to_string();
    std::fs::write(&empty, "").unwrap();
    let malformed = directory.path().join("malformed.pem").display().to_string();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&malformed, pem).unwrap();
    let path = directory.path().display().to_string();
    for (url, more, expected) in [
        ("ldap://a,ldaps://b", vec![], "mixes ldap:// with ldaps://"),
        ("ldaps://a", vec![("ldap.start_tls", "on")], "ldap.urls has none"),
        ("ldap://a", vec![("ldap.ca_file", empty.as_str())], "has no effect"),
        ("ldaps://a", vec![("ldap.ca_file", empty.as_str())], "contains no PEM certificate"),
        ("ldaps://a", vec![("ldap.ca_file", malformed.as_str())], "no PEM certificate that can"),
        ("ldaps://a", vec![("ldap.ca_file", path.as_str())], "Is a directory"),
        ("ldaps://a", vec![("ldap.ca_file", "/absent")], "cannot use /absent"),
    ] {
        let refused = settings(&flags(url, &more)).err().unwrap();
        assert!(refused.contains(expected), "{url} {more:?}: {refused}");
    }
    settings(&flags("ldap://a,ldaps://b", &[("ldap.start_tls", "on")])).unwrap();
    let good = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap().cert.pem();
    std::fs::write(&malformed, pem.to_owned() + &good).unwrap();
    settings(&flags("ldaps://a", &[("ldap.ca_file", malformed.as_str())])).unwrap();
}

/// SEC-18: a metadata service hands out credentials. The names that lead to it are in the tests of
/// `outgoing/guard.rs`.
#[tokio::test]
async fn a_metadata_service_is_asked_for_no_user() {
    for url in ["ldap://169.254.169.254:80", "ldaps://[fd00:ec2::254]", "ldap://2852039166"] {
        let refused = problem(url, &[]).await;
        assert!(refused.contains("is a metadata service"), "{url}: {refused}");
    }
}
