//! Sends calls that a text file lists. A line is a method, a path and the body, if any; `$name` is
//! a variable. Indented lines below a call:
//!
//! ```text
//!   branch = /clusterName      a variable is taken from its answer
//!   until /total = 1           the call is repeated until its answer has this value
//!   refused = 400 not exist    the status and a part of the answer, where it is not 200
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::eventually::eventually;
use crate::support::http::{Answer, Http};
use crate::support::session::sign_in_as;

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// Heading above it.
    pub(super) page: &'static str,
    /// Of HTTP, or CLIENT for a call to the config service, TOKEN for a GET of the consumer
    /// with `$token`, USER for a GET of `$user` with a session of their own, UPLOAD for a file, $
    /// for a command line.
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Of an upload the name of the file and its content.
    body: &'static str,
    /// Variables and the pointers to their values.
    captures: Vec<(&'static str, &'static str)>,
    until: Option<(&'static str, &'static str)>,
    pub(super) refused: Option<(u16, &'static str)>,
}

impl Call {
    /// Method and path without a query.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap())
    }
}

/// The calls of a text, in their order.
pub(super) fn calls(text: &'static str) -> Vec<Call> {
    let mut calls = Vec::<Call>::new();
    let mut page = "";
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(line) = line.strip_prefix("  ") {
            let call = calls.last_mut().unwrap();
            let (name, value) = line.split_once(" = ").unwrap();
            if let Some(pointer) = name.strip_prefix("until ") {
                call.until = Some((pointer, value));
            } else if name == "refused" {
                let (status, part) = value.split_once(' ').unwrap();
                call.refused = Some((status.parse().unwrap(), part));
            } else {
                call.captures.push((name, value));
            }
        } else if let Some(heading) = line.strip_prefix("page ") {
            page = heading;
        } else {
            let (method, rest) = line.split_once(' ').unwrap();
            let is_command = method == "$";
            let (path, body) = rest.split_once(' ').filter(|_| !is_command).unwrap_or((rest, ""));
            let (captures, until, refused) = (Vec::new(), None, None);
            calls.push(Call { page, method, path, body, captures, until, refused });
        }
    }
    calls
}

/// Who sends calls, and the variables.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    portal: Http,
    config: Http,
    pub(super) variables: BTreeMap<&'static str, String>,
}

impl Caller {
    /// Sends with the credentials of `portal`; CLIENT calls go to `config`.
    pub(super) fn new<const N: usize>(
        portal: Http,
        config: &str,
        variables: [(&'static str, &str); N],
    ) -> Self {
        let variables = variables.map(|(name, value)| (name, value.to_owned())).into();
        Self { portal, config: Http::new(config), variables }
    }

    /// Sends a call, takes its variables, and returns status and body of the answer.
    pub(super) async fn send(&mut self, call: &Call) -> Value {
        let answer = match call.until {
            Some((pointer, value)) => {
                let this = &*self;
                let awaited = format!("{value} at {pointer} of {}", call.name());
                eventually(&awaited, || async move {
                    let answer = this.send_once(call).await;
                    let found = body(&answer).pointer(pointer)?.to_string();
                    (found == this.fill(value)).then_some(answer)
                })
                .await
            }
            None => self.send_once(call).await,
        };
        let body = body(&answer);
        self.take(call, answer.status, &body);
        json!({ "status": answer.status, "body": body })
    }

    /// Takes the variables of a call from the body of its answer.
    pub(super) fn take(&mut self, call: &Call, status: u16, body: &Value) {
        for (name, pointer) in &call.captures {
            let value = body.pointer(pointer).unwrap_or_else(|| {
                panic!("{} is answered with {status} without {pointer}: {body}", call.name())
            });
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.variables.insert(name, text);
        }
    }

    async fn send_once(&self, call: &Call) -> Answer {
        let (path, text) = (self.fill(call.path), self.fill(call.body));
        match call.method {
            "CLIENT" => {
                // A new release can be unknown to the config service for a moment.
                eventually(&path, || async {
                    let answer = self.config.get(&path).await;
                    (answer.status == 200).then_some(answer)
                })
                .await
            }
            "TOKEN" => {
                let consumer = Http::new(self.portal.base());
                consumer.with("Authorization", &self.variables["token"]).get(&path).await
            }
            "USER" => {
                let [user, password] = ["user", "password"].map(|name| &self.variables[name]);
                sign_in_as(self.portal.base(), user, password).await.get(&path).await
            }
            "UPLOAD" => {
                let (name, content) = text.split_once(' ').unwrap();
                self.portal.upload(&path, name, content.as_bytes()).await
            }
            method => {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let body = (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap());
                self.portal.send(method, &path, body).await
            }
        }
    }

    /// Replaces variables by their values, the longest name first.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut variables: Vec<_> = self.variables.iter().collect();
        variables.sort_by_key(|(name, _)| Reverse(name.len()));
        variables
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${name}"), value))
    }
}

fn body(answer: &Answer) -> Value {
    match answer.text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}
