//! A config or admin service of Apollo, from its own package, on the database that the tests share
//! with it.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::interop::eureka::json_calls;
use crate::interop::eureka::program::Program;
use crate::support::http::Http;
use crate::support::variable;

/// A kind of service.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Config,
    Admin,
}

/// A running service; killed when it is dropped.
pub(super) struct Apollo {
    pub(super) program: Program,
    kind: Kind,
    /// Its address in Eureka.
    pub(super) url: String,
    _logs: TempDir,
}

impl Apollo {
    /// Starts a service on this port, in Eureka mode.
    pub(super) fn launch(kind: Kind, port: u16, settings: &[(&str, &str)]) -> Self {
        let package = match kind {
            Kind::Config => "CASTALIA_TEST_CONFIG_JAR",
            Kind::Admin => "CASTALIA_TEST_ADMIN_JAR",
        };
        let logs = tempfile::tempdir().unwrap();
        let (user, password, database) = database();
        let (port, log) = (port.to_string(), logs.path().join("log").display().to_string());
        let own = [
            ("spring.profiles.active", "github"),
            ("spring.datasource.url", &*database),
            ("spring.datasource.username", &*user),
            ("spring.datasource.password", &*password),
            ("server.address", "127.0.0.1"),
            ("server.port", &*port),
            ("eureka.instance.ip-address", "127.0.0.1"),
            ("logging.file.name", &*log),
        ];
        let mut command = Command::new("java");
        command
            .args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(["-Duser.timezone=UTC", "-jar", &configured(package)])
            .args(own.iter().chain(settings).map(|(name, value)| format!("--{name}={value}")));
        let url = format!("http://127.0.0.1:{port}/");
        Self { program: Program::start(command), kind, url, _logs: logs }
    }

    /// Waits until it answers.
    pub(super) fn ready(mut self) -> Self {
        self.program.line(&format!("Started {:?}ServiceApplication", self.kind));
        self
    }

    pub(super) fn calls(&self) -> Http {
        json_calls(self.url.trim_end_matches('/'))
    }
}

/// The services of a kind that a meta service lists.
pub(super) async fn listed(meta: &Http, kind: Kind) -> Vec<Value> {
    let path = match kind {
        Kind::Config => "/services/config",
        Kind::Admin => "/services/admin",
    };
    meta.get(path).await.ok().json().as_array().unwrap().clone()
}

/// User, password and address of the database in Java's form.
fn database() -> (String, String, String) {
    let url = configured("CASTALIA_TEST_CONFIG_DB");
    let (credentials, place) = url.strip_prefix("mysql://").unwrap().split_once('@').unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    (user.into(), password.into(), format!("jdbc:mysql://{place}?characterEncoding=utf8"))
}

pub(super) fn configured(name: &str) -> String {
    variable(name).unwrap_or_else(|| panic!("{name} is not set; tests/upstream.sh eureka sets it"))
}
