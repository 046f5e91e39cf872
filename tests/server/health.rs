//! Health, and headers of every answer on every port.

use serde_json::json;

use crate::support::health::becomes;
use crate::support::http::Http;
use crate::support::server::Server;

/// Case 119 and 126: health is UP on every port, no answer allows other origins, unknown paths are
/// 404, wrong methods 405.
#[tokio::test]
async fn every_port_has_health_and_safe_headers() {
    let server = Server::start();
    for base in [&server.config, &server.admin, &server.portal] {
        let http = Http::new(base);
        for path in ["/health", "/health/live", "/health/ready"] {
            let health = becomes(&http, path, 200).await;
            assert!(health.text.contains("UP"), "{base}{path}: {health:?}");
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
