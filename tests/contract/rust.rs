#![forbid(unsafe_code)]
//! Executes the calls of the cases in Rust: one client, its namespaces and its listeners,
//! controlled by lines of text.

mod words;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::io::{self, BufRead as _, Write as _};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, SystemTime};

use castalia_core::blocking::{Client, Config};
use castalia_core::{
    ChangeEvent, Error, ErrorKind, FromValue, Interest, Result, Settings, Snapshot, Subscription,
};

const PATIENCE: Duration = Duration::from_secs(70);

fn main() -> std::result::Result<(), Box<dyn StdError>> {
    let mut host = Host::default();
    for line in io::stdin().lock().lines() {
        let call = words::split(&line?);
        let call: Vec<_> = call.iter().map(String::as_str).collect();
        let answer = match host.answer(&call) {
            Ok(answer) => words::join(["ok"].into_iter().chain(answer.iter().map(String::as_str))),
            Err(error) => words::join(["error", error.kind().name(), &error.to_string()]),
        };
        let mut output = io::stdout().lock();
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Host {
    client: Option<Client>,
    configs: HashMap<String, Config>,
    /// The last values of a namespace that was closed.
    closed: HashMap<String, Arc<Snapshot>>,
    listeners: HashMap<String, Listener>,
}

struct Listener {
    events: Receiver<Arc<ChangeEvent>>,
    /// Keys of the last event that the listener is interested in.
    interest: Vec<String>,
    _subscription: Subscription,
}

impl Host {
    fn answer(&mut self, call: &[&str]) -> Result<Vec<String>> {
        match call {
            ["client", settings @ ..] => {
                let (pairs, _) = settings.as_chunks::<2>();
                let settings = pairs.iter().fold(Settings::new(), |all, [k, v]| all.set(*k, *v));
                self.client = Some(Client::new(settings)?);
                Ok(Vec::new())
            }
            ["open", app_id, namespace] => {
                let config = self.client()?.config_of(app_id, namespace, PATIENCE)?;
                self.configs.insert((*namespace).to_owned(), config);
                self.closed.remove(*namespace);
                Ok(Vec::new())
            }
            ["content", namespace] => {
                let file = self.client()?.config_file(namespace, PATIENCE)?;
                Ok(file.content().into_iter().collect())
            }
            ["setting", name] => {
                let found = self.client()?.settings().iter().find(|setting| setting.name == *name);
                Ok(found.map(|setting| setting.value.clone()).into_iter().collect())
            }
            ["close"] => {
                self.client()?.close(PATIENCE);
                Ok(Vec::new())
            }
            ["close_namespace", namespace] => {
                if let Some(config) = self.configs.remove(*namespace) {
                    self.closed.insert((*namespace).to_owned(), config.snapshot());
                    config.close();
                }
                Ok(Vec::new())
            }
            ["listen", name, namespace, flag, interest @ ..] => {
                let listener = listen(self.config(namespace)?, *flag == "throws", interest);
                self.listeners.insert((*name).to_owned(), listener);
                Ok(Vec::new())
            }
            ["event", name] => self.listener(name)?.next(),
            ["interest", name] => Ok(self.listener(name)?.interest.clone()),
            ["metric", namespace, "listener_failures"] => {
                let metrics = self.client()?.metrics().namespaces.into_iter();
                let mut found = metrics.filter(|metrics| metrics.namespace == *namespace);
                Ok(found.next().map(|m| m.listener_failures.to_string()).into_iter().collect())
            }
            ["get", namespace, key] if self.closed.contains_key(*namespace) => {
                let value = self.closed[*namespace].get(key).map(str::to_owned);
                Ok(value.into_iter().collect())
            }
            [action, namespace, rest @ ..] => read(self.config(namespace)?, action, rest),
            _ => Err(unknown()),
        }
    }

    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(unknown)
    }

    fn config(&self, namespace: &str) -> Result<&Config> {
        let closed = || Error::new(ErrorKind::Closed, "drive", "the namespace is not open");
        self.configs.get(namespace).ok_or_else(closed)
    }

    fn listener(&mut self, name: &str) -> Result<&mut Listener> {
        self.listeners.get_mut(name).ok_or_else(unknown)
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::Internal, "drive", "the call is not understood")
}

fn read(config: &Config, action: &str, rest: &[&str]) -> Result<Vec<String>> {
    match (action, rest) {
        ("state", []) => Ok(vec![config.source().to_string(), config.state().name().to_owned()]),
        ("keys", []) => Ok(config.snapshot().keys().map(str::to_owned).collect()),
        ("refresh", []) => config.refresh(PATIENCE).map(|()| Vec::new()),
        ("get", [key]) => Ok(config.get(key).map(String::from).into_iter().collect()),
        ("get_duration", [key, default]) => {
            let default = Duration::from_millis(default.parse().map_err(|_| unknown())?);
            Ok(vec![config.get_or(key, default).as_millis().to_string()])
        }
        ("try_get_duration", [key, _]) => {
            let time = config.try_get::<Duration>(key)?;
            Ok(time.map(|time| time.as_millis().to_string()).into_iter().collect())
        }
        ("get_date", [key, default]) => {
            let default = Duration::from_millis(default.parse().map_err(|_| unknown())?);
            Ok(vec![millis(config.get_or(key, SystemTime::UNIX_EPOCH + default))])
        }
        ("try_get_date", [key, _]) => Ok(config.try_get(key)?.map(millis).into_iter().collect()),
        ("last_error", []) => {
            let error = config.last_error();
            Ok(error.map(|error| error.kind().name().to_owned()).into_iter().collect())
        }
        ("get_int" | "try_get_int", _) => typed::<i32>(config, action, rest),
        ("get_long" | "try_get_long", _) => typed::<i64>(config, action, rest),
        ("get_double" | "try_get_double", _) => typed::<f64>(config, action, rest),
        ("get_bool" | "try_get_bool", _) => typed::<bool>(config, action, rest),
        _ => Err(unknown()),
    }
}

/// Milliseconds since 1970.
fn millis(date: SystemTime) -> String {
    let since = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_millis().to_string()
}

fn typed<T: FromValue + ToString + Clone + Send + Sync + 'static>(
    config: &Config,
    action: &str,
    rest: &[&str],
) -> Result<Vec<String>> {
    let [key, default] = rest else {
        return Err(unknown());
    };
    if action.starts_with("try") {
        return Ok(config.try_get::<T>(key)?.map(|value| value.to_string()).into_iter().collect());
    }
    let default = T::from_value(default).ok_or_else(unknown)?;
    Ok(vec![config.get_or(key, default).to_string()])
}

fn listen(config: &Config, throws: bool, interest: &[&str]) -> Listener {
    let interest = interest.iter().fold(Interest::everything(), |interest, word| {
        match word.strip_prefix('k') {
            Some(key) => interest.key(key),
            None => interest.prefix(word.trim_start_matches('p')),
        }
    });
    let (sender, events) = sync_channel(1024);
    let subscription = config.on_change(interest, move |event| {
        if throws {
            resume_unwind(Box::new("as told"));
        }
        let _ = sender.send(event.clone());
    });
    Listener { events, interest: Vec::new(), _subscription: subscription }
}

impl Listener {
    /// The changed keys of the next event and the kind of each change, sorted.
    fn next(&mut self) -> Result<Vec<String>> {
        let timeout = |_| Error::new(ErrorKind::Timeout, "drive", "no event came");
        let event = self.events.recv_timeout(PATIENCE).map_err(timeout)?;
        self.interest = event.interested_keys().to_vec();
        let mut changes: Vec<_> = event.changes().iter().collect();
        changes.sort_by_key(|(key, _)| *key);
        let words = changes.into_iter();
        Ok(words
            .flat_map(|(key, change)| [key.clone(), change.change_type.name().to_lowercase()])
            .collect())
    }
}
