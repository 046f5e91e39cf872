//! The calls of Apollo's web pages (`pages/sequences.txt`), sent to Apollo's portal and to ours,
//! each on its own databases; then to one of the two beside the other on the same databases. Then
//! what one portal made is changed and ended by the other (`pages/handover.txt`, `pages/turns.rs`).
//! `pages/differences.txt` lists each difference with its reason. Run by `tests/upstream.sh pages`.

mod compare;
mod handover;
mod turns;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use self::handover::{Run, Side};
use super::replay::{Call, Caller, calls};
use crate::support::database::Database;
use crate::support::server::{Options, Server, command, wait_with_output};
use crate::support::session;
use crate::support::variable;

const CALLS: &str = include_str!("pages/sequences.txt");
const DIFFERENCES: &str = include_str!("pages/differences.txt");
/// Password of all users; Apollo accepts 8 to 20 characters.
const PASSWORD: &str = "Quiet-harbour-47";

#[tokio::test]
#[ignore = "needs Apollo's portal: tests/upstream.sh pages"]
async fn both_portals_answer_alike_and_one_ends_what_the_other_made() {
    let mut found = answers().await;
    found.extend(handed_over().await);
    let lines = DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<_> = lines.map(str::to_owned).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let outdated: Vec<_> = listed.difference(&found).collect();
    assert!(unlisted.is_empty(), "not in pages/differences.txt: {unlisted:#?}");
    assert!(outdated.is_empty(), "no longer true in pages/differences.txt: {outdated:#?}");
}

/// Differences of the answers to `sequences.txt`.
async fn answers() -> BTreeSet<String> {
    let [portal, config, portal_db, own_config_db, own_portal_db] =
        ["PORTAL_URL", "CONFIG_URL", "PORTAL_DB", "OWN_CONFIG_DB", "OWN_PORTAL_DB"].map(set);
    set_password(&portal_db);
    set_password(&own_portal_db);
    let alone =
        Options::new().flag("--config-db", &own_config_db).flag("--portal-db", &own_portal_db);
    let alone = Server::start_with(alone);
    let beside = Options::new().flag("--roles", "portal").flag("--portal-db", &portal_db);
    let beside = Server::start_with(beside.variable("DEV_META", &config));

    let mut found = BTreeSet::new();
    let mut apollo = sign_in(&portal, &config, "pages-first").await;
    let mut own = sign_in(&alone.portal, &alone.config, "pages-first").await;
    let mut reader = sign_in(&beside.portal, &config, "pages-first").await;
    let mut written = Vec::new();
    for call in calls(CALLS) {
        let [theirs, ours] = [answer(&mut apollo, &call).await, answer(&mut own, &call).await];
        found.extend(differing(&call.name(), &theirs, &ours));
        if call.method == "GET" {
            reader.variables.clone_from(&apollo.variables);
            let shown = answer(&mut reader, &call).await;
            found.extend(differing(&format!("beside {}", call.name()), &theirs, &shown));
        } else {
            written.push(theirs);
        }
    }
    let mut writer = sign_in(&beside.portal, &config, "pages-second").await;
    let mut reader = sign_in(&portal, &config, "pages-second").await;
    let mut written = written.iter();
    for call in calls(CALLS) {
        let ours = answer(&mut writer, &call).await;
        if call.method == "GET" {
            reader.variables.clone_from(&writer.variables);
            let shown = answer(&mut reader, &call).await;
            found.extend(differing(&format!("behind {}", call.name()), &shown, &ours));
        } else {
            found.extend(differing(&call.name(), written.next().unwrap(), &ours));
        }
    }
    found
}

/// Differences after `handover.txt`: Apollo's portal alone, then ours after it, then it after ours.
async fn handed_over() -> BTreeSet<String> {
    let [portal, config, config_db, portal_db] =
        ["PORTAL_URL", "CONFIG_URL", "CONFIG_DB", "PORTAL_DB"].map(set);
    // Not registered, so that Apollo's portal calls Apollo's admin service.
    let ours = Options::new().flag("--config-db", &config_db).flag("--portal-db", &portal_db);
    let ours = Server::start_with(ours.flag("--registry", "custom"));
    let databases = [("config", config_db), ("portal", portal_db)];
    let databases = databases.map(|(name, url)| (name, Database::at(&url))).into();
    let callers = async |app| {
        [sign_in(&portal, &config, app).await, sign_in(&ours.portal, &ours.config, app).await]
    };
    let alone = callers("handover-alone").await;
    let alone = Run::send(alone, &databases, Side::Theirs, Side::Theirs).await;
    let taken = callers("handover-taken").await;
    let taken = Run::send(taken, &databases, Side::Theirs, Side::Ours).await;
    let given = callers("handover-given").await;
    let given = Run::send(given, &databases, Side::Ours, Side::Theirs).await;
    [taken, given].into_iter().flat_map(|run| run.differences(&alone)).collect()
}

/// A variable of `tests/upstream.sh`.
fn set(name: &str) -> String {
    let name = format!("CASTALIA_TEST_{name}");
    variable(&name).unwrap_or_else(|| panic!("{name} is not set"))
}

/// A session of the administrator; the app and the user of the calls get names of their own.
async fn sign_in(portal: &str, config: &str, app: &str) -> Caller {
    let reader = format!("{app}reader");
    let variables = [("app", app), ("user", &*reader), ("password", PASSWORD)];
    Caller::new(session::sign_in(portal, PASSWORD).await, config, variables)
}

/// Sends a call and returns the answer as it is compared.
async fn answer(caller: &mut Caller, call: &Call) -> Value {
    let answer = caller.send(call).await;
    compare::without_variables(&answer, &caller.variables)
}

/// The differences of two answers or lists of rows, as `differences.txt` has them.
fn differing(name: &str, theirs: &Value, ours: &Value) -> Vec<String> {
    let differences = compare::differences(theirs, ours).into_iter();
    differences.map(|difference| format!("{name}: {difference}")).collect()
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
