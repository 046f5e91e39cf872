//! OpenLDAP on a free port with three directories in the shapes of the samples of Apollo's portal,
//! killed when it is dropped. `tests/databases.sh up` installs it.

use std::collections::HashSet;
use std::fs::{read_dir, read_to_string};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, Mod};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::time::sleep;

const CONFIGURATION: &str = include_str!("slapd.conf");
const ENTRIES: &str = include_str!("directory.ldif");
/// Longer than a busy machine needs to stop a process.
const SOON: Duration = Duration::from_secs(30);
pub(crate) const ADMIN_PASSWORD: &str = "password of the admin";

/// The server.
pub(crate) struct Slapd {
    child: Child,
    /// In clear, and the address for STARTTLS.
    pub(crate) url: String,
    /// TLS from the start.
    pub(crate) tls_url: String,
    port: u16,
    _directory: tempfile::TempDir,
    certificates: Option<tempfile::TempDir>,
}

impl Slapd {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With a certificate for this host, whose CA is in the file of the path that is returned. It
    /// refuses everything on a connection in clear.
    pub(crate) async fn with_tls(host: &str) -> (Self, String) {
        Self::with_certificate(CertificateParams::new([host.to_owned()]).unwrap()).await
    }

    /// As [`Slapd::with_tls`], with this certificate.
    pub(crate) async fn with_certificate(own: CertificateParams) -> (Self, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two CAs of the same name would be told apart by their keys only.
        ca.distinguished_name.push(DnType::CommonName, path("ca"));
        let root = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let own = own.signed_by(&key, &issuer).unwrap();
        for (name, pem) in
            [("ca.pem", root.pem()), ("own.pem", own.pem()), ("own.key", key.serialize_pem())]
        {
            std::fs::write(path(name), pem).unwrap();
        }
        let tls = format!(
            "security ssf=1 simple_bind=1\nTLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n",
            path("ca.pem"),
            path("own.pem"),
            path("own.key")
        );
        let mut slapd = Self::start_with(&tls).await;
        let ca_file = path("ca.pem");
        slapd.certificates = Some(directory);
        (slapd, ca_file)
    }

    /// With more lines before those of the databases.
    async fn start_with(lines: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["openldap", "active", "apache"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let path = root.display().to_string();
        let conf = root.join("slapd.conf");
        let configuration = CONFIGURATION.replace("DIRECTORY", &path).replace("RUN", &path);
        let configuration = configuration.replacen("moduleload", &format!("{lines}moduleload"), 1);
        std::fs::write(&conf, configuration).unwrap();
        load(root, &conf);
        let (port, tls_port) = (free_port(), free_port());
        let url = format!("ldap://127.0.0.1:{port}");
        let tls_url = format!("ldaps://127.0.0.1:{tls_port}");
        let urls = if lines.is_empty() { url.clone() } else { format!("{url} {tls_url}") };
        let mut command = Command::new("/usr/sbin/slapd");
        command.args(["-d", "0", "-h", &urls, "-f"]).arg(&conf);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("slapd is missing: run tests/databases.sh up");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "slapd does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Self { child, url, tls_url, port, _directory: directory, certificates: None }
    }

    /// Stops or continues the process: connections are accepted and nothing is answered.
    pub(crate) async fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
        // One of its threads stops the others, as soon as the busy machine runs it.
        let begun = Instant::now();
        while frozen && !self.is_stopped() {
            assert!(begun.elapsed() < SOON, "slapd does not stop");
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn is_stopped(&self) -> bool {
        let threads = read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let mut states = threads.map(|thread| read_to_string(thread.unwrap().path().join("stat")));
        states.all(|state| state.is_ok_and(|state| state.contains(") T ")))
    }

    /// Deletes an entry of the first directory.
    pub(crate) async fn delete(&self, dn: &str) {
        self.administrator().await.delete(dn).await.unwrap().success().unwrap();
    }

    /// Removes a user from a group of the first directory.
    pub(crate) async fn end_membership(&self, group: &str, user: &str) {
        let change = vec![Mod::Delete("memberUid", HashSet::from([user]))];
        self.administrator().await.modify(group, change).await.unwrap().success().unwrap();
    }

    /// Sets an attribute of an entry of the first directory.
    pub(crate) async fn set(&self, dn: &str, attribute: &str, value: &str) {
        let change = vec![Mod::Replace(attribute, HashSet::from([value]))];
        self.administrator().await.modify(dn, change).await.unwrap().success().unwrap();
    }

    /// Adds an entry of a person to the first directory.
    pub(crate) async fn add(&self, dn: &str, attributes: &[(&str, &str)]) {
        let attributes = [("objectClass", "inetOrgPerson"), ("sn", "A.")].iter().chain(attributes);
        let attributes = attributes.map(|(name, value)| (*name, HashSet::from([*value])));
        let added = self.administrator().await.add(dn, attributes.collect()).await;
        added.unwrap().success().unwrap();
    }

    async fn administrator(&self) -> Ldap {
        let (connection, mut ldap) = LdapConnAsync::new(&self.url).await.unwrap();
        tokio::spawn(connection.drive());
        let bound = ldap.simple_bind("cn=admin,dc=example,dc=org", ADMIN_PASSWORD).await;
        bound.unwrap().success().unwrap();
        ldap
    }

    /// Ends it; connections are refused from now on.
    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free at this moment; nobody else is given it within the next milliseconds.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Each database is loaded by itself.
fn load(root: &Path, conf: &Path) {
    for suffix in ["dc=example,dc=org", "dc=example,dc=com", "dc=apache,dc=example"] {
        let belongs = |entry: &&str| {
            entry.lines().next().is_some_and(|line| line.trim_end().ends_with(suffix))
        };
        let entries: Vec<&str> = ENTRIES.split("\n\n").filter(belongs).collect();
        assert!(entries.len() > 3, "{suffix}");
        let ldif = root.join("entries.ldif");
        std::fs::write(&ldif, entries.join("\n\n")).unwrap();
        let mut command = Command::new("/usr/sbin/slapadd");
        command.args(["-b", suffix, "-f"]).arg(conf).arg("-l").arg(&ldif);
        let loaded = command.output().expect("slapadd is missing: run tests/databases.sh up");
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    }
}
