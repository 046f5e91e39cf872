//! Runs a case with its own server and its own driver, and checks every step.

use std::time::Duration;

use castalia_core::testing::{PATIENT, Server};
use serde_json::Value;
use tokio::time::sleep;

use crate::Result;
use crate::case::{Case, Step, pairs_of, word_of};
use crate::driver::{Answer, Driver};
use crate::orders::{self, APP_ID};
use crate::tls::Tls;

/// The listener of all changes, which is added to each opened namespace.
const EVERYTHING: &str = "everything";
/// Longer than the drivers wait for an event, because at the end of a poll a change arrives that no
/// push announced.
const HOLD: Duration = Duration::from_secs(85);
/// Reads of a counter until it has the expected value, and the pause between them.
const READS: u32 = 2_400;
const PAUSE: Duration = Duration::from_millis(25);

/// Runs a case with a driver that this command starts.
pub(crate) async fn run(case: &Case, command: &[String]) -> Result<()> {
    let server = Server::start().await?;
    server.set_hold(HOLD);
    for release in &case.releases {
        let values = pairs_of(&release.configurations);
        publish(&server, &release.namespace, &values);
    }
    let tls = match &case.certificate {
        Some(host) => Some(Tls::before(&server, host).await?),
        None => None,
    };
    let mut run = Run { driver: Driver::start(command)?, server, tls, namespace: String::new() };
    run.start(case).await?;
    for (index, step) in case.steps.iter().enumerate() {
        let done = run.step(step).await;
        done.map_err(|error| format!("step {} {step:?}: {error}", index + 1))?;
    }
    Ok(())
}

fn publish(server: &Server, namespace: &str, values: &[(String, String)]) {
    let values: Vec<_> = values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    server.publish(APP_ID, namespace, &values);
}

struct Run {
    driver: Driver,
    server: Server,
    tls: Option<Tls>,
    /// The namespace that was opened last.
    namespace: String,
}

impl Run {
    async fn start(&mut self, case: &Case) -> Result<()> {
        let mut settings = orders::settings(self.server.url());
        settings.extend(PATIENT.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, value) in &case.settings {
            settings.retain(|(known, _)| known != name);
            let value = self.tls.as_ref().map_or_else(|| value.clone(), |tls| tls.fill(value));
            settings.push((name.clone(), value));
        }
        let mut call = vec!["client"];
        call.extend(settings.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        let answer = self.driver.call(&call).await?;
        compare_error(&answer, case.expect_error.as_ref())
    }

    async fn step(&mut self, step: &Step) -> Result<()> {
        let (action, with) = step.action()?;
        let with_word = word_of(with);
        let namespace = step.text("namespace").unwrap_or_else(|| self.namespace.clone());
        match action {
            "open" => self.open(step, with_word).await,
            "publish" => self.publish(step, &namespace, with).await,
            "withdraw" => self.order(&["withdraw", &with_word]).await.map(drop),
            "fail" => {
                let status = step.text("status").unwrap_or_default();
                self.order(&["fail", &with_word, &status]).await.map(drop)
            }
            "requests" => {
                let count = self.order(&["requests", &with_word]).await?;
                match (step.detail("expect"), step.detail("at_least").and_then(Value::as_u64)) {
                    (Some(expected), _) => compare_words(&[count], expected),
                    (None, Some(least)) if count.parse::<u64>()? >= least => Ok(()),
                    (None, least) => Err(format!("{count} requests, not {least:?}").into()),
                }
            }
            "listen" => self.listen(step, &with_word, &namespace).await,
            "metric" => self.metric(step, &namespace, &with_word).await,
            _ => self.call(step, action, &with_word, &namespace).await,
        }
    }

    /// Controls the server, or asks it.
    async fn order(&self, order: &[&str]) -> Result<String> {
        let answer = orders::answer(&self.server, order).await;
        answer.ok_or_else(|| format!("the server does not understand {order:?}").into())
    }

    async fn open(&mut self, step: &Step, namespace: String) -> Result<()> {
        let app_id = step.text("app_id").unwrap_or_else(|| APP_ID.to_owned());
        let answer = self.driver.call(&["open", &app_id, &namespace]).await?;
        compare_error(&answer, step.text("expect_error").as_ref())?;
        compare_message(&answer, step.text("expect_message").as_ref())?;
        if answer.is_ok() {
            self.driver.ask(&["listen", EVERYTHING, &namespace, "-"]).await?;
            self.namespace = namespace;
            self.state(step).await?;
        }
        Ok(())
    }

    async fn state(&mut self, step: &Step) -> Result<()> {
        for (index, name) in ["expect_source", "expect_state"].into_iter().enumerate() {
            if let Some(expected) = step.text(name) {
                let words = self.driver.ask(&["state", &self.namespace]).await?;
                compare(words.get(index), Some(&expected))?;
            }
        }
        Ok(())
    }

    /// Publishes once a poll is parked, so that the change is pushed, and waits for its event.
    async fn publish(&mut self, step: &Step, namespace: &str, with: &Value) -> Result<()> {
        let values = with.as_object().ok_or("what is published is an object")?;
        self.order(&["held", "1"]).await?;
        publish(&self.server, namespace, &pairs_of(values));
        if let Some(expected) = step.detail("expect_event") {
            let event = self.driver.ask(&["event", EVERYTHING]).await?;
            compare(Some(&event), Some(&flat(expected)))?;
        }
        for (listener, keys) in
            step.detail("expect_heard").and_then(Value::as_object).into_iter().flatten()
        {
            self.driver.ask(&["event", listener]).await?;
            let heard = self.driver.ask(&["interest", listener]).await?;
            compare(Some(&heard), Some(&flat(keys)))?;
        }
        Ok(())
    }

    async fn listen(&mut self, step: &Step, name: &str, namespace: &str) -> Result<()> {
        let throws = step.detail("throws").is_some_and(|throws| throws == true);
        let mut call = vec!["listen".to_owned(), name.to_owned(), namespace.to_owned()];
        call.push(if throws { "throws" } else { "-" }.to_owned());
        call.extend(step.texts("interest_keys").iter().map(|key| format!("k{key}")));
        call.extend(step.texts("interest_prefixes").iter().map(|prefix| format!("p{prefix}")));
        let call: Vec<_> = call.iter().map(String::as_str).collect();
        self.driver.ask(&call).await.map(|_| ())
    }

    /// Waits until a counter has the expected value, because the counted action may still be in
    /// progress.
    async fn metric(&mut self, step: &Step, namespace: &str, name: &str) -> Result<()> {
        let expected = step.detail("expect").ok_or("a metric is compared with something")?;
        let mut patience = READS;
        loop {
            let words = self.driver.ask(&["metric", namespace, name]).await?;
            let compared = compare_words(&words, expected);
            if compared.is_ok() || patience == 0 {
                return compared;
            }
            patience -= 1;
            sleep(PAUSE).await;
        }
    }

    /// Makes a call and compares its words or error.
    async fn call(&mut self, step: &Step, action: &str, with: &str, namespace: &str) -> Result<()> {
        let default = step.text("default").unwrap_or_default();
        let answer = match action {
            "get" => self.driver.call(&["get", namespace, with]).await?,
            "keys" | "refresh" | "last_error" | "close_namespace" => {
                self.driver.call(&[action, namespace]).await?
            }
            "content" | "setting" => self.driver.call(&[action, with]).await?,
            "close" => self.driver.call(&[action]).await?,
            "state" => return self.state(step).await,
            _ => self.driver.call(&[action, namespace, with, &default]).await?,
        };
        compare_error(&answer, step.text("expect_error").as_ref())?;
        compare_message(&answer, step.text("expect_message").as_ref())?;
        match (answer, step.detail("expect")) {
            (Ok(words), Some(expected)) => compare_words(&words, expected),
            _ => Ok(()),
        }
    }
}

/// The words of an expected value: none for null.
fn flat(expected: &Value) -> Vec<String> {
    match expected {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().map(word_of).collect(),
        Value::Object(map) => map.iter().flat_map(|(k, v)| [k.clone(), word_of(v)]).collect(),
        value => vec![word_of(value)],
    }
}

fn compare_words(words: &[String], expected: &Value) -> Result<()> {
    // Languages print the same number differently.
    if let (Some(expected), [word]) = (expected.as_f64(), words) {
        return compare(word.parse().ok().as_ref(), Some(&expected));
    }
    compare(Some(&words.to_vec()), Some(&flat(expected)))
}

fn compare_error(answer: &Answer, expected: Option<&String>) -> Result<()> {
    compare(answer.as_ref().err().map(|error| &error.kind), expected)
}

fn compare_message(answer: &Answer, part: Option<&String>) -> Result<()> {
    match (answer, part) {
        (_, None) => Ok(()),
        (Err(error), Some(part)) if error.message.contains(part) => Ok(()),
        (answer, Some(part)) => Err(format!("found {answer:?}, expected `{part}` in it").into()),
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(found: Option<&T>, expected: Option<&T>) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(format!("found {found:?}, expected {expected:?}").into())
}
