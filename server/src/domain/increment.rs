//! The changes between two contents, as the incremental answer contains them (pure).

use castalia_core::protocol::wire::{ConfigurationChange, Configurations};

/// Changes that lead from `old` to `new`: added keys, then deleted ones, then modified ones.
#[must_use]
pub fn changes(old: &Configurations, new: &Configurations) -> Vec<ConfigurationChange> {
    let change = |key: &String, value: Option<&String>, kind: &str| ConfigurationChange {
        key: key.clone(),
        new_value: value.cloned(),
        configuration_change_type: kind.to_owned(),
    };
    let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
    let deleted = old.keys().filter(|key| !new.contains_key(*key));
    let modified = new.iter().filter(|(key, value)| old.get(*key).is_some_and(|old| old != *value));
    added
        .map(|(key, value)| change(key, Some(value), "ADDED"))
        .chain(deleted.map(|key| change(key, None, "DELETED")))
        .chain(modified.map(|(key, value)| change(key, Some(value), "MODIFIED")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(pairs: &[(&str, &str)]) -> Configurations {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn added_before_deleted_before_modified() {
        // d is added, c deleted, b modified, a unchanged.
        let old = content(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let new = content(&[("a", "1"), ("b", "20"), ("d", "4")]);
        let text = serde_json::to_string(&changes(&old, &new)).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"[{"key":"d","newValue":"4","configurationChangeType":"ADDED"},"#,
                r#"{"key":"c","configurationChangeType":"DELETED"},"#,
                r#"{"key":"b","newValue":"20","configurationChangeType":"MODIFIED"}]"#
            )
        );
        assert!(changes(&new, &new).is_empty());
    }
}
