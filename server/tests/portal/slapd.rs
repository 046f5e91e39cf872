//! OpenLDAP on a free port with three directories in the shapes of the samples of Apollo's portal,
//! killed when it is dropped. `tests/databases.sh up` installs it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONFIGURATION: &str = include_str!("slapd.conf");
const ENTRIES: &str = include_str!("directory.ldif");
pub(crate) const ADMIN_PASSWORD: &str = "password of the admin";

/// The server.
pub(crate) struct Slapd {
    child: Child,
    pub(crate) url: String,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Slapd {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for name in ["openldap", "active", "apache"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let path = root.display().to_string();
        let conf = root.join("slapd.conf");
        std::fs::write(&conf, CONFIGURATION.replace("DIRECTORY", &path).replace("RUN", &path))
            .unwrap();
        load(root, &conf);
        // Free at this moment; nobody else is given it within the next milliseconds.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let url = format!("ldap://127.0.0.1:{port}");
        let mut command = Command::new("/usr/sbin/slapd");
        command.args(["-d", "0", "-h", &url, "-f"]).arg(&conf);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("slapd is missing: run tests/databases.sh up");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "slapd does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { child, url, port, _directory: directory }
    }

    /// Stops or continues the process: connections are accepted and nothing is answered.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
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
