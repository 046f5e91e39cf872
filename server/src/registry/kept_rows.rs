//! Services that stay listed although the table does not have them at the moment, so that clients do
//! not find nobody: after an outage of the database all rows are old until their nodes have written
//! again, and a node on its way back to Eureka leaves the table before Eureka's lists have it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::ListedService;

/// Time within which lists of Eureka have a service that has just registered.
const MOVE: Duration = Duration::from_secs(90);

/// The services of the table by name.
pub(super) type Rows = HashMap<String, Vec<ListedService>>;

/// Until when missing services are kept.
#[derive(Debug, Default)]
pub(super) struct KeptRows {
    /// Whether the table could not be read last time.
    has_failed: bool,
    until: HashMap<String, Instant>,
}

impl KeptRows {
    /// The table cannot be read.
    pub(super) fn fail(&mut self) {
        self.has_failed = true;
    }

    /// The services that are listed from now on, of those before and those that the table has.
    /// After an outage the others have `grace` to write again; `is_elsewhere` states whether Eureka
    /// lists a service, and is `None` where nobody asks it.
    pub(super) fn update(
        &mut self,
        before: &Rows,
        mut alive: Rows,
        grace: Duration,
        is_elsewhere: Option<&dyn Fn(&str) -> bool>,
        now: Instant,
    ) -> Rows {
        let has_failed = std::mem::take(&mut self.has_failed);
        for (name, before) in before {
            let alive = alive.entry(name.clone()).or_default();
            let is_listed = |one: &&ListedService| alive.iter().any(|other| other.uri == one.uri);
            let missing: Vec<_> = before.iter().filter(|one| !is_listed(one)).cloned().collect();
            if missing.is_empty() {
                self.until.remove(name);
                continue;
            }
            if has_failed {
                self.until.insert(name.clone(), now.checked_add(grace).unwrap_or(now));
            } else if alive.is_empty()
                && let Some(is_elsewhere) = is_elsewhere
            {
                match is_elsewhere(name) {
                    true => self.until.remove(name),
                    false => Some(*self.until.entry(name.clone()).or_insert(now + MOVE)),
                };
            }
            match self.until.get(name) {
                Some(until) if now < *until => alive.extend(missing),
                _ => {
                    self.until.remove(name);
                }
            }
        }
        alive.retain(|_, listed| !listed.is_empty());
        alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(20);

    fn rows(addresses: &[&str]) -> Rows {
        let listed = |uri: &&str| ListedService { uri: (*uri).to_owned(), is_ours: true };
        let listed: Vec<_> = addresses.iter().map(listed).collect();
        HashMap::from([("s".to_owned(), listed)])
            .into_iter()
            .filter(|(_, l)| !l.is_empty())
            .collect()
    }

    fn addresses(rows: &Rows) -> Vec<&str> {
        rows.values().flatten().map(|one| &*one.uri).collect()
    }

    #[test]
    fn after_an_outage_services_have_time_to_write_again() {
        let (mut kept, start) = (KeptRows::default(), Instant::now());
        let mut update = |before: &[&str], alive: &[&str], seconds| {
            let now = start + Duration::from_secs(seconds);
            let listed = kept.update(&rows(before), rows(alive), GRACE, None, now);
            let found: Vec<_> = addresses(&listed).into_iter().map(str::to_owned).collect();
            if seconds == 0 {
                kept.fail();
            }
            found
        };
        assert_eq!(update(&["a", "b"], &["a"], 0), ["a"], "without an outage");
        assert_eq!(update(&["a", "b"], &[], 100), ["a", "b"]);
        assert_eq!(update(&["a", "b"], &["b"], 105), ["b", "a"]);
        assert_eq!(update(&["b", "a"], &["b"], 119), ["b", "a"]);
        assert_eq!(update(&["b", "a"], &["b"], 120), ["b"]);
        assert_eq!(update(&["b"], &[], 125), [""; 0]);
    }

    #[test]
    fn the_last_of_a_service_stays_until_eureka_lists_one() {
        for (listed_at, gone) in [(30, 30), (1_000, 90)] {
            let (mut kept, start) = (KeptRows::default(), Instant::now());
            for seconds in [0, 29, 30, 89, 90] {
                let now = start + Duration::from_secs(seconds);
                let is_elsewhere = move |_: &str| seconds >= listed_at;
                let listed =
                    kept.update(&rows(&["a"]), Rows::new(), GRACE, Some(&is_elsewhere), now);
                assert_eq!(addresses(&listed).is_empty(), seconds >= gone, "{seconds}");
                if seconds >= gone {
                    break;
                }
            }
        }
        // One of several is gone at once.
        let never = |_: &str| false;
        let (before, alive) = (rows(&["a", "b"]), rows(&["b"]));
        let listed =
            KeptRows::default().update(&before, alive, GRACE, Some(&never), Instant::now());
        assert_eq!(addresses(&listed), ["b"]);
    }
}
