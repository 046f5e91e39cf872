//! The body that webhooks receive: the one of Apollo's webhooks, an entry of the release history
//! with the values of the release.

use serde_json::json;

use crate::environment::{Address, Environment};
use crate::error::{Result, if_found};
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
    let release = release(environment, entry.release_id).await?.map(PublishedValues::of_all);
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
        "a notice is sent without the values of a release: they are too long"
    );
    json::write(&ReleaseHistory { configuration: None, ..body })
}

/// A release; `None` without an id, or if it was deleted meanwhile: a notice about it is sent anyway.
pub(super) async fn release(environment: &Environment, id: i64) -> Result<Option<admin::Release>> {
    if id == 0 {
        return Ok(None);
    }
    let found = environment.find(Address::new(["releases", &id.to_string()])).await;
    Ok(if_found(found)?.flatten())
}

/// The body that tests a webhook.
pub(in crate::role::portal) fn test_body(operator: &str) -> Result<String> {
    json::write(&json!({ "test": true, "operator": operator }))
}
