//! Responses that are not what was requested.

use castalia_core::testing::{Endpoint, Fault};

use super::support::{Fixture, eventually, logged, record_log};

/// B84: what is in the place of a list or a release may be anything, also a value.
#[tokio::test(start_paused = true)]
async fn a_malformed_response_is_reported_without_its_content() {
    record_log();
    for endpoint in [Endpoint::Services, Endpoint::Config, Endpoint::Poll] {
        let fixture = Fixture::new();
        let body = Fault::body(200, r#""b84-in-the-body""#);
        fixture.server.fail_always(endpoint, Some(body));
        let (client, _config) = fixture.open().await;
        eventually("errors", || client.metrics().errors.len() >= 2).await;
        for error in client.metrics().errors {
            let text = format!("{error} {error:?}");
            assert!(text.contains("is not the JSON of a ") && text.contains("line=1"), "{text}");
            assert!(!text.contains("b84-in-the-body"), "{text}");
        }
        client.close().await;
    }
    assert!(logged("b84-in-the-body").is_empty());
}
