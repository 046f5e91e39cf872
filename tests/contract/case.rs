//! A case as it is written in `*.json`: the values on the server, the calls, and the expected
//! results.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Result;

/// The actions of a step; each is a key of the step, whose value is its argument.
const ACTIONS: &[&str] = &[
    "open",
    "state",
    "get",
    "get_int",
    "get_long",
    "get_double",
    "get_bool",
    "get_duration",
    "get_date",
    "try_get_int",
    "try_get_long",
    "try_get_double",
    "try_get_bool",
    "try_get_duration",
    "try_get_date",
    "keys",
    "content",
    "listen",
    "publish",
    "withdraw",
    "fail",
    "requests",
    "refresh",
    "metric",
    "setting",
    "last_error",
    "close_namespace",
    "close",
];

/// The optional members of a step.
const DETAILS: &[&str] = &[
    "namespace",
    "app_id",
    "default",
    "interest_keys",
    "interest_prefixes",
    "throws",
    "status",
    "at_least",
    "expect",
    "expect_error",
    "expect_message",
    "expect_source",
    "expect_state",
    "expect_event",
    "expect_heard",
];

/// A case, which is a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The fact that it checks, as a sentence.
    pub(crate) name: String,
    /// Host of the certificate of the config service, which is at an https address then.
    pub(crate) certificate: Option<String>,
    /// Settings of the client, in addition to those that select the server.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
    /// Expected kind of the error when the client is created.
    pub(crate) expect_error: Option<String>,
    /// Releases that exist before the client starts.
    #[serde(default)]
    pub(crate) releases: Vec<Release>,
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
}

/// Values of a namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) namespace: String,
    pub(crate) configurations: Map<String, Value>,
}

/// One step. The default namespace is the one that was opened last.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Step(Map<String, Value>);

impl Step {
    /// The action and its argument.
    pub(crate) fn action(&self) -> Result<(&str, &Value)> {
        let unknown = |name: &&String| {
            let name = name.as_str();
            !ACTIONS.contains(&name) && !DETAILS.contains(&name)
        };
        if let Some(name) = self.0.keys().find(unknown) {
            return Err(format!("a step knows no `{name}`").into());
        }
        let actions: Vec<_> =
            self.0.iter().filter(|(name, _)| ACTIONS.contains(&name.as_str())).collect();
        match actions[..] {
            [(name, value)] => Ok((name, value)),
            _ => Err("a step has exactly one action".into()),
        }
    }

    pub(crate) fn detail(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// An argument as one text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(word_of)
    }

    /// An argument as several texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().map(word_of).collect()
    }
}

/// A value in the notation of drivers.
pub(crate) fn word_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Keys and values as texts.
pub(crate) fn pairs_of(map: &Map<String, Value>) -> Vec<(String, String)> {
    map.iter().map(|(key, value)| (key.clone(), word_of(value))).collect()
}
