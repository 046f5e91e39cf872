//! The content of a release: built from items, overlaid for gray releases, and stored as a text
//! (pure).

pub use castalia_core::protocol::wire::Configurations;

use super::release::Release;
use crate::error::{Error, Result};
use crate::feed::cache::stored_configurations;
use crate::json;

/// Keys and values of items in the order of their lines. Comments and blank lines have no key. Of
/// duplicate keys, the later value is used at the position of the first.
#[must_use]
pub fn of_items(items: impl IntoIterator<Item = (String, String)>) -> Configurations {
    items.into_iter().filter(|(key, _)| !key.is_empty()).collect()
}

/// Parses the content of a stored release: a branch can be based on whatever clients can be served.
///
/// # Errors
/// Fails with [`Error::unreadable`] if it is not an object whose values are strings.
pub fn parse(release: &Release) -> Result<Configurations> {
    let unreadable = |error| {
        let message = format!(
            "Release {} (namespace {}, app {}, cluster {}) is not a JSON object of strings",
            release.id, release.namespace_name, release.app_id, release.cluster_name
        );
        Error::unreadable(message).caused_by(error)
    };
    stored_configurations(&release.configurations).map_err(unreadable)
}

/// The text to store.
///
/// # Errors
/// Never fails in practice: writing to a `String` cannot fail.
pub fn format(configurations: &Configurations) -> Result<String> {
    json::write(configurations)
}

/// `base` in its order; entries of `own` replace those with the same key, and further ones follow.
#[must_use]
pub fn overlay(
    base: &Configurations,
    own: impl IntoIterator<Item = (String, String)>,
) -> Configurations {
    let mut merged = base.clone();
    merged.extend(own);
    merged
}

/// The entries that a branch sets itself: those whose keys its history names or, if that is
/// unknown, those that differ from the main release that it was based on; all of them if there was
/// none.
#[must_use]
pub fn own_entries(
    branch: &Configurations,
    keys: Option<&[String]>,
    old_main: Option<&Configurations>,
) -> Vec<(String, String)> {
    let entry = |key: &String| Some((key.clone(), branch.get(key)?.clone()));
    match (keys, old_main) {
        (Some(keys), _) => keys.iter().filter_map(entry).collect(),
        (None, Some(old)) => {
            branch.iter().filter(|(key, value)| old.get(*key) != Some(value)).map(owned).collect()
        }
        (None, None) => branch.iter().map(owned).collect(),
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Configurations {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_are_stored_with_html_characters_escaped() {
        let configurations = map(&[("k", "x=1&<'>")]);
        let text = format(&configurations).unwrap();
        assert_eq!(text, r#"{"k":"x\u003d1\u0026\u003c\u0027\u003e"}"#);
        let parsed = stored_configurations(&text).unwrap();
        assert_eq!(parsed, configurations);
    }

    #[test]
    fn overlay_keeps_the_order_of_the_base() {
        let merged = overlay(
            &map(&[("a", "1"), ("b", "2")]),
            [("a".into(), "9".into()), ("c".into(), "3".into())],
        );
        assert_eq!(
            merged.into_iter().collect::<Vec<_>>(),
            map(&[("a", "9"), ("b", "2"), ("c", "3")]).into_iter().collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_branch_owns_what_its_history_names_or_what_differs_from_main() {
        let branch = map(&[("a", "1"), ("b", "9")]);
        let old = map(&[("a", "1"), ("b", "2")]);
        let keys = ["a".to_owned(), "gone".to_owned()];
        let own = |keys, old| {
            own_entries(&branch, keys, old).into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(own(Some(&keys[..]), None), ["a"]);
        assert_eq!(own(None, Some(&old)), ["b"]);
        assert_eq!(own(None, None), ["a", "b"]);
    }
}
