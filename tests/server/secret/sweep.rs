//! Wrong credentials and bodies that end early, on every operation of the portal and of the admin
//! port: each with a secret of its own.

use reqwest::Method;
use serde_json::Value;

use super::row::{Secrets, Senders};
use super::search::Search;
use crate::fault::race::operations;

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// An operation, with `none` in the place of each name in its path.
struct Operation {
    port: &'static str,
    method: Method,
    path: String,
    has_body: bool,
}

fn of_portal() -> Vec<Operation> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, operation)| Operation {
            port: "portal",
            method: method.to_uppercase().parse().unwrap(),
            path: filled(path),
            has_body: operation.get("requestBody").is_some(),
        })
    });
    operations.collect()
}

/// Those that change something, which the races list.
fn of_admin() -> Vec<Operation> {
    let lines = operations::all().into_iter().filter_map(|line| line.strip_prefix("admin "));
    let operation = |line: &str| {
        let (method, path) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let has_body = method != Method::DELETE;
        Operation { port: "admin", method, path: filled(path), has_body }
    };
    lines.map(operation).collect()
}

fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "none" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Sends the requests and adds all answers to the search.
pub(super) async fn send_all(search: &mut Search, senders: &Senders, secrets: &mut Secrets) {
    for operation in of_portal().into_iter().chain(of_admin()) {
        let Operation { port, method, path, has_body } = operation;
        let (known, unknown) = match port {
            "portal" => (&senders["root"], &senders["nobody"]),
            _ => (&senders["admin"], &senders["stranger"]),
        };
        let what = format!("{port} {method} {path}");
        for (name, before) in
            [("Authorization", ""), ("Authorization", "Bearer apollo_pat_"), ("Cookie", "SESSION=")]
        {
            let caller = unknown.clone().with(name, &format!("{before}{}", secrets.next()));
            let answer = caller.send(method.clone(), &path, None).await;
            assert!(answer.status < 500, "{what}: {answer:?}");
            search.answer(&what, &answer);
        }
        if !has_body {
            continue;
        }
        for (kind, body) in [
            ("application/json", format!(r#"{{"secret":"{}"#, secrets.next())),
            ("application/json", format!(r#"{{"secret":{}}}"#, secrets.next())),
            ("application/json", format!(r#"[[{{"secret":"{}"}}]]"#, secrets.next())),
            ("text/plain", secrets.next()),
        ] {
            let answer = known.raw(method.clone(), &path, kind, &body).await;
            assert!(answer.status < 500, "{what}: {answer:?}");
            search.answer(&what, &answer);
        }
    }
}
