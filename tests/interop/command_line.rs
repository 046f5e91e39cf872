//! Apollo's command line (github.com/apolloconfig/apollo-cli) against this server.
//! `command_line.txt` lists its commands with the calls that each makes. The calls are sent by the
//! first test; the second one, which needs the program, runs the commands.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::replay::{Call, Caller, calls};
use crate::support::http::Http;
use crate::support::server::{Server, wait_with_output};
use crate::support::{session, variable};

const TEXT: &str = include_str!("command_line.txt");

#[tokio::test]
async fn each_call_of_apollos_command_line_is_answered_as_it_expects() {
    let server = Server::start();
    for (page, token) in tokens(&server).await {
        let credential = if page == "user token" { format!("Bearer {token}") } else { token };
        let portal = Http::new(&server.portal).with("Authorization", &credential);
        let mut caller = Caller::new(portal, &server.config, []);
        for call in calls(TEXT).iter().filter(|call| call.page == page && call.method != "$") {
            let answer = caller.send(call).await;
            let (status, part) = call.refused.unwrap_or((200, ""));
            assert_eq!(answer["status"], status, "{page}: {call:?}: {answer}");
            assert!(answer["body"].to_string().contains(part), "{page}: {call:?}: {answer}");
        }
    }
}

#[tokio::test]
#[ignore = "needs the program: tests/upstream.sh cli"]
async fn each_command_of_apollos_command_line_succeeds() {
    let server = Server::start();
    let calls = calls(TEXT);
    for (page, token) in tokens(&server).await {
        let home = tempfile::tempdir().unwrap();
        let program = Program { home: home.path(), server: &server.portal };
        let of_page = |calls: &&[Call]| calls[0].page == page;
        let mut caller = Caller::new(Http::new(&server.portal), &server.config, []);
        for command in calls.chunk_by(|_, next| next.method != "$").filter(of_page) {
            let arguments = caller.fill(&format!("$ {}", command[0].path));
            let answer = program.run(&arguments, &token, "");
            let last = command.last().unwrap();
            if let Some((status, _)) = last.refused {
                let message = answer["error"]["message"].as_str().unwrap_or_default();
                assert!(message.contains(&format!("HTTP {status}")), "{arguments}: {answer}");
            } else {
                assert_eq!(answer["status"], 200, "{arguments}: {answer}");
                caller.take(last, 200, &answer["data"]);
            }
        }
        signs_in_by_profile(&program, &token);
    }
}

/// Commands that keep the server and the token.
fn signs_in_by_profile(program: &Program<'_>, token: &str) {
    let stored = "--token-stdin --store-token-in-file";
    let run = |arguments: &str| program.run(arguments, "", token);
    assert_eq!(run(&format!("$ init --name one {stored}"))["profile"], "one");
    assert_eq!(run(&format!("$ profile add two {stored} --use"))["activeProfile"], "two");
    assert_eq!(run("$ profile list")["profiles"].as_array().unwrap().len(), 2);
    assert_eq!(run("$ profile use one")["activeProfile"], "one");
    assert_eq!(run("$ profile show")["activeProfile"], "one");
    assert_eq!(run(&format!("$ auth login {stored}"))["stored"], true);
    assert_eq!(run("$ auth status")["authenticated"], true);
    assert_eq!(run("$ app list")["status"], 200);
    assert_eq!(run("$ auth logout")["loggedOut"], true);
    assert_eq!(run("$ app list")["error"]["code"], "authentication_failed");
}

/// An app with two clusters, and a token of its owner and of a consumer.
async fn tokens(server: &Server) -> [(&'static str, String); 2] {
    let root = session::root(server).await;
    let app = json!({ "appId": "cli", "name": "cli", "orgId": "TEST1", "orgName": "Test", "ownerName": "apollo" });
    root.post("/openapi/v1/apps", json!({ "app": app, "admins": [] })).await.ok();
    let cluster = json!({ "name": "bj", "appId": "cli" });
    root.post("/openapi/v1/envs/DEV/apps/cli/clusters", cluster).await.ok();
    let user = root.post("/openapi/v1/user-tokens", json!({ "name": "cli" })).await.ok().json();
    let user = user["tokenValue"].as_str().unwrap().to_owned();
    [("user token", user), ("consumer token", server.token("cli", &["--all-apps"]))]
}

/// The program, with a directory for its profiles.
struct Program<'a> {
    home: &'a Path,
    server: &'a str,
}

impl Program<'_> {
    /// Runs a command line with a token in the environment, if any, and returns what it prints.
    fn run(&self, line: &str, token: &str, input: &str) -> Value {
        let program = variable("CASTALIA_TEST_APOLLO_CLI").expect("CASTALIA_TEST_APOLLO_CLI");
        let mut command = Command::new(program);
        command.args(["--yes", "--output", "json", "--server", self.server]);
        command.args(line.split(' ').skip(1)).env("XDG_CONFIG_HOME", self.home);
        command.env_remove("APOLLO_PROFILE").env("APOLLO_TOKEN", token);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // A command that reads no input may have ended.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = wait_with_output(child);
        let printed = if output.status.success() { output.stdout } else { output.stderr };
        serde_json::from_slice(&printed).unwrap_or_else(|error| {
            panic!("{line}: {error}: {}", String::from_utf8_lossy(&printed))
        })
    }
}
