//! Tokens that can be guessed: what a start that failed left in the file of the metrics token, and
//! what operators chose.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use crate::support::http::Http;
use crate::support::server::{Options, Server, serve, terminate_when_ready};

const WEAK: &str = "admin-token";

/// A full disk, or the loss of power, can leave an empty file.
#[tokio::test]
async fn an_empty_file_of_the_metrics_token_opens_nothing_and_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("metrics.token");
    for content in ["", "\n"] {
        std::fs::write(&file, content).unwrap();
        let server = Server::start_in(directory.path(), Options::new());
        let with = |token: &str| {
            Http::new(&server.config).with("Authorization", &format!("Bearer {token}"))
        };
        for stranger in [Http::new(&server.config), with("")] {
            assert_eq!(stranger.get("/prometheus").await.status, 401);
        }
        with(&server.metrics_token()).get("/prometheus").await.ok();
        assert_eq!(server.metrics_token().len(), 64);
    }
}

#[test]
fn a_short_metrics_token_in_the_file_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("metrics.token"), WEAK).unwrap();
    let output = serve(directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("metrics.token") && text.contains("delete the file"), "{text}");
    assert!(!text.contains(WEAK), "{text}");
}

/// In a directory in which anybody can create files, such as /tmp.
#[test]
fn a_metrics_token_that_another_user_can_write_stops_the_start() {
    let token = "0123456789abcdef0123456789abcdef";
    let refused = |mode: u32, problem: &str, arrange: &dyn Fn(&Path)| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("metrics.token");
        std::fs::write(&file, token).unwrap();
        arrange(&file);
        std::fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        // The first attempt must not make the second one succeed.
        for _ in 0..2 {
            let output = serve(directory.path()).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{text}");
            assert!(text.contains(problem) && !text.contains(token), "{text}");
        }
    };
    refused(0o1777, "another user can write", &|file| {
        std::fs::set_permissions(file, Permissions::from_mode(0o662)).unwrap();
    });
    if is_root() {
        for mode in [0o777, 0o1777] {
            refused(mode, "another user created", &|file| {
                chown(file, Some(65534), None).unwrap();
            });
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Kubernetes sets group and mode of all files of a volume at each start of a container, and a
/// network file system may show another owner.
#[test]
fn a_server_starts_again_on_a_volume_whose_owner_and_mode_were_changed() {
    let directory = tempfile::tempdir().unwrap();
    let start = || terminate_when_ready(serve(directory.path()).spawn().unwrap());
    start();
    let file = directory.path().join("metrics.token");
    let token = std::fs::read_to_string(&file).unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        if is_root() {
            chown(&path, Some(65534), Some(65534)).unwrap();
        }
    }
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o2770)).unwrap();
    let text = start();
    assert!(text.contains("listening"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), token);
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
}

/// Apollo accepts any text, so that an installation which has a short one continues to work.
#[test]
fn a_short_admin_token_is_warned_of_and_not_repeated() {
    for (tokens, is_weak) in [(WEAK, true), ("0123456789abcdef0123456789abcdef", false)] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = serve(directory.path());
        command.env("CASTALIA_ADMIN_SERVICE_ACCESS_TOKENS", tokens);
        let text = terminate_when_ready(command.spawn().unwrap());
        let warning =
            text.contains("admin-service.access.tokens contains a token that can be guessed");
        assert_eq!(warning, is_weak, "{tokens}: {text}");
        assert!(!text.contains(tokens), "{text}");
    }
}
