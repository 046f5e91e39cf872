//! Secrets with which the portal proves itself to other systems, or they to it: they must not leave
//! either if these systems refuse it or answer nonsense.

use std::path::Path;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::dump::dump;
use super::search::Search;
use super::{ADMINISTRATOR, METRICS, VALUE, WRONG};
use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::logged::Logged;
use crate::support::session;

const CLIENT: &str = "planted-secret-of-a-client-at-the-issuer-6c1d";
const BIND: &str = "planted-secret-password-of-the-directory-2e9f";
const PROXY: &str = "planted-secret-of-the-proxy-d1c7a0b35e48f2";
const MAIL: &str = "planted-secret-password-of-the-mail-server-8a4b";
const WEBHOOK: &str = "planted-secret-of-a-webhook-90fe";

/// A system that answers requests of HTTP with an error, begins with the greeting of a mail server,
/// and answers everything else with nonsense. Returns its address.
pub(super) async fn peer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let issuer = format!("http://{address}");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, issuer.clone()));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, issuer: String) -> Option<()> {
    let mut request = vec![0; 64 * 1024];
    let length = stream.read(&mut request).await.ok()?;
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = |path: &str| format!("{issuer}{path}");
    let (status, body) = match request.split(' ').nth(1) {
        Some("/.well-known/openid-configuration") => (
            "200 OK",
            json!({
                "issuer": issuer, "authorization_endpoint": path("/authorize"),
                "token_endpoint": path("/token"), "jwks_uri": path("/keys"),
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }),
        ),
        Some("/keys") => ("200 OK", json!({ "keys": [] })),
        _ => ("401 Unauthorized", json!({ "error": "invalid_client" })),
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\n");
    let answer = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.ok()
}

/// A node that logs at the finest level, and lets users of another system sign in.
fn start(directory: &Path, variables: &[(&str, &str)]) -> Logged {
    let common = [
        ("CASTALIA_ADMIN_PASSWORD", ADMINISTRATOR),
        ("CASTALIA_METRICS_TOKEN", METRICS),
        ("CASTALIA_LOG_LEVEL", "trace"),
        ("CASTALIA_SIGN_IN_LOCAL_USERS", "apollo"),
        ("CASTALIA_SECURITY_WEBHOOK_HOSTS", "127.0.0.1"),
    ];
    let variables: Vec<_> = common.iter().chain(variables).copied().collect();
    Logged::start(directory, &directory.with_extension("log"), 2, &[], &variables)
}

/// Uses the way of signing in, with what the other system refuses.
async fn sign_in(search: &mut Search, portal: &Http) {
    let wrong = [("username", "somebody"), ("password", WRONG)];
    search.answer("a refused sign-in", &portal.form("/signin", &wrong).await);
    let begun = portal.get("/oauth2/authorization/apollo").await;
    search.answer("the way to the issuer", &begun);
    if let Some(state) = begun.header("location").split("state=").nth(1) {
        let state = state.split('&').next().unwrap();
        let cookie = begun.header("set-cookie").split(';').next().unwrap().to_owned();
        let back = format!("/login/oauth2/code/apollo?code=planted&state={state}");
        search.answer("the way back", &portal.clone().with("cookie", &cookie).get(&back).await);
    }
    let proxied = portal.clone().with("X-Forwarded-User", "somebody");
    for secret in [PROXY, WRONG] {
        let page = proxied.clone().with("X-Castalia-Proxy-Secret", secret).get("/").await;
        search.answer("a page", &page);
    }
}

/// Publishes with mail and a webhook, both of which fail.
async fn notify(search: &mut Search, root: &Http, peer: &str) {
    for (key, value) in [
        ("email.enabled", "true"),
        ("email.supported.envs", "DEV"),
        ("email.config.host", peer),
        ("email.sender", "apollo@example.com"),
        ("email.config.user", "apollo"),
        ("email.config.password", MAIL),
        ("email.config.allowPlainPassword", "true"),
    ] {
        let setting = json!({ "key": key, "value": value });
        root.post("/openapi/v1/server/portal-db/config", setting).await.ok();
    }
    let webhook = json!({ "url": format!("http://{peer}/hook"), "secret": WEBHOOK });
    root.post("/openapi/v1/webhooks", webhook).await.ok();
    let token = root.post("/openapi/v1/user-tokens", json!({ "name": "planted" })).await.ok();
    let token = token.json()["tokenValue"].as_str().unwrap().to_owned();
    search.plant("an access token of a user", &token);
    let api = Http::new(root.base()).with("Authorization", &format!("Bearer {token}"));
    let demo = Demo::create_in(api.clone(), "DEV", "demo").await;
    demo.set("k", VALUE).await;
    demo.publish().await;
    search.answer("the webhooks", &root.get("/openapi/v1/webhooks").await.ok());
    let deliveries = eventually("a failed attempt", async || {
        let log = root.get("/openapi/v1/webhooks/deliveries").await.ok();
        let rows = log.json();
        let tried = |row: &Value| row["attempts"] != 0;
        rows.as_array().unwrap().iter().any(tried).then_some(log)
    });
    search.answer("the deliveries", &deliveries.await);
}

/// The three ways of signing in with another system, each with a secret.
pub(super) fn ways(peer: &str) -> [Vec<(&'static str, String)>; 3] {
    [
        vec![
            ("CASTALIA_OIDC_ISSUER_URI", format!("http://{peer}")),
            ("CASTALIA_OIDC_CLIENT_ID", "castalia".to_owned()),
            ("CASTALIA_OIDC_CLIENT_SECRET", CLIENT.to_owned()),
        ],
        vec![
            ("CASTALIA_LDAP_URLS", format!("ldap://{peer}")),
            ("CASTALIA_LDAP_BASE", "dc=example".to_owned()),
            ("CASTALIA_LDAP_SEARCH_FILTER", "(uid={0})".to_owned()),
            ("CASTALIA_LDAP_USERNAME", "cn=castalia,dc=example".to_owned()),
            ("CASTALIA_LDAP_PASSWORD", BIND.to_owned()),
        ],
        vec![
            ("CASTALIA_PROXY_SIGN_IN_USER_HEADER", "X-Forwarded-User".to_owned()),
            ("CASTALIA_PROXY_SIGN_IN_SECRET", PROXY.to_owned()),
        ],
    ]
}

/// SEC-12: what the portal and other systems prove themselves with is in no log, no answer and no
/// row in clear.
#[tokio::test]
async fn secrets_of_other_systems_leave_by_no_side() {
    let peer = peer().await;
    let mut search = Search::default();
    let directories = tempfile::tempdir().unwrap();
    for (number, way) in ways(&peer).into_iter().enumerate() {
        let directory = directories.path().join(number.to_string());
        let way: Vec<_> = way.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let server = start(&directory, &way);
        let portal = Http::new(&server.address("portal"));
        sign_in(&mut search, &portal).await;
        let root = session::sign_in(portal.base(), ADMINISTRATOR).await;
        notify(&mut search, &root, &peer).await;
        portal.get("/the-last-request").await;
        let is_written = async || server.log().contains("/the-last-request").then_some(());
        eventually("the last line of the log", is_written).await;
        search.add("the log", server.log());
        search.add("the database", dump(&Database::file(&directory, "portal.db")).await);
    }
    search.run();
}
