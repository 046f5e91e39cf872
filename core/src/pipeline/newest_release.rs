//! Whether a loaded release can be the one that was announced.
//!
//! Nothing in a release names its announcement, but what is announced has just been published, and
//! release keys contain the time of it. An older release than one that was loaded before comes from a
//! server that is behind, or is the result of a rollback, which looks the same.

use crate::protocol::namespace::KEY_SEPARATOR;

/// Length of the time `yyyyMMddHHmmss`, with which Apollo's release keys begin.
const TIME_LENGTH: usize = 14;

/// The newest release of a namespace that was loaded.
pub(super) struct NewestRelease {
    key: String,
}

impl NewestRelease {
    /// The release that is known at the start; its key is empty if there is none.
    pub(super) fn new(key: &str) -> Self {
        Self { key: key.to_owned() }
    }

    /// Records a loaded release. Returns whether it can be news: it is neither the newest one so far
    /// nor older.
    pub(super) fn record(&mut self, key: &str) -> bool {
        // Releases of the same second may follow each other.
        let is_news = key != self.key && published_at(key) >= published_at(&self.key);
        if is_news {
            key.clone_into(&mut self.key);
        }
        is_news
    }
}

/// Time of publication as a number, by the server's clock and time zone; of a merged release the
/// latest one. `None` if the key has another format.
fn published_at(key: &str) -> Option<u64> {
    let times = key.split(KEY_SEPARATOR).filter_map(|part| {
        let (time, _) = part.split_once('-')?;
        time.parse::<u64>().ok().filter(|_| time.len() == TIME_LENGTH)
    });
    times.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "20260101120000-68a9a1b2c3000001";
    const SECOND: &str = "20260101120001-68a9a1b2c3000002";
    const THIRD: &str = "20260102000000-68a9a1b2c3000003";

    /// B63
    #[test]
    fn an_older_release_is_no_news() {
        let mut newest = NewestRelease::new("");
        assert!(newest.record(SECOND));
        assert!(!newest.record(SECOND));
        assert!(!newest.record(FIRST));
        assert!(!newest.record(SECOND), "a rollback was announced, and a server is behind it");
        assert!(newest.record(THIRD));
    }

    #[test]
    fn releases_of_the_same_second_are_news_for_each_other() {
        let mut newest = NewestRelease::new(FIRST);
        assert!(newest.record("20260101120000-68a9a1b2c3000009"));
        assert!(newest.record(FIRST));
    }

    /// The parts are the own release of the app and that of the public namespace.
    #[test]
    fn the_latest_part_of_a_merged_release_decides() {
        let mut newest = NewestRelease::new(&format!("{FIRST}+{SECOND}"));
        assert!(!newest.record(&format!("{FIRST}+{FIRST}")));
        assert!(!newest.record(FIRST));
        assert!(newest.record(&format!("{THIRD}+{SECOND}")));
        assert!(!newest.record(&format!("{FIRST}+{SECOND}")));
    }

    #[test]
    fn keys_of_another_format_are_only_compared() {
        let mut newest = NewestRelease::new("");
        for key in ["k2", "k1", "9-k3", "k2"] {
            assert!(newest.record(key), "{key}");
            assert!(!newest.record(key), "{key}");
        }
    }
}
