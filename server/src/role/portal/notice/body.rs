//! The body that webhooks receive: the one of Apollo's webhooks, an entry of the release history
//! with the values of the release.

use serde_json::json;

use crate::environment::{Address, Environment, Relayed};
use crate::error::{Code, Error, Reaction, Result};
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
    match environment.find(Address::new(["releases", &id.to_string()])).await {
        Err(error) if is_absent(&error, Code::ReleaseNotFound) => Ok(None),
        found => found,
    }
}

/// Whether an admin service says that there is no such object, with this code: a proxy whose service
/// restarts may answer 404 as well, without a body of ours.
pub(super) fn is_absent(error: &Error, code: Code) -> bool {
    error.code() == code || error.reaction() == Reaction::NotFound && Relayed::of(error).is_some()
}

/// The body that tests a webhook.
pub(in crate::role::portal) fn test_body(operator: &str) -> Result<String> {
    json::write(&json!({ "test": true, "operator": operator }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X87.
    #[test]
    fn only_an_admin_service_says_that_a_release_was_deleted() {
        let error = Error::not_found("An answer without a body.");
        assert!(!is_absent(&error, Code::ReleaseNotFound), "a proxy in front of it");
        assert!(is_absent(&error.with_code(Code::ReleaseNotFound), Code::ReleaseNotFound));
    }
}
