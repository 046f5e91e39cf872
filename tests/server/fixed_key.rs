//! Keys of ServerConfig that a node fixes in its environment: a text that does not mean what it
//! seems to mean stops the start. A switch is on for the text `true` only, so that `on` would turn
//! access control off.

use crate::support::server::command;

#[test]
fn a_text_that_is_no_value_of_its_key_stops_the_start() {
    let switch =
        ("CASTALIA_ADMIN_SERVICE_ACCESS_CONTROL_ENABLED", "admin-service.access.control.enabled");
    let mut rows: Vec<_> =
        ["on", "TRUE", "yes", "1", "abc", ""].map(|text| (switch.0, text, switch.1)).into();
    rows.extend([
        ("CASTALIA_NAMESPACE_LOCK_SWITCH", "on", "namespace.lock.switch"),
        ("CASTALIA_APOLLO_PORTAL_META_SERVERS", "abc", "apollo.portal.meta.servers"),
        ("CASTALIA_LONG_POLLING_TIMEOUT", "abc", "long.polling.timeout"),
    ]);
    for (variable, text, key) in rows {
        let directory = tempfile::tempdir().unwrap();
        let mut serve = command(&["serve", "--config-port", "0", "--admin-port", "0"]);
        serve.args(["--portal-port", "0", "--data-dir"]).arg(directory.path().join("data"));
        let output = serve.env(variable, text).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(key), "{variable}={text}: {output:?}");
    }
}
