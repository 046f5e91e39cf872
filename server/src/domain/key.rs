//! Generates release keys and the names of gray branches: time, followed by eight distinguishing
//! bytes. Pure except for the clock, the counter and a random number of this process.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::Local;

/// Identifies this process among all that write to the same database.
static MACHINE: LazyLock<u32> = LazyLock::new(random);
/// Starts at a random number and is incremented with each key.
static COUNTER: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(random()));

/// Generates a unique key.
#[must_use]
pub fn generate(app_id: &str, cluster: &str, namespace: &str) -> String {
    let time = castalia_store::now().with_timezone(&Local).format("%Y%m%d%H%M%S").to_string();
    let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
    compose(&time, hash([app_id, cluster, namespace]), *MACHINE, counter)
}

/// Whether the name of a cluster has the format of a branch name.
#[must_use]
pub fn is_branch_name(name: &str) -> bool {
    name.split_once('-').is_some_and(|(time, rest)| {
        time.len() == 14
            && rest.len() == 16
            && time.bytes().all(|byte| byte.is_ascii_digit())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn compose(time: &str, hash: i32, machine: u32, counter: u32) -> String {
    format!("{time}-{:04x}{:06x}{:06x}", hash & 0xffff, machine & 0xff_ffff, counter & 0xff_ffff)
}

/// Java's hash of an array of strings.
fn hash(parts: [&str; 3]) -> i32 {
    let java = |hash: i32, element: i32| hash.wrapping_mul(31).wrapping_add(element);
    parts
        .iter()
        .map(|part| part.encode_utf16().fold(0, |hash, unit| java(hash, i32::from(unit))))
        .fold(1, java)
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without random bytes, the process id distinguishes at least the processes of one machine.
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes),
        Err(_) => std::process::id(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_begins_with_time_and_hash_of_the_names() {
        let key = |parts| compose("20261120063216", hash(parts), 0x12_3456, 0xff_0001);
        assert_eq!(key(["a1", "default", "application"]), "20261120063216-3b7e123456ff0001");
        assert_eq!(key(["someAppId", "default", "application"]), "20261120063216-7c16123456ff0001");
    }

    #[test]
    fn keys_differ_and_have_the_form_of_branch_names() {
        let (first, second) = (generate("a", "b", "c"), generate("a", "b", "c"));
        assert_ne!(first, second);
        assert!(is_branch_name(&first), "{first}");
        assert!(!is_branch_name("default") && !is_branch_name("20261120063216-3b7e"));
    }
}
