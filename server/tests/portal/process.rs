//! A `castalia serve` process in place of the portal in this process, if `CASTALIA_TEST_PROCESS` is
//! set: the same tests then go through the listener, the configuration and the start of a node.
//! `process.txt` lists the tests that need the inside of the process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use axum::body::Body;
use castalia_server::settings::Installation;
use castalia_store::Store;
use http::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::world::PASSWORD;

/// Whether tests run against a process.
pub(crate) fn is_wanted() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    std::env::var_os("CASTALIA_TEST_PROCESS").is_some()
}

/// A running process; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    authority: String,
    client: Client<HttpConnector, Body>,
    _directory: tempfile::TempDir,
}

impl Process {
    /// Starts on these databases, with settings by their names.
    pub(crate) fn start(
        installation: Installation,
        [config, portal]: [&Store; 2],
        settings: &[(&str, &str)],
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_castalia"));
        command.args(["serve", "--env", "LOCAL", "--log-format", "json", "--sample-app", "off"]);
        command.args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0"]);
        command.args(["--config-db", config.url().expose(), "--portal-db", portal.url().expose()]);
        command.arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("CASTALIA_")) {
            command.env_remove(name);
        }
        command.env(
            "CASTALIA_COMPAT_DEFAULTS",
            match installation {
                Installation::Fresh => "fresh",
                Installation::Adopted => "adopted",
            },
        );
        for (name, text) in settings {
            command.env(format!("CASTALIA_{}", name.replace('.', "_").to_uppercase()), text);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let authority = portal_of(&mut lines);
        // Nothing reads further, but the pipe has to be drained.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { child, authority, client, _directory: directory }
    }

    /// The answer to a request whose address is a path.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        send(&self.client, &self.authority, request).await
    }

    /// Sets a key in the database with this path.
    pub(crate) fn set(&self, database: &str, key: &str, value: &str) {
        let path = format!("/openapi/v1/server/{database}/config");
        let body = json!({ "key": key, "value": value, "comment": "", "cluster": "default" });
        let work = set(&self.authority, path, body.to_string());
        // Called by steps that are not asynchronous, in a runtime that must not be blocked.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(work);
            });
        });
    }
}

async fn send(
    client: &Client<HttpConnector, Body>,
    authority: &str,
    mut request: Request<Body>,
) -> Response<Body> {
    let address = format!("http://{authority}{}", request.uri());
    *request.uri_mut() = address.parse().unwrap();
    client.request(request).await.unwrap().map(Body::new)
}

/// Signs in as the administrator and posts a setting.
async fn set(authority: &str, path: String, body: String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let post = |path: &str, kind: &str| Request::post(path).header("content-type", kind);
    let form = format!("username=apollo&password={}", PASSWORD.replace(' ', "+"));
    let request = post("/signin", "application/x-www-form-urlencoded").body(form.into()).unwrap();
    let session = send(&client, authority, request).await.headers()["set-cookie"].clone();
    let request = Request::get("/openapi/v1/user").header("cookie", &session);
    let user = send(&client, authority, request.body(Body::empty()).unwrap()).await;
    let request = post(&path, "application/json").header("cookie", &session);
    let request = request.header("x-csrf-token", &user.headers()["x-csrf-token"]);
    let answer = send(&client, authority, request.body(body.into()).unwrap()).await;
    assert_eq!(answer.status(), 200, "{path}");
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Host and port of the portal, which is ready when all roles listen.
fn portal_of(lines: &mut BufReader<ChildStdout>) -> String {
    let (mut portal, mut listening) = (String::new(), 0);
    while listening < 3 {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the server ended before it listened");
        let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
        if line["message"] == "listening" {
            listening += 1;
            if line["role"] == "portal" {
                line["address"].as_str().unwrap().clone_into(&mut portal);
            }
        }
    }
    portal
}
