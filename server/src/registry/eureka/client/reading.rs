//! Reads Apollo's services from a server.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::CONFIG_SERVICE;
use castalia_eureka::{Instance, applications};
use http::StatusCode;
use parking_lot::Mutex;
use reqwest::{Method, Url};

use super::{EurekaClient, Problem, READ_TIME};
use crate::log_rate::LogRate;
use crate::registry::eureka::endpoint::{self, Endpoint, LARGEST_LIST};
use crate::registry::eureka::{now, services};

/// Maximum time for the lists of one server.
const ANSWERS: Duration = Duration::from_secs(24);
/// Time after which a server lists the services that it accepted, caches included.
const LISTED: Duration = Duration::from_secs(240);

/// Instances by service.
pub(in crate::registry) type InstancesByService = HashMap<&'static str, Vec<Instance>>;

impl EurekaClient {
    /// Reads the lists from the server that answered last, or from the next one that can be used. A
    /// node that does not register prefers a server that knows a service of Apollo; if all answer
    /// and none does, none is left.
    pub(super) async fn read(&self, now: Instant) {
        self.read_within(ANSWERS, now).await;
    }

    /// The same, with another maximum time for one server.
    pub(super) async fn read_within(&self, patience: Duration, now: Instant) {
        let (empty, failed) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let read = self.try_servers(|server| {
            let (client, empty, failed) = (self.clone(), Arc::clone(&empty), Arc::clone(&failed));
            Box::pin(async move {
                let lists = tokio::time::timeout(patience, client.lists_of(&server)).await;
                let lists = lists.unwrap_or_else(|_| Err("it does not answer".to_owned()));
                let lists = lists.inspect_err(|_| failed.store(true, Ordering::Relaxed));
                let (lists, is_empty) = lists?;
                if client.lists_nobody(&server, is_empty, now) {
                    failed.store(true, Ordering::Relaxed);
                    return Err("it does not list the services that it accepted".to_owned());
                }
                // The heartbeats of this node fill it, or another server may know more.
                if is_empty && !client.registers() {
                    *empty.lock() = Some((server, lists));
                    return Err("it knows no service of Apollo".to_owned());
                }
                Ok((server, lists, is_empty))
            })
        });
        let outcome = read.await;
        let empty = empty.lock().take();
        match (outcome, empty) {
            (Ok((server, lists, is_empty)), _) => {
                self.set_readable(true);
                // One that has just started knows nobody, and the heartbeats fill it.
                if is_empty {
                    return self.0.last.lock().doubt();
                }
                self.use_lists(server, lists, now);
            }
            (Err(_), Some((server, lists))) => {
                self.set_readable(true);
                if failed.load(Ordering::Relaxed) {
                    self.0.last.lock().doubt();
                } else {
                    self.use_lists(server, lists, now);
                }
            }
            (Err(problem), None) => {
                report_unusable(&problem);
                self.set_readable(false);
                self.0.last.lock().doubt();
            }
        }
    }

    /// What each server that the settings state has, with its address.
    pub(in crate::registry) async fn survey(
        &self,
    ) -> Vec<(Url, Result<InstancesByService, Problem>)> {
        let servers = endpoint::stated(&self.0.config).into_iter().map(async |server| {
            let lists = tokio::time::timeout(ANSWERS, self.lists_of(&server)).await;
            let lists = lists.unwrap_or_else(|_| Err("it does not answer".to_owned()));
            (server.url, lists.map(|(lists, _)| lists))
        });
        futures_util::future::join_all(servers).await
    }

    /// Whether a server accepts heartbeats, and lists nobody for so long that it cannot be Eureka.
    fn lists_nobody(&self, server: &Endpoint, is_empty: bool, now: Instant) -> bool {
        let mut state = self.0.state.lock();
        let is_expected = is_empty && state.is_registered == Some(true);
        let before = state.unlisted.take().filter(|(before, _)| is_expected && before == server);
        let since = before.map_or(now, |(_, since)| since);
        state.unlisted = is_expected.then(|| (server.clone(), since));
        now.saturating_duration_since(since) >= LISTED
    }

    fn set_readable(&self, is_readable: bool) {
        let before = self.0.state.lock().is_readable.replace(is_readable);
        if is_readable && before == Some(false) {
            self.0.readable.notify_one();
        }
    }

    fn use_lists(&self, server: Endpoint, lists: InstancesByService, at: Instant) {
        let is_own = |instance: &Instance| self.0.own.contains(instance);
        let lists = self.0.last.lock().update(server, lists, is_own, at);
        self.0.listed.store(Arc::new(lists));
        metrics::gauge!(READ_TIME).set(now().wall as f64 / 1000.0);
    }

    /// The lists of a server without the services whose leases are over, as self-preservation keeps
    /// them, and whether it knows none at all.
    async fn lists_of(&self, server: &Endpoint) -> Result<(InstancesByService, bool), Problem> {
        let (mut lists, mut is_empty) = (HashMap::new(), true);
        for service in services::OF_APOLLO {
            let app = service.to_ascii_uppercase();
            let request = server.request(&self.0.client, Method::GET, &["apps", &app]);
            let mut answer = self.send(request, LARGEST_LIST).await?;
            let mut instances = match answer.status {
                StatusCode::OK => {
                    let body = std::mem::take(&mut answer.body);
                    endpoint::parsed(body, applications::read_one).await?
                }
                StatusCode::NOT_FOUND => Vec::new(),
                status => return Err(status.to_string()),
            };
            // A server that answers the same to everything would lead clients to the wrong service.
            instances.retain(|(instance, _)| instance.app == app);
            is_empty &= instances.is_empty();
            lists.insert(service, self.alive(server, &answer, instances).await);
        }
        if is_empty {
            self.check_is_eureka(server).await?;
        }
        Ok((lists, is_empty))
    }

    /// An Eureka without these services answers as anything else does at a path that it does not
    /// have, with or without a page. Only Eureka has an empty list of those with an address.
    async fn check_is_eureka(&self, server: &Endpoint) -> Result<(), Problem> {
        let request = server.request(&self.0.client, Method::GET, &["vips", CONFIG_SERVICE]);
        let answer = self.send(request, LARGEST_LIST).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("{}; there is no Eureka at this address", answer.status));
        }
        endpoint::parsed(answer.body, applications::read).await.map(drop)
    }
}

fn report_unusable(problem: &Problem) {
    static UNUSABLE: LogRate = LogRate::once_a_minute();
    if let Some(suppressed) = UNUSABLE.admit() {
        tracing::warn!(
            reason = problem,
            suppressed,
            "no Eureka server can be used; the last lists remain in effect"
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use axum::Router;
    use axum::http::Uri;
    use castalia_core::protocol::namespace::ADMIN_SERVICE;

    use super::*;
    use crate::registry::eureka::client::last_lists::tests::json;
    use crate::registry::eureka::own::{self, tests::settings};
    use crate::registry::eureka::proof::tests::proof;
    use crate::server_config::ServerConfig;

    type Apps = &'static [(&'static str, &'static str)];

    /// What a server has, by app; one without anything does not answer.
    #[derive(Clone, Default)]
    struct Known(Arc<Mutex<Option<Apps>>>);

    impl Known {
        fn answer(&self, path: &str) -> (StatusCode, String) {
            let Some(apps) = *self.0.lock() else {
                return (StatusCode::BAD_GATEWAY, String::new());
            };
            if path.starts_with("/eureka/vips/") {
                let none = r#"{"applications":{"application":[]}}"#;
                return (StatusCode::OK, none.to_owned());
            }
            let of_app = apps.iter().find(|(app, _)| path.ends_with(app));
            of_app.map_or((StatusCode::NOT_FOUND, String::new()), |(app, status)| {
                let one = json(app, "java", status);
                let body = format!(r#"{{"application":{{"name":"{app}","instance":[{one}]}}}}"#);
                (StatusCode::OK, body)
            })
        }

        async fn serve(&self) -> String {
            let known = self.clone();
            let answer = move |uri: Uri| async move { known.answer(uri.path()) };
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/eureka/", listener.local_addr().unwrap());
            let server = axum::serve(listener, Router::new().fallback(answer));
            tokio::spawn(async move { server.await });
            url
        }
    }

    pub(in super::super) fn client(servers: &str) -> EurekaClient {
        let row = ("eureka.service.url".to_owned(), servers.to_owned());
        EurekaClient::with(&settings(), ServerConfig::new([row].into()), &[], false, proof())
            .unwrap()
    }

    const BOTH: Apps = &[("APOLLO-CONFIGSERVICE", "UP"), ("APOLLO-ADMINSERVICE", "UP")];
    const ADMIN: Apps = &[("APOLLO-ADMINSERVICE", "UP")];

    /// Whatever shows that a server lost its list, the services have their time to register again:
    /// an outage, an empty list, another server.
    #[tokio::test]
    async fn each_loss_of_a_server_grants_the_time_anew() {
        let (first, second) = (Known::default(), Known::default());
        let client = client(&[first.serve().await, second.serve().await].join(","));
        let set = |of_first: Option<Apps>, of_second: Option<Apps>| {
            *first.0.lock() = of_first;
            *second.0.lock() = of_second;
        };
        let mut at = Instant::now();
        for (loss, after) in [
            ((None, None), (Some(ADMIN), None)),
            ((Some(&[][..]), None), (Some(ADMIN), None)),
            ((None, Some(ADMIN)), (None, Some(ADMIN))),
        ] {
            set(Some(BOTH), None);
            client.read(at).await;
            set(Some(ADMIN), None);
            client.read(at).await;
            at += Duration::from_secs(200);
            set(loss.0, loss.1);
            client.read(at).await;
            set(after.0, after.1);
            client.read(at).await;
            let is_listed = || client.services(CONFIG_SERVICE).len() == 1;
            assert!(is_listed(), "{loss:?}");
            at += Duration::from_secs(89);
            client.read(at).await;
            assert!(is_listed(), "{loss:?}");
            at += Duration::from_secs(1);
            client.read(at).await;
            assert!(!is_listed(), "{loss:?}: it is gone for good");
        }
    }

    /// Who left for good is forgotten where nobody else is left, unless a server that may know more
    /// does not answer.
    #[tokio::test]
    async fn the_last_service_that_leaves_is_forgotten() {
        for (other, expected) in [(Some(&[][..]), 0), (None, 1)] {
            let (first, second) = (Known::default(), Known::default());
            let client = client(&[first.serve().await, second.serve().await].join(","));
            let mut at = Instant::now();
            *first.0.lock() = Some(ADMIN);
            *second.0.lock() = other;
            client.read(at).await;
            *first.0.lock() = Some(&[]);
            for step in [0, 89] {
                at += Duration::from_secs(step);
                client.read(at).await;
                assert_eq!(client.services(ADMIN_SERVICE).len(), 1);
            }
            at += Duration::from_secs(1);
            client.read(at).await;
            assert_eq!(client.services(ADMIN_SERVICE).len(), expected, "{other:?}");
        }
    }

    /// What accepts every request is not always an Eureka.
    #[tokio::test]
    async fn a_server_that_does_not_list_what_it_accepted_is_left() {
        let (first, second) = (Known::default(), Known::default());
        let servers = [first.serve().await, second.serve().await].join(",");
        let row = ("eureka.service.url".to_owned(), servers);
        let own = own::tests::config("http://203.0.113.7:9000", 8080);
        let client =
            EurekaClient::with(&settings(), ServerConfig::new([row].into()), &[own], true, proof())
                .unwrap();
        (*first.0.lock(), *second.0.lock()) = (Some(&[][..]), Some(ADMIN));
        let mut at = Instant::now();
        for (registered, seconds, listed) in [
            (None, 0, 0),
            (Some(false), 500, 0),
            (Some(true), 500, 0),
            (Some(true), 239, 0),
            (Some(true), 1, 1),
            (Some(true), 30, 1),
        ] {
            client.0.state.lock().is_registered = registered;
            at += Duration::from_secs(seconds);
            client.read(at).await;
            let lists = client.0.listed.load();
            assert_eq!(lists.get(ADMIN_SERVICE).map_or(0, Vec::len), listed, "{seconds}");
        }
    }
}
