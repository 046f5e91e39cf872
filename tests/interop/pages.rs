//! The calls of Apollo's web pages (`pages/sequences.txt`), sent to Apollo's portal and to ours, each on its own
//! databases; then to one of the two beside the other on the same databases. `pages/differences.txt` lists each
//! difference with its reason. Run by `tests/upstream.sh pages`.

mod compare;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::replay::{Call, Caller, calls};
use crate::support::server::{Options, Server, command, wait_with_output};
use crate::support::session;
use crate::support::variable;

const CALLS: &str = include_str!("pages/sequences.txt");
const DIFFERENCES: &str = include_str!("pages/differences.txt");
/// Password of all users; Apollo accepts 8 to 20 characters.
const PASSWORD: &str = "Quiet-harbour-47";

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn both_portals_answer_the_calls_of_apollos_pages_alike_and_show_what_the_other_wrote() {
    let [portal, config, portal_db, own_config_db, own_portal_db] = [
        "CASTALIA_TEST_PORTAL_URL",
        "CASTALIA_TEST_CONFIG_URL",
        "CASTALIA_TEST_PORTAL_DB",
        "CASTALIA_TEST_OWN_CONFIG_DB",
        "CASTALIA_TEST_OWN_PORTAL_DB",
    ]
    .map(|name| variable(name).unwrap_or_else(|| panic!("{name} is not set")));
    set_password(&portal_db);
    set_password(&own_portal_db);
    let own =
        Options::new().flag("--config-db", &own_config_db).flag("--portal-db", &own_portal_db);
    let own = Server::start_with(own);
    let beside = Options::new().flag("--roles", "portal").flag("--portal-db", &portal_db);
    let beside = Server::start_with(beside.variable("DEV_META", &config));

    let mut found = BTreeSet::new();
    let mut apollo = sign_in(&portal, &config, "pages1").await;
    let mut ours = sign_in(&own.portal, &own.config, "pages1").await;
    let mut reader = sign_in(&beside.portal, &config, "pages1").await;
    for call in calls(CALLS) {
        let [theirs, answer] = [apollo.send(&call).await, ours.send(&call).await];
        found.extend(differing("", &call, [(&apollo, &theirs), (&ours, &answer)]));
        if call.method == "GET" {
            reader.variables.clone_from(&apollo.variables);
            let answer = reader.send(&call).await;
            found.extend(differing("beside ", &call, [(&apollo, &theirs), (&reader, &answer)]));
        }
    }
    let mut writer = sign_in(&beside.portal, &config, "pages2").await;
    let mut reader = sign_in(&portal, &config, "pages2").await;
    for call in calls(CALLS) {
        let answer = writer.send(&call).await;
        if call.method == "GET" {
            reader.variables.clone_from(&writer.variables);
            let theirs = reader.send(&call).await;
            found.extend(differing("behind ", &call, [(&reader, &theirs), (&writer, &answer)]));
        }
    }

    let lines = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<_> = lines.map(str::to_owned).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let outdated: Vec<_> = listed.difference(&found).collect();
    assert!(unlisted.is_empty(), "not in pages/differences.txt: {unlisted:#?}");
    assert!(outdated.is_empty(), "no longer true in pages/differences.txt: {outdated:#?}");
}

/// A session of the administrator; the app and the user of the calls get names of their own.
async fn sign_in(portal: &str, config: &str, app: &str) -> Caller {
    let reader = format!("{app}reader");
    let variables = [("app", app), ("user", &*reader), ("password", PASSWORD)];
    Caller::new(session::sign_in(portal, PASSWORD).await, config, variables)
}

/// The differences of our answer to a call, as `differences.txt` has them.
fn differing(mode: &str, call: &Call, answers: [(&Caller, &Value); 2]) -> Vec<String> {
    let [theirs, ours] =
        answers.map(|(caller, answer)| compare::without_variables(answer, &caller.variables));
    let differences = compare::differences(&theirs, &ours).into_iter();
    differences.map(|difference| format!("{mode}{}: {difference}", call.name())).collect()
}

/// Our portal refuses the password that Apollo's script stores.
fn set_password(portal_db: &str) {
    let mut command = command(&["user", "password", "apollo", "--portal-db", portal_db]);
    let directory = tempfile::tempdir().unwrap();
    command.arg("--data-dir").arg(directory.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(wait_with_output(child).status.success());
}
