//! Discovery, health and what every answer carries.

use serde_json::json;

use crate::support::http::Http;
use crate::support::server::{Options, Server};

/// Cases 106 to 108, 117, 118: a node lists its own services; parameters make no difference.
#[tokio::test]
async fn a_node_lists_its_own_services() {
    let server = Server::start();
    let http = Http::new(&server.config);
    let uri = format!("{}/", server.config);
    let config =
        json!({ "appName": "apollo-configservice", "instanceId": uri, "homepageUrl": uri });
    let uri = format!("{}/", server.admin);
    let admin = json!({ "appName": "apollo-adminservice", "instanceId": uri, "homepageUrl": uri });
    assert_eq!(http.get("/services/meta").await.ok().text, "[]");
    assert_eq!(http.get("/services/config").await.ok().json(), json!([config]));
    assert_eq!(http.get("/services/config?appId=x&ip=1.2.3.4").await.ok().json(), json!([config]));
    assert_eq!(http.get("/services/admin").await.ok().json(), json!([admin]));
    assert_eq!(http.get("/").await.ok().json(), json!([config, admin]));
}

/// Case 108: without an admin role there is no admin service.
#[tokio::test]
async fn a_node_without_admin_role_lists_no_admin_service() {
    let server = Server::start_with(Options::new().flag("--roles", "config,meta"));
    assert_eq!(Http::new(&server.config).get("/services/admin").await.ok().text, "[]");
}

/// Case 119 and 126: health says UP on every port, no answer allows other origins, unknown paths are 404, wrong methods 405.
#[tokio::test]
async fn every_port_has_health_and_safe_headers() {
    let server = Server::start();
    for base in [&server.config, &server.admin, &server.portal] {
        let http = Http::new(base);
        for path in ["/health", "/health/live", "/health/ready"] {
            assert!(http.get(path).await.ok().text.contains("UP"), "{base}{path}");
        }
        let unknown = http.get("/actuator/env").await;
        assert_eq!(unknown.status, 404, "{unknown:?}");
        for answer in [unknown, http.get("/health").await] {
            assert_eq!(answer.header("access-control-allow-origin"), "");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
    }
    assert_eq!(Http::new(&server.config).post("/services/config", json!({})).await.status, 405);
}
