//! The changes that an environment has not received, and the order in which they are sent (pure).

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{ObjectKey, PendingChange};
use crate::number::Id;

/// Changes that an environment has not received.
#[derive(Clone, Debug, Default)]
pub struct PendingChanges {
    /// The earliest first.
    pub readable: Vec<PendingChange>,
    /// What is to be done is not known.
    pub unreadable: Vec<UnreadableChange>,
    /// When they were read.
    pub(super) time: DateTime<Utc>,
}

/// A change that cannot be decoded, and what is known of its object.
#[derive(Clone, Debug)]
pub struct UnreadableChange {
    pub id: Id,
    pub app_id: Option<String>,
    pub namespace: Option<String>,
}

impl PendingChanges {
    /// Whether a change was due when it was read. Only [`super::claim`] decides whether it is sent.
    #[must_use]
    pub fn is_due(&self, change: &PendingChange) -> bool {
        *change.due_time <= self.time
    }

    /// Whether an earlier change of the same object, or of its app, cannot be decoded. One whose
    /// app is unknown too holds nothing back, because it would hold back everything.
    #[must_use]
    pub fn is_held_back(&self, change: &PendingChange) -> bool {
        let object = change.object();
        self.unreadable.iter().any(|earlier| {
            let Some(app_id) = &earlier.app_id else { return false };
            let other = ObjectKey::new(app_id, earlier.namespace.as_deref().unwrap_or_default());
            earlier.id < change.id && (other == object || other == object.of_app())
        })
    }

    /// Whether one of the changes may be sent now, as far as the others are known.
    pub(super) fn has_due(&self) -> bool {
        let mut waiting = HashSet::new();
        self.readable.iter().any(|change| {
            let object = change.object();
            let is_behind = waiting.contains(&object) || waiting.contains(&object.of_app());
            let is_sent = !is_behind && self.is_due(change) && !self.is_held_back(change);
            if !is_sent {
                waiting.insert(object);
            }
            is_sent
        })
    }

    /// The changes in the order in which they became due, but each after the earlier ones of its
    /// object and of its app, and that of an app after the earlier ones of its definitions. One
    /// that was tried without an answer is due later than those that were not tried since, so that
    /// it does not keep them waiting for ever.
    #[must_use]
    pub fn by_due_time(&self) -> Vec<&PendingChange> {
        // When each and all that come before it are due.
        let mut times: HashMap<ObjectKey, DateTime<Utc>> = HashMap::new();
        // Those of an app and of all its definitions, by the key of the app.
        let mut of_apps: HashMap<ObjectKey, DateTime<Utc>> = HashMap::new();
        let mut changes = Vec::with_capacity(self.readable.len());
        for change in &self.readable {
            let object = change.object();
            let app = object.of_app();
            let earlier = match object == app {
                true => [of_apps.get(&app), None],
                false => [times.get(&app), times.get(&object)],
            };
            let time = earlier.into_iter().flatten().copied().fold(*change.due_time, Ord::max);
            let of_app = of_apps.entry(app).or_insert(time);
            *of_app = time.max(*of_app);
            times.insert(object, time);
            changes.push((time, change));
        }
        changes.sort_by_key(|(time, _)| *time);
        changes.into_iter().map(|(_, change)| change).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::WRITE;
    use super::*;

    /// A change that is due after this time; nothing is due before.
    fn change(id: i64, names: (&str, &str), due: i64) -> PendingChange {
        PendingChange {
            id: Id(id),
            env: "PRO".to_owned(),
            app_id: names.0.to_owned(),
            namespace_name: names.1.to_owned(),
            operation: WRITE,
            object_id: Id(0),
            operator: "o".to_owned(),
            due_time: (DateTime::UNIX_EPOCH + TimeDelta::seconds(due)).into(),
            problem: String::new(),
        }
    }

    fn changes(readable: Vec<PendingChange>) -> PendingChanges {
        PendingChanges { readable, ..PendingChanges::default() }
    }

    fn ids(changes: &PendingChanges) -> Vec<i64> {
        changes.by_due_time().iter().map(|change| change.id.0).collect()
    }

    /// X123
    #[test]
    fn what_was_tried_without_an_answer_comes_after_the_others() {
        let same = [("a", 1), ("b", 1), ("c", 1)].map(|(app_id, due)| ((app_id, ""), due));
        let rows = |dues: [((&str, &str), i64); 3]| {
            let numbered = (1..).zip(dues);
            changes(numbered.map(|(id, (names, due))| change(id, names, due)).collect())
        };
        assert_eq!(ids(&rows(same)), [1, 2, 3]);
        assert_eq!(ids(&rows([(("a", ""), 6), (("b", ""), 7), (("c", ""), 1)])), [3, 1, 2]);
        assert_eq!(ids(&rows([(("a", "x"), 6), (("a", "y"), 7), (("a", "z"), 1)])), [3, 1, 2]);
    }

    /// X122, X123
    #[test]
    fn a_change_comes_after_the_earlier_ones_of_its_object_and_of_its_app() {
        let pending = changes(vec![
            change(1, ("a", "Redis"), 9),
            change(2, ("B", ""), 8),
            change(3, ("a", "redis"), 1),
            change(4, ("b", "x"), 1),
            change(5, ("c", ""), 1),
        ]);
        assert_eq!(ids(&pending), [5, 2, 4, 1, 3]);
    }

    /// X123
    #[test]
    fn a_change_of_an_app_comes_after_the_earlier_ones_of_its_definitions() {
        let pending = changes(vec![
            change(1, ("a", "x"), 9),
            change(2, ("A", ""), 1),
            change(3, ("a", ""), 1),
            change(4, ("a", "y"), 1),
            change(5, ("b", ""), 2),
        ]);
        assert_eq!(ids(&pending), [5, 1, 2, 3, 4]);
    }

    /// X123
    #[test]
    fn what_waits_for_a_change_that_is_not_due_is_not_due() {
        let is_due_after = |earlier, names| {
            let rows = vec![change(1, earlier, 9), change(2, names, 1)];
            let time = DateTime::UNIX_EPOCH + TimeDelta::seconds(5);
            PendingChanges { time, ..changes(rows) }.has_due()
        };
        let is_due = |names| is_due_after(("a", ""), names);
        assert!(!is_due(("A", "x")) && !is_due(("a", "")) && is_due(("b", "")));
        assert!(is_due_after(("a", "x"), ("a", "")), "an app does not wait for its definitions");
    }

    /// X122
    #[test]
    fn a_change_that_cannot_be_decoded_holds_back_those_of_names_in_another_case() {
        let unreadable = |app_id: &str, namespace: &str| UnreadableChange {
            id: Id(2),
            app_id: Some(app_id.to_owned()),
            namespace: Some(namespace.to_owned()),
        };
        let pending = PendingChanges {
            unreadable: vec![unreadable("App", "Redis"), unreadable("gone", "")],
            ..PendingChanges::default()
        };
        let is_held_back = |id, names| pending.is_held_back(&change(id, names, 0));
        assert!(is_held_back(3, ("app", "redis")) && is_held_back(3, ("GONE", "x")));
        assert!(!is_held_back(1, ("app", "redis")) && !is_held_back(3, ("app", "other")));
        assert!(!is_held_back(3, ("app", "")));
    }
}
