//! Services that stay listed although the table does not have them at the moment, so that clients
//! do not find nobody: after an outage of the database all rows are old until their nodes have
//! written again, and a node on its way back to Eureka leaves the table before Eureka's lists have
//! it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::ListedService;

/// Time within which lists of Eureka have a service that has just registered.
const MOVE: Duration = Duration::from_secs(90);

/// The services of the table by name.
pub(super) type Rows = HashMap<String, Vec<ListedService>>;

/// How long nodes are waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Time after an outage within which all nodes have written again.
    pub(super) grace: Duration,
    /// Duration of an outage that makes no row old.
    pub(super) harmless: Duration,
}

impl Patience {
    /// `grace` is the age at which a row is no longer listed. When an outage begins, a row is up to
    /// one heartbeat old and was read up to one interval ago; its node writes within another
    /// heartbeat. If these take as long as `grace`, no outage is harmless.
    pub(super) fn new(grace: Duration, heartbeat: Duration, reading: Duration) -> Self {
        let margin = heartbeat.saturating_mul(2).saturating_add(reading);
        Self { grace, harmless: grace.saturating_sub(margin).min(grace / 2) }
    }
}

/// Until when missing services are kept.
#[derive(Debug, Default)]
pub(super) struct KeptRows {
    /// Whether the table could not be read last time, and when it was read last.
    has_failed: bool,
    read_at: Option<Instant>,
    /// Until when nodes may write again after an outage.
    recovers_until: Option<Instant>,
    /// Until when the services that move to Eureka are kept, by name.
    moves_until: HashMap<String, Instant>,
}

impl KeptRows {
    /// The table cannot be read.
    pub(super) fn fail(&mut self) {
        self.has_failed = true;
    }

    /// Until when nodes may write again, if the table is read now: only after an outage that may
    /// have made rows old.
    pub(super) fn recovers_until(&self, patience: Patience, now: Instant) -> Option<Instant> {
        if let Some(until) = self.recovers_until.filter(|until| now < *until) {
            return Some(until);
        }
        let before = self.read_at.filter(|_| self.has_failed)?;
        let is_long = now.saturating_duration_since(before) >= patience.harmless;
        is_long.then(|| now.checked_add(patience.grace)).flatten()
    }

    /// The services that are listed from now on, of those before and those that the table has
    /// now. `old` are the rows of any age, if nodes may write again: one that is not among them
    /// left. `is_elsewhere` states whether Eureka or this node itself has a service, and is `None`
    /// where nobody asks Eureka.
    pub(super) fn update(
        &mut self,
        before: &Rows,
        mut alive: Rows,
        old: Option<&Rows>,
        patience: Patience,
        is_elsewhere: Option<&dyn Fn(&str) -> bool>,
        now: Instant,
    ) -> Rows {
        self.recovers_until = self.recovers_until(patience, now);
        (self.has_failed, self.read_at) = (false, Some(now));
        let old = old.filter(|_| self.recovers_until.is_some());
        for (name, before) in before {
            let alive = alive.entry(name.clone()).or_default();
            let missing = before.iter().filter(|one| !has(alive, one)).cloned();
            let missing: Vec<_> = missing.collect();
            if let Some(rows) = old.and_then(|old| old.get(name)) {
                alive.extend(missing.iter().filter(|one| has(rows, one)).cloned());
            }
            let moves = !missing.is_empty()
                && alive.is_empty()
                && is_elsewhere.is_some_and(|is_elsewhere| !is_elsewhere(name));
            if !moves {
                self.moves_until.remove(name);
            } else if now < *self.moves_until.entry(name.clone()).or_insert(now + MOVE) {
                alive.extend(missing);
            }
        }
        alive.retain(|_, listed| !listed.is_empty());
        self.moves_until.retain(|name, _| before.contains_key(name));
        alive
    }
}

fn has(rows: &[ListedService], one: &ListedService) -> bool {
    rows.iter().any(|other| other.uri == one.uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { grace: Duration::from_secs(20), harmless: Duration::from_secs(10) };

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

    /// Reads the table after so many seconds, of which it could not be read for the last ones.
    struct Table {
        kept: KeptRows,
        start: Instant,
        listed: Rows,
    }

    impl Table {
        fn listing(addresses: &[&str]) -> Self {
            let kept = KeptRows::default();
            let mut table = Self { kept, start: Instant::now(), listed: rows(addresses) };
            table.read(0, addresses, addresses);
            table
        }

        fn read(&mut self, seconds: u64, alive: &[&str], old: &[&str]) -> Vec<String> {
            let now = self.start + Duration::from_secs(seconds);
            let old = self.kept.recovers_until(PATIENCE, now).map(|_| rows(old));
            let alive = rows(alive);
            self.listed = self.kept.update(&self.listed, alive, old.as_ref(), PATIENCE, None, now);
            addresses(&self.listed).into_iter().map(str::to_owned).collect()
        }
    }

    #[test]
    fn after_an_outage_services_have_time_to_write_again() {
        let mut table = Table::listing(&["a", "b"]);
        assert_eq!(Table::listing(&["a", "b"]).read(5, &["a"], &["a", "b"]), ["a"], "no outage");
        table.kept.fail();
        assert_eq!(table.read(100, &[], &["a", "b"]), ["a", "b"]);
        assert_eq!(table.read(105, &["b"], &["a", "b"]), ["b", "a"]);
        assert_eq!(table.read(119, &["b"], &["a", "b"]), ["b", "a"]);
        assert_eq!(table.read(120, &["b"], &["a", "b"]), ["b"]);
        assert_eq!(table.read(125, &[], &["a", "b"]), [""; 0]);
    }

    /// Otherwise nodes that ended would be listed as long as a read fails now and then.
    #[test]
    fn single_failures_keep_nobody() {
        let mut table = Table::listing(&["a", "b"]);
        table.kept.fail();
        assert_eq!(table.read(9, &["a"], &["a", "b"]), ["a"]);
        let mut table = Table::listing(&["a", "b"]);
        table.kept.fail();
        assert_eq!(table.read(10, &["a"], &["a", "b"]), ["a", "b"]);
        for seconds in [15, 20, 25] {
            table.kept.fail();
            assert_eq!(table.read(seconds, &["a"], &["a", "b"]), ["a", "b"]);
        }
        table.kept.fail();
        assert_eq!(table.read(30, &["a"], &["a", "b"]), ["a"], "the time is not extended");
    }

    #[test]
    fn an_outage_is_harmless_if_no_row_becomes_old_in_it() {
        let harmless = |grace, heartbeat| {
            let [grace, heartbeat, reading] = [grace, heartbeat, 5].map(Duration::from_secs);
            Patience::new(grace, heartbeat, reading).harmless.as_secs()
        };
        assert_eq!([harmless(60, 10), harmless(60, 20), harmless(600, 10)], [30, 15, 300]);
        assert_eq!([harmless(60, 28), harmless(60, 600), harmless(0, 10)], [0, 0, 0]);
        // Then the first read after each failure waits for the nodes.
        let patience = Patience { harmless: Duration::ZERO, ..PATIENCE };
        let (mut kept, now) = (KeptRows::default(), Instant::now());
        kept.update(&Rows::new(), rows(&["a"]), None, patience, None, now);
        kept.fail();
        assert!(kept.recovers_until(patience, now + Duration::from_secs(1)).is_some());
    }

    #[test]
    fn who_left_is_not_kept_after_an_outage() {
        let mut table = Table::listing(&["a", "b"]);
        table.kept.fail();
        assert_eq!(table.read(100, &["a"], &["a"]), ["a"]);
        let mut table = Table::listing(&["a", "b"]);
        table.kept.fail();
        assert_eq!(table.read(100, &["a"], &["a", "b"]), ["a", "b"]);
        assert_eq!(table.read(105, &["a"], &["a"]), ["a"]);
    }

    #[test]
    fn the_last_of_a_service_stays_until_eureka_lists_one() {
        for (listed_at, gone) in [(30, 30), (1_000, 90)] {
            let (mut kept, start) = (KeptRows::default(), Instant::now());
            for seconds in [0, 29, 30, 89, 90] {
                let now = start + Duration::from_secs(seconds);
                let is_elsewhere = move |_: &str| seconds >= listed_at;
                let listed = kept.update(
                    &rows(&["a"]),
                    Rows::new(),
                    None,
                    PATIENCE,
                    Some(&is_elsewhere),
                    now,
                );
                assert_eq!(addresses(&listed).is_empty(), seconds >= gone, "{seconds}");
                if seconds >= gone {
                    break;
                }
            }
        }
        // One of several is gone at once.
        let never = |_: &str| false;
        let (before, alive) = (rows(&["a", "b"]), rows(&["b"]));
        let listed = KeptRows::default().update(
            &before,
            alive,
            None,
            PATIENCE,
            Some(&never),
            Instant::now(),
        );
        assert_eq!(addresses(&listed), ["b"]);
    }
}
