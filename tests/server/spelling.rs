//! Other spellings of an app or a user on a database that considers them equal: its usual collation
//! ignores case, accents and trailing blanks. They grant no access, and leave no rows of their own,
//! which no client would ever be served (SEC-05).

use reqwest::Method;
use serde_json::Value;

use crate::fault::race::operations::{self, Request};
use crate::fault::race::subject::Subject;
use crate::support::database::{Database, Engine, Fresh};
use crate::support::http::{Answer, Http};
use crate::support::server::{Options, PASSWORD, Server, command};

/// Columns that contain an app id, alone or as a part.
const CONFIG: [(&str, &str); 12] = [
    ("App", "AppId"),
    ("AppNamespace", "AppId"),
    ("Cluster", "AppId"),
    ("Namespace", "AppId"),
    ("AccessKey", "AppId"),
    ("Release", "AppId"),
    ("ReleaseHistory", "AppId"),
    ("ReleaseMessage", "Message"),
    ("GrayReleaseRule", "AppId"),
    ("Commit", "AppId"),
    ("InstanceConfig", "ConfigAppId"),
    ("Instance", "AppId"),
];
const PORTAL: [(&str, &str); 4] =
    [("App", "AppId"), ("AppNamespace", "AppId"), ("Role", "RoleName"), ("Permission", "TargetId")];

/// Spellings of an ASCII app id that MariaDB's general collation considers equal.
fn spellings(app_id: &str) -> [String; 3] {
    [app_id.to_uppercase(), app_id.replacen('a', "\u{e1}", 1), format!("{app_id} ")]
}

/// The text of each column, byte by byte: a comparison in the database would hide the differences.
async fn texts(database: &Database, columns: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in columns {
        let sql = format!(r#"SELECT HEX("{column}") AS "Hex" FROM "{table}""#);
        for row in database.rows(&sql).await {
            let bytes = hex::decode(row["Hex"].as_str().unwrap_or_default()).unwrap();
            found.push(format!("{table}.{column}: {}|", String::from_utf8_lossy(&bytes)));
        }
    }
    found
}

struct World {
    server: Server,
    token: String,
    config: Fresh,
    portal: Fresh,
}

impl World {
    async fn start() -> Option<Self> {
        let (config, portal) =
            (Fresh::on(Engine::MySql).await?, Fresh::on(Engine::MySql).await.unwrap());
        let server = Server::start_with(
            Options::new()
                .flag("--config-db", &config.database.url)
                .flag("--portal-db", &portal.database.url)
                .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false"),
        );
        let output = command(&["token", "create", "--name", "spelling", "--all-apps"])
            .args(["--portal-db", &portal.database.url, "--config-db", &config.database.url])
            .args(["--data-dir".as_ref(), server.data_dir().as_os_str()])
            .output()
            .unwrap();
        let token = String::from_utf8(output.stdout).unwrap();
        let token = token.split_whitespace().next_back().unwrap().to_owned();
        Some(Self { server, token, config, portal })
    }

    fn api(&self) -> Http {
        Http::new(&self.server.portal).with("Authorization", &self.token)
    }

    async fn send(&self, request: Request) -> Answer {
        let http = if request.is_portal { self.api() } else { Http::new(&self.server.admin) };
        http.send(request.method, &request.path, request.body).await
    }

    async fn end(self) {
        drop(self.server);
        self.config.remove().await;
        self.portal.remove().await;
    }
}

/// The same request with another spelling of the app, if it contains one.
fn respelled(mut request: Request, app_id: &str, spelling: &str) -> Option<Request> {
    // A new app of its own would be legitimate.
    let new = format!("{app_id}-new");
    let encoded = castalia_core::protocol::route::encode(spelling).into_owned();
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    if !request.path.contains(app_id) && !body.contains(app_id) {
        return None;
    }
    request.path = request.path.replace(app_id, &encoded);
    request.body = request.body.map(|_| {
        serde_json::from_str(&body.replace(&new, app_id).replace(app_id, spelling)).unwrap()
    });
    Some(request)
}

/// SEC-05: every operation that changes something is refused for another spelling of an app, or
/// changes the stored one.
#[tokio::test]
async fn another_spelling_of_an_app_leaves_no_rows_of_its_own() {
    let Some(world) = World::start().await else { return };
    let (admin, api) = (Http::new(&world.server.admin), world.api());
    let mut subject: Option<Subject> = None;
    let mut number = 0;
    let mut sent = Vec::new();
    for operation in operations::all() {
        for at in 0..3 {
            let current = match subject.take() {
                Some(subject) => subject,
                None => {
                    number += 1;
                    Subject::create(number, &admin, Some(&api)).await
                }
            };
            let spelling = spellings(&current.app_id)[at].clone();
            let request = operations::request(operation, &current, "a");
            let Some(request) = respelled(request, &current.app_id, &spelling) else {
                subject = Some(current);
                continue;
            };
            let is_portal = request.is_portal;
            let answer = world.send(request).await;
            // Each change set has a status of its own.
            let own = u64::from(answer.status);
            let of_set = || answer.json()[0]["status"].as_u64().unwrap_or(own);
            let status = if operation.ends_with("/change-sets") { of_set() } else { own };
            assert!(status < 500, "{operation} as {spelling}: {answer:?}");
            // On the open API a path names an app exactly, otherwise permissions would not apply.
            assert!(!is_portal || status >= 400, "{operation} as {spelling}: {answer:?}");
            if status >= 400 {
                subject = Some(current);
            }
            sent.push((operation, spelling, status));
        }
    }
    let mut stored = texts(&world.config.database, &CONFIG).await;
    stored.extend(texts(&world.portal.database, &PORTAL).await);
    for (operation, spelling, status) in &sent {
        // The stored names end with one of these.
        let forms = ["|", "+", "\"", "\\"].map(|end| format!("{spelling}{end}"));
        let own = stored.iter().find(|text| forms.iter().any(|form| text.contains(form)));
        assert_eq!(own, None, "{operation} as {spelling} answered {status}");
    }
    assert!(sent.len() > 90, "{}", sent.len());
    world.end().await;
}

/// SEC-05, SEC-13: a user signs in by the stored name in any case; a name that only the database
/// considers equal is another name, otherwise password guesses would be counted for many names
/// instead of one.
#[tokio::test]
async fn a_user_is_known_by_one_name() {
    let Some(world) = World::start().await else { return };
    let portal = Http::new(&world.server.portal);
    for (name, is_known) in [
        ("apollo", true),
        ("APOLLO", true),
        ("\u{e1}pollo", false),
        ("apollo ", false),
        ("\u{ff41}pollo", false),
    ] {
        let answer = portal.form("/signin", &[("username", name), ("password", PASSWORD)]).await;
        let place = if is_known { "/" } else { "/signin?#/error" };
        assert_eq!(answer.header("location"), place, "{name:?}");
    }
    // A token is compared byte by byte.
    for token in [world.token.to_uppercase(), format!("{} ", world.token)] {
        let http = Http::new(&world.server.portal).with("Authorization", token.trim_end());
        let is_exact = token.trim_end() == world.token;
        let answer = http.send(Method::GET, "/openapi/v1/apps", None).await;
        assert_eq!(answer.status, if is_exact { 200 } else { 401 }, "{token:?}");
    }
    world.end().await;
}
