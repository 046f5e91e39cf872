//! Spellings of a URL that must not bypass the access key (SEC-04), and names that must not match
//! another one (SEC-05).

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::demo::Demo;
use crate::support::eventually::eventually;
use crate::support::http::Http;
use crate::support::poll;
use crate::support::raw;
use crate::support::server::{Options, Server};

/// Number of URLs for each endpoint.
const MUTATIONS: usize = 200;

/// A server with one published app, `app`, behind a key.
async fn secured(options: Options) -> Server {
    let options = options
        .flag("--roles", "config,meta,admin")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false")
        .variable("CASTALIA_LONG_POLLING_TIMEOUT", "1");
    let server = Server::start_with(options);
    let app = App::create(&Http::new(&server.admin), "app").await;
    app.publish("secret").await;
    app.add_key("s1", 0, true).await;
    let http = Http::new(&server.config);
    let is_closed = async || {
        let answer = http.get("/configs/app/default/application").await;
        (answer.status == 401).then_some(())
    };
    eventually("the key", is_closed).await;
    server
}

/// Every change at one position of a URL.
fn changed(url: &str) -> Vec<String> {
    let (path, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(path, query)| (path, format!("?{query}")));
    let mut urls = Vec::new();
    for (at, _) in path.match_indices('/') {
        let (before, after) = (&path[..at], &path[at + 1..]);
        for slash in [
            "//",
            "/./",
            "/../",
            "/x/../",
            "/%2e/",
            "/%2e%2e/",
            "/;x/",
            "/.;/",
            "%2F",
            "%2f",
            "%252F",
            "%5C",
            "\\",
            "%c0%af",
            "%e0%80%af",
        ] {
            urls.push(format!("{before}{slash}{after}{query}"));
        }
    }
    let segments: Vec<&str> = path.split('/').collect();
    for (at, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.is_empty()) {
        let first = format!("%{:02x}{}", segment.as_bytes()[0], &segment[1..]);
        let upper = segment.to_uppercase();
        let mut forms = vec![first, upper];
        let ends = [
            "%00",
            "%00.json",
            ";a=b",
            ";",
            "%20",
            "%09",
            "%0a",
            ".",
            "%2e",
            "%23",
            "%3f",
            "%ef%bc%8f",
            "%cc%81",
        ];
        forms.extend(ends.iter().map(|end| format!("{segment}{end}")));
        for form in forms {
            let mut other = segments.clone();
            other[at] = &form;
            urls.push(format!("{}{query}", other.join("/")));
        }
    }
    urls.extend(
        ["/", "//", "/.", "/..;/", "%2F", "?", "#x"].map(|end| format!("{path}{end}{query}")),
    );
    urls.extend(
        ["&appId=ghost", "&appId=", "&AppId=ghost", "&appId%5B%5D=ghost", "&app%49d=ghost"]
            .map(|more| format!("{url}{more}")),
    );
    for other in [
        "ghost",
        "APP",
        "%61pp",
        "app%00",
        "app%20",
        "app;",
        "%C3%A1pp",
        "app,ghost",
        "app%26appId=ghost",
    ] {
        urls.push(url.replace("appId=app", &format!("appId={other}")));
    }
    urls.push(url.replace("appId=app", "appId=ghost&appId=app"));
    urls.push(format!("http://other{url}"));
    urls
}

/// At least this many different URLs: single changes, then changes of changed ones.
fn mutations(url: &str) -> Vec<String> {
    let mut urls = changed(url);
    let mut at = 0;
    while urls.len() < MUTATIONS + 20 {
        urls.extend(changed(&urls[at * 7 % urls.len()].clone()).into_iter().step_by(3));
        at += 1;
    }
    urls.sort();
    urls.dedup();
    urls.retain(|other| other != url && other.is_ascii());
    urls
}

/// SEC-04: none of 200 spellings of each endpoint without a signature returns data.
#[tokio::test]
async fn no_spelling_of_a_url_leads_past_the_key() {
    let server = secured(Options::new().flag("--compat-defaults", "adopted")).await;
    let list = poll::list(&[("application", -1)]);
    for url in [
        "/configs/app/default/application".to_owned(),
        "/configfiles/app/default/application".to_owned(),
        "/configfiles/json/app/default/application".to_owned(),
        "/configfiles/raw/app/default/application".to_owned(),
        format!("/notifications/v2?appId=app&cluster=default&notifications={list}"),
        "/notifications?appId=app&cluster=default&notificationId=-1".to_owned(),
    ] {
        assert_eq!(raw::get(&server.config, &url, &[]).await.status, 401, "{url}");
        let urls = mutations(&url);
        assert!(urls.len() >= MUTATIONS, "{} for {url}", urls.len());
        for batch in urls.chunks(16) {
            futures_util::future::join_all(batch.iter().map(|url| refuses(&server, url))).await;
        }
    }
}

/// SEC-04: of 200 spellings of a path of the admin port without a token, and of the open API with a
/// token of another app, none returns data.
#[tokio::test]
async fn no_spelling_of_a_path_leads_past_a_token_or_a_right() {
    let server = Server::start_with(Options::new());
    let api = server.open_api();
    for app_id in ["app", "other"] {
        let app = Demo::create_in(api.clone(), "DEV", app_id).await;
        app.set("k", "secret").await;
        app.publish().await;
    }
    let foreign = server.token("other", &["--app", "other"]);
    let namespace = "/apps/app/clusters/default/namespaces/application";
    for (base, url, token) in [
        (&server.admin, format!("{namespace}/items"), ""),
        (&server.admin, format!("{namespace}/releases/latest"), ""),
        (&server.portal, format!("/openapi/v1/envs/DEV{namespace}/items/k"), foreign.as_str()),
        (&server.portal, format!("/openapi/v1/envs/DEV{namespace}/releases/latest"), &foreign),
    ] {
        let headers = [("authorization", token)];
        let headers = if token.is_empty() { &headers[..0] } else { &headers[..] };
        assert!(matches!(raw::get(base, &url, headers).await.status, 401 | 403), "{url}");
        let urls = mutations(&url);
        assert!(urls.len() >= MUTATIONS, "{} for {url}", urls.len());
        for url in urls {
            let request = raw::request("GET", &url, base, headers);
            // A byte that is not allowed in a request line closes the connection, which is a
            // refusal too.
            let Ok(answer) = raw::send(base, &request).await else { continue };
            assert!(answer.status >= 300 || answer.text.is_empty(), "{url}: {answer:?}");
            assert!(!answer.text.contains("secret"), "{url}: {answer:?}");
        }
    }
}

async fn refuses(server: &Server, url: &str) {
    // A byte that is not allowed in a request line closes the connection, which is a refusal too.
    let Ok(answer) =
        raw::send(&server.config, &raw::request("GET", url, &server.config, &[])).await
    else {
        return;
    };
    assert!(
        answer.status != 200
            && !answer.text.contains("secret")
            && !answer.text.contains("+default+"),
        "{url}: {answer:?}"
    );
    assert!(answer.status != 304 || url.contains("notifications"), "{url}: {answer:?}");
}

/// SEC-05: names that a lenient database considers equal are different, whether or not case is
/// folded.
#[tokio::test]
async fn names_that_only_a_database_takes_for_the_same_are_others() {
    for folds in ["true", "false"] {
        let options = Options::new().flag("--compat-fold-names", folds);
        others_get_nothing(&secured(options).await).await;
    }
    // The usual collation of this engine ignores case, accents and trailing blanks.
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    for folds in ["true", "false"] {
        let options = Options::new()
            .flag("--compat-fold-names", folds)
            .flag("--config-db", &fresh.database.url);
        let server = if folds == "true" { secured(options).await } else { again(options) };
        others_get_nothing(&server).await;
    }
    fresh.remove().await;
}

fn again(options: Options) -> Server {
    Server::start_with(
        options.flag("--roles", "config,meta").variable("CASTALIA_LONG_POLLING_TIMEOUT", "1"),
    )
}

async fn others_get_nothing(server: &Server) {
    for app_id in [
        "App",
        "APP",
        "app%20",
        "%20app",
        "%C3%A1pp",
        "a%CC%81pp",
        "%EF%BD%81%EF%BD%90%EF%BD%90",
        "app%E2%80%8B",
        "ap%C3%BE",
    ] {
        for path in [
            format!("/configs/{app_id}/default/application"),
            format!("/configfiles/json/{app_id}/default/application"),
            format!(
                "/notifications/v2?appId={app_id}&cluster=default&notifications={}",
                poll::list(&[("application", -1)])
            ),
        ] {
            let answer = raw::get(&server.config, &path, &[]).await;
            assert!(
                matches!(answer.status, 400 | 401 | 404) || answer.text.is_empty(),
                "{path}: {answer:?}"
            );
            assert!(
                !answer.text.contains("secret") && !answer.text.contains("+default+"),
                "{path}: {answer:?}"
            );
        }
    }
}

/// SEC-05: clusters and namespaces are compared in the same way: only ASCII case is ignored.
#[tokio::test]
async fn clusters_and_namespaces_fold_ascii_letters_only() {
    let Some(fresh) = Fresh::on(Engine::MySql).await else { return };
    for folds in [true, false] {
        let options = Options::new()
            .flag("--roles", "config,meta,admin")
            .flag("--config-db", &fresh.database.url)
            .flag("--compat-fold-names", if folds { "true" } else { "false" })
            .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
        let server = Server::start_with(options);
        if folds {
            let app = App::create(&Http::new(&server.admin), "names").await;
            app.add_cluster("place").await;
            app.release("place", "application", &[("k", "v")]).await;
        }
        let http = Http::new(&server.config);
        let status = async |cluster: &str, namespace: &str| {
            http.get(&format!("/configs/names/{cluster}/{namespace}")).await.status
        };
        eventually("the release", async || {
            (status("place", "application").await == 200).then_some(())
        })
        .await;
        assert_eq!(status("place", "APPLICATION").await, 200);
        assert_eq!(status("PLACE", "application").await, if folds { 200 } else { 404 });
        for (cluster, namespace) in [
            ("pl%C3%A1ce", "application"),
            ("place%20", "application"),
            ("place", "%C3%A1pplication"),
            ("place", "application%20"),
            ("%EF%BD%90lace", "application"),
        ] {
            assert_eq!(status(cluster, namespace).await, 404, "{cluster}/{namespace}");
        }
    }
    fresh.remove().await;
}
