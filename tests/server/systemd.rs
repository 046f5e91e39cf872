//! The unit file of systemd, under which no test runs a server.

const UNIT: &str = include_str!("../../server/castalia.service");

/// The value of a setting in a section.
fn setting(section: &str, name: &str) -> Option<&'static str> {
    let (_, rest) = UNIT.split_once(&format!("\n[{section}]\n"))?;
    let section = rest.split("\n[").next()?;
    section.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// S75: systemd otherwise gives up after five starts within ten seconds, for good.
#[test]
fn systemd_repeats_a_failed_start_without_end() {
    assert_eq!(setting("Service", "Restart"), Some("always"));
    assert_eq!(setting("Unit", "StartLimitIntervalSec"), Some("0"));
    // Not so often that the failures fill the log.
    let pause: u32 = setting("Service", "RestartSec").unwrap().parse().unwrap();
    assert!((3..=30).contains(&pause), "{pause}");
}
