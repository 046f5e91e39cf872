//! Values at the limits of what a database stores: refused with a reason or stored, without side
//! effects.

use serde_json::json;

use crate::support::app::App;
use crate::support::database::{Engine, Fresh};
use crate::support::http::Http;
use crate::support::server::{Options, Server};

async fn odd_values_do_no_harm(database: Option<&str>) {
    let options = Options::new()
        .flag("--roles", "config,meta,admin")
        .flag("--advertise", "http://127.0.0.1")
        .variable("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "false");
    let server = Server::start_with(match database {
        Some(url) => options.flag("--config-db", url),
        None => options,
    });
    let http = Http::new(&server.admin);
    let app = App::create(&http, "demo").await;
    let path = app.path("default", "application");
    let items = format!("{path}/items");
    let item = |key: &str, value: &str, line: i64| json!({ "key": key, "value": value, "lineNum": line, "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u" });
    let answer = http.post(&items, item("nul", "a\0b", 0)).await;
    assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    for line in [-1, 4_294_967_295, i64::MAX] {
        let answer = http.post(&items, item("far", "v", line)).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("invalid_line")),
            "{line}"
        );
    }
    http.post(&items, item("last", "v", 2_000_000_000)).await.ok();
    http.post(&items, item("behind", "v", 0)).await.ok();

    for page in ["9223372036854775807", "18446744073709551615", "1844674407370955161"] {
        let found = http.get(&format!("{path}/items-with-page?page={page}&size=2000")).await;
        assert_eq!(found.ok().json()["content"], json!([]), "{page}");
        http.get(&format!("{path}/releases/all?page={page}&size=1")).await.ok();
    }

    app.publish("1").await;
    let branch = app.add_branch("application", &["10.0.0.1"], &[]).await;
    app.release(&branch, "application", &[("k", "gray")]).await;
    let odd = App::existing(&http, "DEMO");
    let rules = json!({
        "appId": "DEMO", "clusterName": "DEFAULT", "namespaceName": "application", "branchName": branch,
        "ruleItems": [{ "clientAppId": "demo", "clientIpList": ["10.0.0.2"], "clientLabelList": [] }],
        "dataChangeCreatedBy": "u", "dataChangeLastModifiedBy": "u",
    });
    let path = format!("{}/branches/{branch}/rules", odd.path("DEFAULT", "application"));
    let changed = http.put(&path, rules).await.status == 200;
    let served = Http::new(&server.config)
        .get(&format!(
            "/configs/demo/default/application?ip=10.0.0.{}",
            if changed { 2 } else { 1 }
        ))
        .await
        .ok();
    // An engine that ignores case finds the branch; clients must receive what is changed there.
    assert_eq!(served.json()["configurations"]["k"], "gray", "{changed}");
    assert_eq!(changed, database.is_some_and(|url| url.starts_with("mysql")));
}

#[tokio::test]
async fn odd_values_do_no_harm_on_sqlite() {
    odd_values_do_no_harm(None).await;
}

#[tokio::test]
async fn odd_values_do_no_harm_on_mysql() {
    on(Engine::MySql).await;
}

#[tokio::test]
async fn odd_values_do_no_harm_on_postgres() {
    on(Engine::Postgres).await;
}

async fn on(engine: Engine) {
    let Some(fresh) = Fresh::on(engine).await else { return };
    odd_values_do_no_harm(Some(&fresh.database.url)).await;
    fresh.remove().await;
}
