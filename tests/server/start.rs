//! Start and shutdown: which starts are refused, with which message, and that nothing is left
//! half-done.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::database::Database;
use crate::support::demo::Demo;
use crate::support::http::Http;
use crate::support::server::{Options, PASSWORD, Server, command, terminate_when_ready};

fn serve(data_dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = command(&["serve", "--data-dir"]);
    command.arg(data_dir).args(arguments).envs(variables.iter().copied());
    for port in ["--config-port", "--admin-port", "--portal-port"] {
        if !arguments.contains(&port) {
            command.args([port, "0"]);
        }
    }
    // A start that succeeds would never return: standard input is closed and a timeout ends it.
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    crate::support::server::wait_with_output(child)
}

/// SEC-11: invalid settings prevent the start; the exit code is not 0, the message names the
/// setting, no port opens, nothing is written.
#[test]
fn bad_settings_stop_the_start_and_name_themselves() {
    let flags: &[(&[&str], &str)] = &[
        (&["--no-such-flag", "1"], "--no-such-flag"),
        (&["--roles", "king"], "--roles"),
        (&["--roles", ","], "--roles"),
        (&["--bind", "localhost:80"], "--bind"),
        (&["--config-port", "65536"], "--config-port"),
        (&["--config-port", "-1"], "--config-port"),
        (&["--admin-port", "x"], "--admin-port"),
        (&["--portal-port", "80.5"], "--portal-port"),
        (&["--config-db", "oracle://host/db"], "--config-db"),
        (&["--config-db", "not a url"], "--config-db"),
        (&["--portal-db", "mysql:/host"], "--portal-db"),
        (&["--env", "a b"], "--env"),
        (&["--advertise", "ftp://x"], "--advertise"),
        (&["--advertise", "http:///x"], "--advertise"),
        (&["--advertise-admin", "admin.example"], "--advertise-admin"),
        (&["--base-path", "/a b"], "--base-path"),
        (&["--schema", "drop"], "--schema"),
        (&["--sample-app", "maybe"], "--sample-app"),
        (&["--log-format", "xml"], "--log-format"),
        (&["--log-level", "info,=x=y"], "--log-level"),
        (&["--compat-defaults", "old"], "--compat-defaults"),
        (&["--compat-strict-status", "1"], "--compat-strict-status"),
        (&["--security-require-access-key", "yes"], "--security-require-access-key"),
        (&["--security-cookie-secure", "never"], "--security-cookie-secure"),
        (&["--store-max-connections", "many"], "--store-max-connections"),
        (&["--store-max-connections", "0"], "--store-max-connections"),
        (&["--store-max-connections", "1"], "--store-max-connections"),
        (&["--ldap-urls", "ldap://a", "--ldap-start-tls", "maybe"], "--ldap-start-tls"),
        (&["--ldap-start-tls", "maybe"], "--ldap-start-tls"),
        (&["--ldap-urls", "ldaps://a", "--ldap-ca-file", "/absent/ca.pem"], "--ldap-ca-file"),
        (&["--security-hosts", ""], "--security-hosts"),
        (&["--security-hosts", " , "], "--security-hosts"),
        (&["--security-hosts", "http://a.example"], "--security-hosts"),
        (&["--security-webhook-hosts", "http://a.example"], "--security-webhook-hosts"),
        (&["--config-db", ""], "--config-db"),
        (&["--config-db", "sqlite::memory:"], "--config-db"),
        (&["--admin-password-file", "/dev/zero"], "--admin-password-file"),
        (&["--roles", ""], "--roles"),
        (&["--metrics-token", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], "--metrics-token"),
        (&["--metrics-token", "abababababababababababababababab"], "--metrics-token"),
        (&["--metrics-token", "short"], "--metrics-token"),
        (&["--config-file", "/no/such/file.toml"], "--config-file"),
        (&["--registry", "consul"], "--registry"),
        (&["--eureka-host", "maybe"], "--eureka-host"),
        (&["--eureka-instance-home-page-url", "javascript:x"], "--eureka-instance-home-page-url"),
        (&["--eureka-instance-home-page-url", "http://a b/"], "--eureka-instance-home-page-url"),
        (&["--eureka-instance-instance-id", "a b/c"], "--eureka-instance-instance-id"),
        (&["--eureka-instance-hostname", "a b"], "--eureka-instance-hostname"),
        (&["--eureka-instance-ip-address", "a.example"], "--eureka-instance-ip-address"),
        (&["--eureka-instance-home-page-url", "http://a/"], "--eureka-instance-home-page-url"),
        (&["--eureka-max-instances", "many"], "--eureka-max-instances"),
        (&["--eureka-max-instances", "0"], "--eureka-max-instances"),
        (&["--eureka-apps", "a b"], "--eureka-apps"),
        (&["--eureka-username", "eu"], "--eureka-username"),
        (&["--eureka-instance-lease-renewal-interval", "0"], "--eureka-instance-lease-renewal"),
        (&["--eureka-instance-lease-duration", "5"], "--eureka-instance-lease-duration"),
    ];
    let variables: &[(&str, &str)] = &[
        ("CASTALIA_ADMIN_PASSWORD", "short"),
        ("CASTALIA_ADMIN_PASSWORD", " "),
        ("CASTALIA_ADMIN_PASSWORD", "qwertyuiopasdf"),
        ("CASTALIA_ADMIN_PASSWORD_FILE", "/no/such/file"),
        ("CASTALIA_METRICS_TOKEN", "0123456789"),
        ("CASTALIA_METRICS_TOKEN", ""),
        ("CASTALIA_PORTAL_DB", " "),
        ("CASTALIA_SECURITY_HOSTS", ""),
        ("CASTALIA_SECURITY_REQUIRE_ACCESS_KEY", ""),
        ("CASTALIA_BIND", " "),
        ("CASTALIA_NO_SUCH_SETTING", "1"),
        ("CASTALIA_ENV", "a/b"),
    ];
    for (arguments, name) in flags {
        refused(arguments, &[], name);
    }
    for variable in variables {
        refused(&[], &[*variable], variable.0);
    }
}

/// A variable that is no text would otherwise be ignored.
#[test]
fn a_variable_that_is_not_utf8_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["CASTALIA_SECURITY_REQUIRE_ACCESS_KEY", "pro_meta"] {
        let mut serve = command(&["serve", "--data-dir"]);
        serve.arg(directory.path()).env(name, OsStr::from_bytes(b"true\xff"));
        let output = serve.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(name), "{output:?}");
    }
}

/// One variable with two forms: a process that has only the role of the other form does not start.
#[test]
fn admin_tokens_in_the_form_of_another_role_stop_the_start() {
    let name = "admin-service.access.tokens";
    for (roles, text) in [
        ("portal", "t1,t2"),
        ("config,meta,admin", r#"{"DEV":"t1"}"#),
        ("config,meta,admin,portal", r#"{"DEV":["t1"]}"#),
    ] {
        let variable = ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", text);
        refused(&["--roles", roles], &[variable], name);
    }
}

/// Both roles in one process: each reads the variable in its own form, and its table if the
/// variable has the other's form.
#[tokio::test]
async fn each_role_of_a_process_reads_admin_tokens_in_its_own_form() {
    for (text, accepts) in [("t1, t2", true), (r#"{"FAR":"t2"}"#, false)] {
        let variable = ("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", text);
        let server = Server::start_with(Options::new().variable(variable.0, variable.1));
        let admin = Http::new(&server.admin).with("Authorization", "t2");
        let status = if accepts { 200 } else { 401 };
        assert_eq!(admin.get("/apps").await.status, status, "{text}");
    }
}

/// A start that fails to store the administrator has stored a password before; the next start
/// creates the administrator, and the file contains the password that is valid.
#[tokio::test]
async fn a_start_that_fails_late_does_not_lose_the_generated_password() {
    let directory = tempfile::tempdir().unwrap();
    let migrate = ["migrate", "--data-dir"];
    assert!(command(&migrate).arg(directory.path()).output().unwrap().status.success());
    let portal = Database::file(directory.path(), "portal.db");
    let refuse = r#"CREATE TRIGGER "refuse" BEFORE INSERT ON "Users"
                    BEGIN SELECT RAISE(FAIL, 'refused'); END"#;
    portal.run(&[refuse]).await;
    let output = serve(directory.path(), &[], &[]);
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("refused"), "{output:?}");
    let file = directory.path().join("initial-password");
    assert!(file.exists());

    portal.run(&[r#"DROP TRIGGER "refuse""#]).await;
    let next = crate::support::server::serve(directory.path()).spawn().unwrap();
    terminate_when_ready(next);
    let password = std::fs::read_to_string(file).unwrap();
    let server = Server::start_in(directory.path(), Options::new());
    let form = [("username", "apollo"), ("password", password.trim())];
    let signed_in = Http::new(&server.portal).form("/signin", &form).await;
    assert_eq!(signed_in.header("location"), "/");
}

#[track_caller]
fn refused(arguments: &[&str], variables: &[(&str, &str)], name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let output = serve(directory.path(), arguments, variables);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{arguments:?} {variables:?} started");
    assert!(stderr.contains(name), "{arguments:?} {variables:?}: `{stderr}` does not name {name}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "{name}: something was written"
    );
}

/// A port in use is reported with its flag, before any database is created: the initial password
/// must not be lost.
#[test]
fn a_port_in_use_is_named_and_no_database_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = tempfile::tempdir().unwrap();
    let output = serve(directory.path(), &["--portal-port", &port], &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && stderr.contains("--portal-port") && stderr.contains(&port),
        "{stderr}"
    );
    assert!(!directory.path().join("portal.db").exists());
}

/// A data directory that cannot be created is reported with its flag.
#[test]
fn an_unusable_data_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = serve(&file.join("below"), &[], &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("--data-dir"), "{stderr}");
}

/// REL-03: a second server on one data directory is refused with a clear message, and the first one
/// continues.
#[tokio::test]
async fn a_second_server_on_one_directory_is_refused() {
    let server = Server::start();
    let output = serve(server.data_dir(), &[], &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && stderr.contains("--data-dir") && stderr.contains("in use"),
        "{stderr}"
    );
    crate::support::health::is_well(&Http::new(&server.config)).await;
}

/// SEC-10: two fresh installations share no secret, the password is printed once, and Apollo's
/// default password is refused.
#[tokio::test]
async fn fresh_installations_share_no_secret() {
    let passwords: Vec<String> =
        (0..2).map(|_| first_password(tempfile::tempdir().unwrap().path()).unwrap()).collect();
    assert_ne!(passwords[0], passwords[1]);
    assert!(
        passwords.iter().all(|password| password.len() >= 22),
        "fewer than 128 bits: {passwords:?}"
    );

    let server = Server::start();
    let form = |password: &'static str| [("username", "apollo"), ("password", password)];
    let portal = Http::new(&server.portal);
    assert_eq!(portal.form("/signin", &form("admin")).await.header("location"), "/signin?#/error");
    assert_eq!(portal.form("/signin", &form(PASSWORD)).await.header("location"), "/");
}

/// SEC-13: a sign-in with an unknown name takes as long as one with a wrong password, so that names
/// cannot be enumerated.
#[tokio::test]
async fn an_unknown_user_is_refused_as_slowly_as_a_wrong_password() {
    let server = Server::start_with(Options::new().flag("--compat-defaults", "fresh"));
    let portal = Http::new(&server.portal);
    let refused = async |name: &str| {
        let begun = Instant::now();
        let answer = portal.form("/signin", &[("username", name), ("password", "wrong")]).await;
        assert_eq!(answer.header("location"), "/signin?#/error", "{answer:?}");
        begun.elapsed()
    };
    // The minimum of several measurements, taken in turn until they agree: other work on the
    // machine only adds to each of them.
    let (mut known, mut unknown) = (Duration::MAX, Duration::MAX);
    let agree = |known: Duration, unknown| unknown < known * 2 && known < unknown * 2;
    for round in 0..15 {
        known = known.min(refused("apollo").await);
        unknown = unknown.min(refused(&format!("nobody-{round}")).await);
        if round >= 4 && agree(known, unknown) {
            break;
        }
        // The throttle forgives the failures of who signs in.
        let form = [("username", "apollo"), ("password", PASSWORD)];
        assert_eq!(portal.form("/signin", &form).await.header("location"), "/");
    }
    assert!(agree(known, unknown), "{known:?} and {unknown:?}");
    assert!(known > Duration::from_millis(5), "{known:?}: no password was hashed");
}

/// SEC-10: the password is shown at the first start only.
#[test]
fn the_generated_password_is_shown_only_once() {
    let directory = tempfile::tempdir().unwrap();
    assert!(first_password(directory.path()).is_some());
    assert!(first_password(directory.path()).is_none());
}

/// Starts without a configured password, and returns the stored one. It is in a file that only its
/// owner can read, and not in the log, which other people and machines read.
fn first_password(data_dir: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut command = command(&["serve", "--log-format", "json", "--sample-app", "off"]);
    command
        .args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0", "--data-dir"])
        .arg(data_dir);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let text = crate::support::server::terminate_when_ready(child);
    let file = data_dir.join("initial-password");
    let password = std::fs::read_to_string(&file).ok()?.trim().to_owned();
    assert!(!text.contains(&password), "the password is in the log");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::remove_file(&file).unwrap();
    Some(password)
}

/// A secret in an argument is visible in the process list; the log warns about it, without the
/// secret.
#[test]
fn a_secret_in_an_argument_is_warned_of_and_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let token = "0123456789abcdef0123456789abcdef";
    let mut command = crate::support::server::serve(directory.path());
    let text = terminate_when_ready(command.args(["--metrics-token", token]).spawn().unwrap());
    let warning = text.lines().find(|line| line.contains("argument --metrics-token"));
    assert!(warning.is_some_and(|line| line.contains("CASTALIA_METRICS_TOKEN")), "{text}");
    assert!(!text.contains(token), "{text}");
}

/// A crash leaves no core file, which would contain keys and values.
#[test]
fn a_server_leaves_no_core_file() {
    let server = Server::start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let limits: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(limits, ["0", "0"]);
}

/// `castalia migrate` prepares the databases and reports it, and a server then has nothing left to
/// do.
#[tokio::test]
async fn migrate_prepares_databases_without_serving() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = command(&["migrate", "--data-dir"]).arg(directory.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("ready"));
    }
    let server = Server::start_in(directory.path(), Options::new());
    Demo::create(&server, "after-migrate").await;
}

/// SIGTERM ends the server with exit code 0, also while polls are parked, which are answered with
/// 304.
#[tokio::test]
async fn a_terminated_server_answers_its_parked_polls() {
    let mut server = Server::start();
    let config = Http::new(&server.config);
    let path = "/notifications/v2?appId=demo&cluster=default&notifications=%5B%7B%22namespaceName%22%3A%22application%22%2C%22notificationId%22%3A-1%7D%5D";
    let poll = tokio::spawn(async move { config.get(path).await });
    // The poll is parked once the server has answered a later request; a short bounded wait is
    // enough, and a poll that is not parked yet is answered with 304 too.
    let http = Http::new(&server.config);
    for _ in 0..20 {
        crate::support::health::is_well(&http).await;
    }
    let status = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert!(status.success(), "{status:?}");
    assert_eq!(poll.await.unwrap().status, 304);
}

/// `castalia --version` and `--help` answer with exit code 0.
#[test]
fn version_and_help_answer() {
    let version = command(&["--version"]).output().unwrap();
    assert!(
        version.status.success()
            && String::from_utf8_lossy(&version.stdout).starts_with("castalia ")
    );
    assert!(command(&["serve", "--help"]).output().unwrap().status.success());
}

/// SEC-38: the repository documents how to report a vulnerability in private, and how fast it is
/// answered.
#[test]
fn the_repository_says_how_to_report_a_hole() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    for needed in ["private", "72 hours", "supported", "Advisories"] {
        assert!(text.contains(needed), "SECURITY.md does not say: {needed}");
    }
}

/// SEC-10: Apollo's scripts create the administrator with a published password, which is refused
/// here; the log says what to do.
#[tokio::test]
async fn the_log_names_the_remedy_for_the_password_that_apollo_publishes() {
    let directory = tempfile::tempdir().unwrap();
    let log = || {
        let mut command = command(&["serve", "--log-format", "json", "--sample-app", "off"]);
        command
            .args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0", "--data-dir"])
            .arg(directory.path());
        crate::support::server::terminate_when_ready(
            command.stdout(Stdio::piped()).spawn().unwrap(),
        )
    };
    let remedy = "castalia user password apollo";
    assert!(!log().contains(remedy));
    let published = "$2a$10$7r20uS.BQ9uBpf3Baj3uQOZvMVvB1RN3PYoKE94gtz2.WAOuiiwXS";
    let seed =
        format!(r#"UPDATE "Users" SET "Password" = '{published}' WHERE "Username" = 'apollo'"#);
    Database::file(directory.path(), "portal.db").run(&[&seed]).await;
    assert!(log().contains(remedy));
}

/// A start that fails after the node was announced removes it from the list of services.
#[tokio::test]
async fn a_start_that_fails_late_leaves_no_announced_node_behind() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new().flag("--roles", "config,admin");
    let mut server = Server::start_in(directory.path(), options);
    let database = Database::file(directory.path(), "config.db");
    let announced = r#"SELECT "Uri" FROM "ServiceRegistry""#;
    assert!(!database.rows(announced).await.is_empty());
    assert!(server.terminate().success());
    assert!(database.rows(announced).await.is_empty());
    // Read right after the announcement.
    let forget = r#"DELETE FROM "CastaliaInstallation" WHERE "Name" = 'nudge.secret'"#;
    let refuse = r#"CREATE TRIGGER "refuse" BEFORE INSERT ON "CastaliaInstallation"
                    WHEN NEW."Name" = 'nudge.secret' BEGIN SELECT RAISE(FAIL, 'refused'); END"#;
    database.run(&[forget, refuse]).await;
    let failed = serve(directory.path(), &["--roles", "config,admin"], &[]);
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("refused"), "{failed:?}");
    assert!(database.rows(announced).await.is_empty());
}
