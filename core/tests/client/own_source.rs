//! Namespaces that a function of the application loads instead of servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use castalia_core::testing::Endpoint;
use castalia_core::{Error, ErrorKind, Result, Settings, Source, State};

use super::support::{Fixture, NAMESPACE, pairs};

const OWN: &str = "own";

type Entries = Vec<(String, String)>;

/// The next result of the function.
#[derive(Clone)]
struct Given(Arc<Mutex<Result<Entries>>>);

impl Given {
    fn new(entries: &[(&str, &str)]) -> Self {
        let given = Self(Arc::new(Mutex::new(Ok(Vec::new()))));
        given.set(entries);
        given
    }

    fn set(&self, entries: &[(&str, &str)]) {
        let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        *self.0.lock().unwrap() = Ok(entries.collect());
    }

    fn fail(&self) {
        *self.0.lock().unwrap() = Err(Error::new(ErrorKind::Io, "read vault", "it is sealed"));
    }

    fn settings(&self, settings: Settings) -> Settings {
        let given = self.0.clone();
        settings.source(OWN, move || given.lock().unwrap().clone())
    }
}

/// It behaves like any namespace, and no server receives a request for it.
#[tokio::test(start_paused = true)]
async fn an_own_source_is_asked_instead_of_servers() {
    let fixture = Fixture::new();
    let given = Given::new(&[("z", "1"), ("a", "2")]);
    let client = fixture.client_with(given.settings(fixture.settings()));
    let (own, served) =
        (client.config(OWN).await.unwrap(), client.config(NAMESPACE).await.unwrap());
    assert_eq!((own.source(), served.source()), (Source::Static, Source::Remote));
    assert_eq!(own.snapshot().keys().collect::<Vec<_>>(), ["z", "a"], "in the order given");
    fixture.server.holds(1).await;
    let mut changes = own.changes();

    given.set(&[("z", "9"), ("a", "2")]);
    own.refresh().await.unwrap();
    let event = changes.next().await.unwrap();
    assert_eq!((event.changes().len(), event.snapshot().get("z")), (1, Some("9")));
    given.set(&[("z", "10"), ("a", "2")]);
    let at_the_interval = tokio::time::timeout(Duration::from_secs(360), changes.next());
    assert_eq!(at_the_interval.await.unwrap().unwrap().snapshot().get("z"), Some("10"));

    for request in fixture.server.requests() {
        let in_poll = request.parameter("notifications").is_some_and(|n| n.contains(OWN));
        assert!(!in_poll && !request.path().ends_with(OWN), "{request:?}");
    }
}

/// An error leaves the values unchanged, is reported and retried.
#[tokio::test(start_paused = true)]
async fn an_own_source_that_fails_is_asked_again() {
    let fixture = Fixture::new();
    let given = Given::new(&[("a", "1")]);
    let client = fixture.client_with(given.settings(fixture.quiet_settings()));
    let own = client.config(OWN).await.unwrap();
    given.fail();
    let error = own.refresh().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Io, "read vault"));
    assert_eq!((own.get_or("a", 0), own.state()), (1, State::Failed(ErrorKind::Io)));
    let mut changes = own.changes();
    given.set(&[("a", "2")]);
    let retried = tokio::time::timeout(Duration::from_secs(60), changes.next());
    assert_eq!(retried.await.unwrap().unwrap().snapshot().get("a"), Some("2"));
    assert_eq!(own.state(), State::Ready);
}

/// If the function fails or panics at the start, the seed is used.
#[tokio::test(start_paused = true)]
async fn without_its_source_a_namespace_starts_with_its_seed() {
    let fixture = Fixture::new();
    let settings = fixture.quiet_settings().source(OWN, || panic!("a fault of the application"));
    let client = fixture.client_with(settings.seed(OWN, [("a", "seed")]));
    let own = client.config(OWN).await.unwrap();
    assert_eq!((own.source(), own.get("a").unwrap().as_str()), (Source::Static, "seed"));
    assert_eq!(own.last_error().unwrap().kind(), ErrorKind::Internal);
}

/// With the environment `LOCAL` the function is still called, and its result validated.
#[tokio::test(start_paused = true)]
async fn an_own_source_works_in_local_mode_and_is_validated() {
    let fixture = Fixture::new();
    let given = Given::new(&[("a", "1")]);
    let settings = given.settings(fixture.quiet_settings().set("env", "LOCAL"));
    let client = fixture.client_with(settings);
    client
        .validate(OWN, |candidate| match candidate.get("a") {
            Some("bad") => Err("a is bad".to_owned()),
            _ => Ok(()),
        })
        .unwrap();
    let own = client.config(OWN).await.unwrap();
    assert_eq!(pairs(&own), [("a".to_owned(), "1".to_owned())]);
    given.set(&[("a", "bad")]);
    assert_eq!(own.refresh().await.unwrap_err().kind(), ErrorKind::Parse);
    assert_eq!(own.get_or("a", 0), 1);
    assert!(fixture.server.requests_of(Endpoint::Config).is_empty());
}
