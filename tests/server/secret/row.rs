//! Requests with secrets of every kind, read from `requests.txt` and sent in its order.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;

use super::search::Search;
use crate::support::http::{Answer, Http};
use crate::support::mark;

const REQUESTS: &str = include_str!("requests.txt");
/// The namespace in which values are edited.
const NAMESPACE: &str = "/openapi/v1/envs/DEV/apps/one/clusters/default/namespaces/application";
/// Members of answers that are secrets, as the file stores them.
const GENERATED: [&str; 3] = ["secret", "token", "tokenValue"];

/// Those who send the requests, by their names in the file.
pub(super) type Senders = BTreeMap<&'static str, Http>;

/// Makes secrets, each a different one.
#[derive(Default)]
pub(super) struct Secrets(pub(super) usize);

impl Secrets {
    pub(super) fn next(&mut self) -> String {
        self.0 += 1;
        mark::secret(self.0)
    }

    /// The text with a new secret at each place for one.
    fn fill(&mut self, text: &str) -> String {
        let mut filled = text.to_owned();
        while filled.contains("{secret}") {
            filled = filled.replacen("{secret}", &self.next(), 1);
        }
        while filled.contains("{basic}") {
            let encoded = STANDARD.encode(format!("apollo:{}", self.next()));
            filled = filled.replacen("{basic}", &encoded, 1);
        }
        filled
    }
}

/// A line of the file.
struct Row<'f> {
    /// The status, and what the answer shows.
    expected: &'f str,
    sender: &'f str,
    request: &'f str,
    header: &'f str,
    body: &'f str,
    /// What the secret is.
    what: &'f str,
}

impl Row<'static> {
    fn all() -> impl Iterator<Item = Self> {
        let lines = REQUESTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| {
            let columns: Vec<_> = line.split('|').map(str::trim).collect();
            let [expected, sender, request, header, body, what] = columns[..] else {
                panic!("not six columns: {line}")
            };
            Self { expected, sender, request, header, body, what }
        })
    }

    fn is_expected(&self, status: u16) -> bool {
        match self.expected.split(' ').next().unwrap() {
            "xxx" => status < 500,
            "4xx" => (400..500).contains(&status) && status != 429,
            exact => status.to_string() == exact,
        }
    }
}

/// Sends all requests; adds the answers that may show nothing to the search.
pub(super) async fn send_all(search: &mut Search, senders: &Senders, secrets: &mut Secrets) {
    let mut unexpected = Vec::new();
    let mut known = BTreeMap::from([("ns".to_owned(), NAMESPACE.to_owned())]);
    for row in Row::all() {
        let mut text = |text: &str| {
            let names = known.iter();
            let known = names.fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            });
            secrets.fill(&known)
        };
        let sender = match text(row.header).split_once(": ") {
            Some((name, value)) => senders[row.sender].clone().with(name, value),
            None => senders[row.sender].clone(),
        };
        let answer = send(&sender, &text(row.request), &text(row.body)).await;
        if !row.is_expected(answer.status) {
            let Row { expected, sender, request, what, .. } = row;
            unexpected.push(format!("{expected} of {sender} {request}, {what}: {answer:?}"));
            continue;
        }
        let mut shown = row.expected.split(' ').skip(1).peekable();
        if shown.peek().is_none() {
            search.answer(row.request, &answer);
        }
        for (name, member) in shown.filter_map(|shown| shown.split_once('=')) {
            let value = &answer.json()[member];
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if GENERATED.contains(&member) {
                search.plant(name, &value);
            }
            known.insert(name.to_owned(), value);
        }
    }
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

async fn send(sender: &Http, request: &str, body: &str) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    if let Some(file) = body.strip_prefix("file ") {
        let (name, content) = file.split_once(' ').unwrap();
        return sender.upload(path, name, content.as_bytes()).await;
    }
    match body.strip_prefix("form ") {
        _ if body.is_empty() => sender.send(method, path, None).await,
        Some(form) => sender.raw(method, path, "application/x-www-form-urlencoded", form).await,
        None => sender.raw(method, path, "application/json", body).await,
    }
}
