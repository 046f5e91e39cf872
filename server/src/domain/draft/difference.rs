//! The differences between a draft and the release. Only values are compared: comments, types and
//! order make no difference to clients. Nodes of Apollo can store a key twice, of which the last
//! line is published: earlier ones make no difference either.

use std::collections::{HashMap, HashSet};

use castalia_core::protocol::wire::Configurations;

use super::Line;

/// The values of a key in the draft and in the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDifference {
    /// Published value; `None` if the key is not published.
    pub released: Option<String>,
    /// Value of the draft; `None` if the key was deleted.
    pub drafted: Option<String>,
}

/// The difference of each line of a draft; `None` if it has no key, if its value is the published
/// one, or if a later line has its key.
#[must_use]
pub fn of_lines(draft: &[Line], released: &Configurations) -> Vec<Option<ReleaseDifference>> {
    let mut later = HashSet::new();
    let backwards = draft.iter().rev();
    let mut differences: Vec<_> = backwards
        .map(|line| later.insert(line.key.as_str()).then(|| of_line(line, released)).flatten())
        .collect();
    differences.reverse();
    differences
}

fn of_line(line: &Line, released: &Configurations) -> Option<ReleaseDifference> {
    let value = released.get(&line.key);
    let is_same = line.key.is_empty() || value == Some(&line.value);
    (!is_same)
        .then(|| ReleaseDifference { released: value.cloned(), drafted: Some(line.value.clone()) })
}

/// Keys that are published but not in the draft, as lines with their last known details. `deleted`
/// starts with the newest deletion.
#[must_use]
pub fn missing(draft: &[Line], released: &Configurations, deleted: &[Line]) -> Vec<Line> {
    let drafted: HashSet<_> = draft.iter().map(|line| line.key.as_str()).collect();
    // Of several deletions of a key, the newest is inserted last.
    let deleted: HashMap<_, _> =
        deleted.iter().rev().map(|line| (line.key.as_str(), line)).collect();
    let line = |key: &String| {
        let known = deleted.get(key.as_str()).map(|line| (*line).clone()).unwrap_or_default();
        Line { key: key.clone(), ..known }
    };
    released.keys().filter(|key| !drafted.contains(key.as_str())).map(line).collect()
}

/// The number of all differences. The draft is keys with their values.
#[must_use]
pub fn count<'d>(
    draft: impl Iterator<Item = (&'d str, &'d str)>,
    released: &Configurations,
) -> usize {
    let drafted: HashMap<_, _> = draft.filter(|(key, _)| !key.is_empty()).collect();
    let is_changed = |(key, value): &(&&str, &&str)| {
        released.get(**key).is_none_or(|known| known.as_str() != **value)
    };
    let changed = drafted.iter().filter(is_changed).count();
    changed + released.keys().filter(|key| !drafted.contains_key(key.as_str())).count()
}

/// Whether the draft is what is published.
#[must_use]
pub fn is_none(draft: &[Line], released: &Configurations) -> bool {
    count(draft.iter().map(|line| (line.key.as_str(), line.value.as_str())), released) == 0
}

/// The changes for clients from one release to another: each key with its old and new value.
#[must_use]
pub fn between(base: &Configurations, to: &Configurations) -> Vec<(String, ReleaseDifference)> {
    let changed =
        to.iter().filter(|(key, value)| base.get(*key) != Some(value)).map(|(key, value)| {
            (
                key.clone(),
                ReleaseDifference {
                    released: base.get(key).cloned(),
                    drafted: Some(value.clone()),
                },
            )
        });
    let gone = base.iter().filter(|(key, _)| !to.contains_key(*key));
    let gone = gone.map(|(key, value)| {
        (key.clone(), ReleaseDifference { released: Some(value.clone()), drafted: None })
    });
    changed.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Configurations {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn line(key: &str, value: &str) -> Line {
        Line { key: key.into(), value: value.into(), comment: "c".into(), ..Line::default() }
    }

    #[test]
    fn only_values_count() {
        let released = map(&[("a", "1")]);
        assert_eq!(of_line(&line("a", "1"), &released), None);
        assert_eq!(of_line(&line("", ""), &released), None);
        let changed = of_line(&line("a", "2"), &released).unwrap();
        assert_eq!(
            (changed.released.as_deref(), changed.drafted.as_deref()),
            (Some("1"), Some("2"))
        );
        assert_eq!(of_line(&line("b", "2"), &released).unwrap().released, None);
        assert!(is_none(&[line("a", "1"), line("", "")], &released));
        assert!(!is_none(&[line("a", "1"), line("b", "2")], &released));
        assert!(!is_none(&[], &released));
    }

    #[test]
    fn all_differences_are_counted() {
        let released = map(&[("same", "1"), ("changed", "1"), ("deleted", "1"), ("other", "1")]);
        let draft = [("same", "1"), ("changed", "2"), ("added", "3"), ("", ""), ("", "comment")];
        assert_eq!(count(draft.into_iter(), &released), 4);
        assert_eq!(count(draft.into_iter(), &Configurations::default()), 3);
        assert_eq!(count(std::iter::empty(), &released), 4);
    }

    /// X125
    #[test]
    fn of_a_key_that_is_stored_twice_the_last_line_is_compared() {
        let draft = [line("k", "first"), line("", ""), line("k", "second"), line("", "")];
        let counted = |released: &Configurations| {
            count(draft.iter().map(|line| (line.key.as_str(), line.value.as_str())), released)
        };
        let released = map(&[("k", "second")]);
        assert!(is_none(&draft, &released));
        assert_eq!(counted(&released), 0);
        assert_eq!(of_lines(&draft, &released), [None, None, None, None]);

        let released = map(&[("k", "first")]);
        assert!(!is_none(&draft, &released));
        assert_eq!(counted(&released), 1);
        let drafted = of_lines(&draft, &released)
            .into_iter()
            .map(|difference| difference.and_then(|difference| difference.drafted));
        assert_eq!(drafted.collect::<Vec<_>>(), [None, None, Some("second".to_owned()), None]);
    }

    #[test]
    fn deleted_keys_are_told_with_what_was_known_of_them() {
        let missing = missing(
            &[line("a", "1")],
            &map(&[("a", "1"), ("b", "2"), ("c", "3")]),
            &[line("b", "newest"), line("b", "old")],
        );
        assert_eq!(
            missing
                .iter()
                .map(|l| (l.key.as_str(), l.value.as_str(), l.comment.as_str()))
                .collect::<Vec<_>>(),
            [("b", "newest", "c"), ("c", "", "")]
        );
    }

    #[test]
    fn releases_are_compared_by_key() {
        let base = map(&[("a", "1"), ("b", "2")]);
        let to = map(&[("b", "3"), ("c", "4")]);
        let changes = between(&base, &to);
        let shown: Vec<_> = changes
            .iter()
            .map(|(k, d)| (k.as_str(), d.released.as_deref(), d.drafted.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [("b", Some("2"), Some("3")), ("c", None, Some("4")), ("a", Some("1"), None)]
        );
        assert_eq!(between(&Configurations::default(), &to).len(), 2);
    }
}
