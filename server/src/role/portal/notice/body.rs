//! The body that webhooks receive: the one of Apollo's webhooks, an entry of the release history
//! with the values of the release.

use serde_json::json;

use crate::environment::{Address, Environment};
use crate::error::Result;
use crate::json;
use crate::role::portal::open_api::history::{self, PublishedValues};
use crate::wire::admin;
use crate::wire::open_api::ReleaseHistory;

/// Maximum body, in bytes. A larger one is sent without the values.
const LARGEST: usize = 8 * 1024 * 1024;

/// The body of a publish.
pub(super) async fn of_publish(
    environment: &Environment,
    entry: admin::ReleaseHistory,
) -> Result<String> {
    let address = Address::new(["releases", &entry.release_id.to_string()]);
    let release: Option<admin::Release> = match entry.release_id {
        0 => None,
        _ => environment.find(address).await?,
    };
    let release = release.map(PublishedValues::of_all);
    let body = ReleaseHistory {
        release_time_formatted: entry
            .data_change_last_modified_time
            .map(|time| history::ago(time, castalia_store::now())),
        ..history::history(release.as_ref(), entry)
    };
    let text = json::write(&body)?;
    if text.len() <= LARGEST {
        return Ok(text);
    }
    tracing::warn!(
        release_id = body.release_id,
        "a webhook is sent without the values of a release: they are too long"
    );
    json::write(&ReleaseHistory { configuration: None, ..body })
}

/// The body that tests a webhook.
pub(in crate::role::portal) fn test_body(operator: &str) -> Result<String> {
    json::write(&json!({ "test": true, "operator": operator }))
}
