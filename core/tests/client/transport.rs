//! Real HTTP: TLS, gzip, redirects, limits, and several processes with one cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use castalia_core::testing::{Endpoint, Fault, Server};
use castalia_core::{Client, ErrorKind, Settings, Source};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::support::{
    self, APP, Fixture, NAMESPACE, PATIENCE, logged, patient_settings, record_log, scratch,
};

/// A server over HTTP with the usual release, and a folder.
async fn served() -> (Server, TempDir) {
    let server = Server::start().await.unwrap();
    server.publish(APP, NAMESPACE, &[("a", "1"), ("b", "2")]);
    (server, scratch())
}

fn settings(server: &Server, root: &TempDir) -> Settings {
    patient_settings(server.url(), root).set("castalia.long-poll.enable", "false")
}

/// Puts TLS in front of a server, with a self-signed certificate for a host; returns the address at
/// `localhost` and the certificate.
async fn with_tls(server: &Server, host: &str, is_expired: bool) -> (String, String) {
    let mut parameters = CertificateParams::new([host.to_owned()]).unwrap();
    if is_expired {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2020, 12, 31);
    }
    let signing_key = KeyPair::generate().unwrap();
    let cert = parameters.self_signed(&signing_key).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let behind = server.url().trim_start_matches("http://").to_owned();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                if let Ok(mut tls) = acceptor.accept(stream).await {
                    let mut plain = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut tls, &mut plain).await;
                }
            });
        }
    });
    (address, cert.pem())
}

/// SEC-24: certificates are verified; only a test build (`--features insecure-tls`) can skip it.
#[tokio::test]
async fn certificates_are_verified_unless_a_test_build_skips_it() {
    let (server, root) = served().await;
    let (address, pem) = with_tls(&server, "localhost", false).await;
    let ca_file = root.path().join("ca.pem");
    fs::write(&ca_file, pem).unwrap();
    let plain = || settings(&server, &root).set("apollo.config-service", &address);
    let open = async |settings: Settings| {
        let client = Client::new(settings.set("apollo.cache.file.enable", "false")).unwrap();
        client.config(NAMESPACE).await.unwrap()
    };
    let refused = open(plain()).await;
    assert_eq!(refused.source(), Source::None);
    let error = refused.last_error().unwrap();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("certificate"), "{error}");

    let trusted = open(plain().set("castalia.tls.ca-file", ca_file.to_str().unwrap())).await;
    assert_eq!(trusted.source(), Source::Remote);
    // A certificate of a trusted CA is still rejected for another host, or after it expired.
    for (host, is_expired) in [("elsewhere.example", false), ("localhost", true)] {
        let (address, pem) = with_tls(&server, host, is_expired).await;
        fs::write(&ca_file, pem).unwrap();
        let settings = settings(&server, &root).set("apollo.config-service", &address);
        let refused = open(settings.set("castalia.tls.ca-file", ca_file.to_str().unwrap())).await;
        let error = refused.last_error().unwrap();
        assert_eq!(error.kind(), ErrorKind::Transport, "{host}: {error}");
        assert!(error.to_string().contains("certificate"), "{host}: {error}");
    }
    let careless = plain().set("castalia.tls.insecure", "true");
    if cfg!(feature = "insecure-tls") {
        assert_eq!(open(careless).await.source(), Source::Remote);
    } else {
        let error = Client::new(careless).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("castalia.tls.ca-file"), "{error}");
    }

    let missing = plain().set("castalia.tls.ca-file", "/no/such/file");
    assert_eq!(Client::new(missing).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// SEC-24: no package, binding or release is built with the feature that skips verification.
#[test]
fn no_manifest_and_no_script_turns_insecure_tls_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut lines = Vec::new();
    let build_files = build_files(root);
    for path in &build_files {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let of_feature =
            |line: &&str| line.contains("insecure-tls") || line.contains("all-features");
        lines.extend(text.lines().filter(of_feature).map(|line| (name.clone(), line.to_owned())));
    }
    lines.sort();
    let expected = [
        ("Makefile", "\tcargo check --quiet -p castalia-core --features insecure-tls"),
        ("core/Cargo.toml", "insecure-tls = [\"client\"]"),
    ];
    assert_eq!(lines, expected.map(|(name, line)| (name.to_owned(), line.to_owned())));
    let is_found = |name: &str| build_files.iter().any(|path| path.ends_with(name));
    for name in ["bindings/python/package.sh", ".ci/portable", "ffi/Cargo.toml", "Cargo.toml"] {
        assert!(is_found(name), "{name} was not read");
    }
}

/// Manifests and scripts below a folder, without those of other projects.
fn build_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let kind = path.extension().unwrap_or_default();
        if path.is_dir() && !path.is_symlink() {
            if !["target", "node_modules", ".git"].contains(&name.as_ref()) {
                found.extend(build_files(&path));
            }
        } else if name == "Makefile"
            || folder.file_name().is_some_and(|name| name == ".ci")
            || ["toml", "json", "sh", "mjs", "yml", "yaml", "kts"].iter().any(|ext| kind == *ext)
        {
            found.push(path);
        }
    }
    found
}

/// B97: proxies are those of the environment, as documented. A forked process on macOS must not ask
/// the system for its proxies.
#[test]
fn the_proxy_settings_of_the_system_are_not_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let mut packages = lock.split("[[package]]");
    let hyper = packages.find(|package| package.contains("name = \"hyper-util\"")).unwrap();
    for reader in ["system-configuration", "windows-registry"] {
        assert!(!hyper.contains(reader), "{hyper}");
    }
}

#[tokio::test]
async fn gzip_is_asked_for_and_understood() {
    let (server, root) = served().await;
    server.set_gzip(true);
    let client = Client::new(settings(&server, &root)).unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.get("b").unwrap(), "2");
    let load = &server.requests_of(Endpoint::Config)[0];
    assert_eq!(load.header("accept-encoding"), Some("gzip"));
    assert_eq!(load.header("cache-control"), Some("no-cache"));
    let agent = load.header("user-agent").unwrap();
    assert!(agent.starts_with("castalia/") && agent.contains("(rust; linux-"), "{agent}");
    client.close().await;
}

/// REL-32: a small body that unpacks to a large one is refused, and the client keeps its values.
#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let (server, root) = served().await;
    server.set_gzip(true);
    let client =
        Client::new(settings(&server, &root).set("castalia.body-limit", "100000")).unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    server.publish(APP, NAMESPACE, &[("a", &"x".repeat(20_000_000))]);
    let error = config.refresh().await.unwrap_err();
    assert!(error.to_string().contains("limit of 100000 bytes"), "{error}");
    assert_eq!(config.get("a").unwrap(), "1");
    server.publish(APP, NAMESPACE, &[("a", "2")]);
    config.refresh().await.unwrap();
    assert_eq!(config.get("a").unwrap(), "2");
    client.close().await;
}

/// C028
#[tokio::test(start_paused = true)]
async fn only_redirects_within_the_origin_are_followed() {
    let fixture = Fixture::new();
    fixture.server.set_secret(APP, Some("secret"));
    let settings = fixture.quiet_settings().set("apollo.access-key.secret", "secret");
    let client = fixture.client_with(settings);
    let moved = Fault::header(302, "Location", "/moved/configs/order/default/application");
    fixture.server.fail_next(Endpoint::Config, moved);
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote, "the new path was signed anew");
    let paths: Vec<_> = fixture.server.requests_of(Endpoint::Config);
    assert_eq!(paths[1].path(), "/moved/configs/order/default/application");

    fixture.publish(&[("a", "2")]);
    let away = Fault::header(302, "Location", "http://other/configs/order/default/application");
    fixture.server.fail_next(Endpoint::Config, away);
    let error = config.refresh().await.unwrap_err();
    assert!(error.message().contains("another origin"), "{error}");
    let circle = Fault::header(302, "Location", "/configs/order/default/application");
    fixture.server.fail_always(Endpoint::Config, Some(circle));
    let error = config.refresh().await.unwrap_err();
    assert!(error.message().contains("too many redirects"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_trickles_is_cut_off() {
    let fixture = Fixture::new();
    let second = fixture.sibling("http://s2");
    fixture.server.set_services(&["http://s1", "http://s2"]);
    fixture.server.fail_always(Endpoint::Config, Some(Fault::Dribble(Duration::from_secs(4))));
    let start = tokio::time::Instant::now();
    let client =
        fixture.client_with(fixture.quiet_settings().set("castalia.start-timeout", "60000"));
    let config = client.config(NAMESPACE).await.unwrap();
    assert_eq!(config.source(), Source::Remote);
    assert!(start.elapsed() <= Duration::from_secs(22), "{:?}", start.elapsed());
    assert_eq!(second.requests_of(Endpoint::Config).len(), 1);
}

/// A server that is restarted on its port is found again, over new connections.
#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let (server, root) = served().await;
    let data = server.data().clone();
    let settings = settings(&server, &root).set("apollo.loadConfigQPS", "100");
    let client = Client::new(settings).unwrap();
    let config = client.config(NAMESPACE).await.unwrap();
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    drop(server);
    let gone = config.refresh().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Transport);
    let server = loop {
        // The port is free as soon as the old listener has been dropped by its task.
        match Server::start_on(address, data.clone()).await {
            Ok(server) => break server,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    server.publish(APP, NAMESPACE, &[("a", "back")]);
    config.refresh().await.unwrap();
    assert_eq!(config.get("a").unwrap(), "back");
    client.close().await;
}

/// Processes that write the same cache file; the clients of one process write it one after the
/// other.
const WRITERS: usize = 16;
/// Releases that each of them loads.
const LOADS: usize = 20;
/// Values of each release.
const VALUES: usize = 50;
/// The variables with the server and the folder of such a process.
const OF_WRITER: [&str; 2] = ["CASTALIA_TEST_CACHE_SERVER", "CASTALIA_TEST_CACHE_ROOT"];

/// One of the processes of the next test; without their variables it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
fn a_process_writes_a_shared_cache_file() {
    let [Ok(meta), Ok(root)] = OF_WRITER.map(std::env::var) else { return };
    let settings = patient_settings(&meta, &scratch())
        .set("apollo.cache-dir", &root)
        .set("castalia.long-poll.enable", "false")
        .set("apollo.loadConfigQPS", "1000");
    let client = castalia_core::blocking::Client::new(settings).unwrap();
    let config = client.config(NAMESPACE, PATIENCE).unwrap();
    for _ in 0..LOADS {
        config.refresh(PATIENCE).unwrap();
    }
    client.close(PATIENCE);
    // Closing does not wait for a slow disk, which may still write.
    let folder = Path::new(&root).join(APP).join("config-cache");
    let process = std::process::id().to_string();
    let is_written = || {
        let files = fs::read_dir(&folder).unwrap();
        let mut names = files.map(|file| file.unwrap().file_name());
        !names.any(|name| name.to_string_lossy().contains(&process))
    };
    let runtime = castalia_core::blocking::runtime().unwrap();
    runtime.block_on(support::eventually("no temporary file is left", is_written));
}

fn start_writer(server: &Server, root: &TempDir) -> Child {
    let [meta, folder] = OF_WRITER;
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "client::transport::a_process_writes_a_shared_cache_file"])
        .env(meta, server.url())
        .env(folder, root.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Several processes write a file that another one reads; every read returns a complete release.
#[test]
fn a_shared_cache_file_is_always_whole() {
    let root = scratch();
    let runtime = castalia_core::blocking::runtime().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    let publish = |number: usize| {
        let number = number.to_string();
        let values: Vec<_> = (0..VALUES).map(|key| (format!("k{key}"), number.clone())).collect();
        let values: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        server.publish(APP, NAMESPACE, &values);
    };
    publish(0);
    let file = support::cache_file(&root, NAMESPACE);
    let count_whole = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut values: Vec<_> =
            text.lines().filter_map(|line| line.split_once('=')).map(|(_, v)| v).collect();
        let count = values.len();
        values.dedup();
        assert!(values.len() <= 1, "{values:?}");
        count
    };
    let mut writers: Vec<_> = (0..WRITERS).map(|_| start_writer(&server, &root)).collect();
    let (mut number, mut is_there) = (0, false);
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        number += 1;
        publish(number);
        let count = count_whole();
        is_there |= count > 0;
        assert_eq!(count, if is_there { VALUES } else { 0 });
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(2)).await });
    }
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(count_whole(), VALUES);
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "temporary files");
}

/// Credentials in addresses are sent, and shown nowhere.
#[tokio::test]
async fn credentials_of_addresses_are_not_shown() {
    record_log();
    let server = Server::start().await.unwrap();
    server.publish(APP, NAMESPACE, &[("a", "1")]);
    let root = scratch();
    let address = server.url().replace("http://", "http://gate:keeper-7f3a@");
    server.set_services(&[&address]);
    let client = Client::new(patient_settings(&address, &root)).unwrap();
    client.config(NAMESPACE).await.unwrap();
    assert!(server.requests().iter().all(|request| {
        request.header("authorization").is_some_and(|sent| sent.starts_with("Basic "))
    }));
    server.fail_always(Endpoint::Config, Some(Fault::status(503)));
    let error = client.config("other").await.unwrap().refresh().await.unwrap_err();
    assert!(error.to_string().contains("***@"), "{error}");
    let metrics = client.metrics();
    let report = client.settings();
    for shown in [format!("{error} {error:?}"), format!("{metrics:?}"), format!("{report:?}")] {
        assert!(!shown.contains("keeper-7f3a"), "{shown}");
    }
    let refused = Client::new(support::settings("ftp://gate:keeper-7f3a@host", &root)).unwrap_err();
    assert!(refused.to_string().contains("ftp://***@host"), "{refused}");
    client.close().await;
    assert!(logged("keeper-7f3a").is_empty());
    assert!(!logged("services found").is_empty());
}
