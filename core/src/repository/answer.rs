//! Interprets a response of `/configs`, given the release that its request was based on.

use tracing::warn;

use super::OPERATION;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::namespace::{KEY_SEPARATOR, NamespaceKey, strip_properties_suffix};
use crate::protocol::wire::{
    ApolloConfig, ConfigurationChange, Configurations, FULL_SYNC, INCREMENTAL_SYNC,
};
use crate::snapshot::Snapshot;
use crate::transport::ServiceResponse;

/// What a response means for the known release.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReleaseUpdate {
    /// The known release is the newest.
    Unchanged,
    /// Release key and configurations of another release.
    New(String, Configurations),
    /// A difference without a base, or with an unknown one; the full configurations must be
    /// requested.
    NeedsFull,
}

/// Interprets a response. `base` is the release whose key was sent; `None` if none was sent.
///
/// # Errors
/// [`ErrorKind::Protocol`] if the response is not a release.
pub(super) fn interpret(
    answer: ServiceResponse,
    requested: &NamespaceKey,
    base: Option<&Snapshot>,
) -> Result<ReleaseUpdate> {
    let body = match answer {
        ServiceResponse::Body(body) => body,
        ServiceResponse::NotModified if base.is_some() => return Ok(ReleaseUpdate::Unchanged),
        ServiceResponse::NotModified => {
            return Err(protocol("received 304 for a request without a release key"));
        }
    };
    let config: ApolloConfig = serde_json::from_slice(&body).map_err(|error| {
        protocol("the response is not the JSON of a release").with_position_of(&error)
    })?;
    check_names(&config, requested)?;
    warn_case_mismatch(&config, requested);
    match config.config_sync_type.as_deref() {
        // Servers before incremental updates were introduced send no type.
        None | Some("" | FULL_SYNC) => match config.configurations {
            Some(content) => Ok(ReleaseUpdate::New(config.release_key, content)),
            None => Err(protocol(
                "the response has no configurations and is not a release; check which server answers at this address",
            )),
        },
        Some(INCREMENTAL_SYNC) => Ok(match base.filter(|base| !is_merged(base.release_key())) {
            Some(base) => {
                let changes = config.configuration_changes.unwrap_or_default();
                let content = base.configurations().clone();
                ReleaseUpdate::New(config.release_key, apply_changes(content, changes))
            }
            None => ReleaseUpdate::NeedsFull,
        }),
        // An unknown type may mean anything, so applying it could corrupt the values.
        Some(other) => Err(protocol("unknown configSyncType").with("sync_type", other)),
    }
}

/// Refuses a release of another app or namespace, which a confused cache or proxy may deliver. A
/// cluster may differ: servers name the one whose release they serve.
fn check_names(config: &ApolloConfig, requested: &NamespaceKey) -> Result<()> {
    for (what, actual, requested) in [
        ("actual_app_id", config.app_id.as_str(), requested.app_id.as_str()),
        (
            "actual_namespace",
            strip_properties_suffix(&config.namespace_name),
            strip_properties_suffix(&requested.namespace),
        ),
    ] {
        // A database may ignore case, and servers in tests leave names out.
        if !actual.is_empty() && !actual.eq_ignore_ascii_case(requested) {
            let text = "the answer belongs to another app or namespace; check the proxies and caches before the server";
            return Err(protocol(text).with(what, actual));
        }
    }
    Ok(())
}

/// A database may ignore case and serve a misspelled name, but announcements use the exact one: the
/// client would never receive a push.
fn warn_case_mismatch(config: &ApolloConfig, requested: &NamespaceKey) {
    for (what, actual, requested) in [
        ("app_id", &config.app_id, &requested.app_id),
        ("cluster", &config.cluster, &requested.cluster),
        ("namespace", &config.namespace_name, &requested.namespace),
    ] {
        if actual != requested && actual.eq_ignore_ascii_case(requested) {
            warn!(
                what,
                requested,
                actual,
                "a name differs in case from the server's; changes to it are not pushed"
            );
        }
    }
}

/// Whether a release consists of several ones, such as a public namespace and what the app overrides
/// in it. Apollo's servers compute the changes from those parts that they find, which excludes one
/// that was rolled back: they lead on from values that this client does not have.
fn is_merged(release_key: &str) -> bool {
    release_key.contains(KEY_SEPARATOR)
}

fn apply_changes(mut content: Configurations, changes: Vec<ConfigurationChange>) -> Configurations {
    for change in changes {
        match (change.configuration_change_type.as_str(), change.new_value) {
            ("ADDED" | "MODIFIED", Some(value)) => {
                content.insert(change.key, value);
            }
            // An addition without a value is a deletion, as in the Java client; `shift_remove`
            // keeps the server's order.
            ("ADDED" | "MODIFIED" | "DELETED", _) => {
                content.shift_remove(&change.key);
            }
            // Kinds of later protocol versions are ignored, as in the Java client.
            _ => {}
        }
    }
    content
}

fn protocol(message: &str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(pairs: &[(&str, &str)]) -> Configurations {
        let pairs = pairs.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        pairs.collect()
    }

    fn requested() -> NamespaceKey {
        let [app_id, cluster, namespace] = ["order", "default", "application"].map(str::to_owned);
        NamespaceKey { app_id, cluster, namespace }
    }

    fn interpret_json(json: &str, base: Option<&[(&str, &str)]>) -> Result<ReleaseUpdate> {
        let base = base.map(|values| Snapshot::sample("application", "k1", values));
        interpret(ServiceResponse::Body(json.into()), &requested(), base.as_deref())
    }

    const INCREMENTAL: &str = r#"{"releaseKey":"k2","configSyncType":"IncrementalSync","configurationChanges":[
        {"key":"c","newValue":"3","configurationChangeType":"ADDED"},
        {"key":"b","newValue":"9","configurationChangeType":"MODIFIED"},
        {"key":"a","configurationChangeType":"DELETED"}]}"#;

    #[test]
    fn changes_apply_to_their_base() {
        let expected = ReleaseUpdate::New("k2".into(), content(&[("b", "9"), ("c", "3")]));
        let base = [("a", "1"), ("b", "2")];
        assert_eq!(interpret_json(INCREMENTAL, Some(&base)).unwrap(), expected);
    }

    #[test]
    fn changes_without_their_base_are_not_applied() {
        assert_eq!(interpret_json(INCREMENTAL, None).unwrap(), ReleaseUpdate::NeedsFull);
    }

    /// B47: after a rollback of a part, Apollo's servers compute the changes from the other ones.
    #[test]
    fn changes_of_a_merged_release_are_not_applied() {
        let base = Snapshot::sample("application", "a2+b1", &[("a", "1"), ("b", "2")]);
        let answer = ServiceResponse::Body(INCREMENTAL.into());
        let update = interpret(answer, &requested(), Some(&base)).unwrap();
        assert_eq!(update, ReleaseUpdate::NeedsFull);
    }

    #[test]
    fn the_kind_of_answer_is_matched_exactly() {
        let answer = |kind: &str| {
            let json = format!(r#"{{"releaseKey":"k2","configurations":{{"x":"1"}}{kind}}}"#);
            interpret_json(&json, Some(&[("a", "1")]))
        };
        let full = ReleaseUpdate::New("k2".into(), content(&[("x", "1")]));
        assert_eq!(answer("").unwrap(), full);
        assert_eq!(answer(r#","configSyncType":"FullSync""#).unwrap(), full);
        for kind in ["incrementalsync", "Foo"] {
            let error = answer(&format!(r#","configSyncType":"{kind}""#)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
        }
    }

    #[test]
    fn unknown_changes_are_ignored_and_missing_values_delete() {
        let json = r#"{"releaseKey":"k2","configSyncType":"IncrementalSync","configurationChanges":[
            {"key":"a","newValue":"x","configurationChangeType":"RENAMED"},
            {"key":"b","configurationChangeType":"MODIFIED"}]}"#;
        let expected = ReleaseUpdate::New("k2".into(), content(&[("a", "1")]));
        let base = [("a", "1"), ("b", "2")];
        assert_eq!(interpret_json(json, Some(&base)).unwrap(), expected);
        let none = r#"{"releaseKey":"k2","configSyncType":"IncrementalSync"}"#;
        let expected = ReleaseUpdate::New("k2".into(), content(&base));
        assert_eq!(interpret_json(none, Some(&base)).unwrap(), expected);
    }

    #[test]
    fn not_modified_needs_a_release_that_was_named() {
        for key in ["k1", "a1+b1"] {
            let base = Snapshot::sample("application", key, &[]);
            assert_eq!(
                interpret(ServiceResponse::NotModified, &requested(), Some(&base)).unwrap(),
                ReleaseUpdate::Unchanged
            );
        }
        assert!(interpret(ServiceResponse::NotModified, &requested(), None).is_err());
    }

    #[test]
    fn an_empty_release_is_content() {
        let expected = ReleaseUpdate::New("k".into(), content(&[]));
        let json = r#"{"releaseKey":"k","configurations":{}}"#;
        assert_eq!(interpret_json(json, None).unwrap(), expected);
        assert!(interpret_json("{", None).is_err());
    }

    /// Gateways may answer 200 with a page of their own, which must not empty the namespace.
    #[test]
    fn an_answer_without_configurations_is_no_release() {
        for json in ["{}", r#"{"status":500}"#, r#"{"releaseKey":"k","configurations":null}"#] {
            let error = interpret_json(json, Some(&[("a", "1")])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{json}");
        }
    }

    /// REL-32: what a confused cache or proxy delivers of another app or namespace is refused.
    #[test]
    fn a_release_of_another_app_or_namespace_is_refused() {
        let answer = |app_id: &str, namespace: &str| {
            let json = format!(
                r#"{{"appId":"{app_id}","cluster":"gray-branch","namespaceName":"{namespace}","releaseKey":"k","configurations":{{}}}}"#
            );
            interpret_json(&json, None)
        };
        for (app_id, namespace) in [("other", "application"), ("order", "other")] {
            let error = answer(app_id, namespace).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{app_id}/{namespace}");
            assert!(error.to_string().contains("other"), "{error}");
        }
        for (app_id, namespace) in
            [("order", "application"), ("Order", "Application.properties"), ("", "")]
        {
            assert!(answer(app_id, namespace).is_ok(), "{app_id}/{namespace}");
        }
    }
}
