//! Registers the services of this node with a server, renews their leases, and ends them.

use std::time::{Duration, Instant};

use castalia_eureka::{Instance, Lease, json};
use http::StatusCode;
use parking_lot::Mutex;
use reqwest::Method;

use super::{EurekaClient, Problem, ServerAnswer};
use crate::log_rate::LogRate;
use crate::registry::Probe;
use crate::registry::eureka::endpoint::{Endpoint, LARGEST_ANSWER};

/// Pauses between attempts to register.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Maximum time for the end of the registration under way, and then for deregistering.
const LEAVE: Duration = Duration::from_millis(500);

/// Maximum number of servers that are remembered for the end.
const REMEMBERED: usize = 16;

/// Outcome of a heartbeat.
enum Renewal {
    Renewed,
    /// The server does not know the service, or has an older description of it.
    Unknown,
}

impl EurekaClient {
    /// Registers, and renews from then on, at once when a status changed or a server answers again;
    /// after a failure at once with the next server, and then after a pause.
    pub(super) async fn keep_registered(&self, probe: &Probe) {
        let mut pause = PAUSE;
        loop {
            self.0.own.check(probe).await;
            let is_registered = match self.registers() {
                true => self.announce().await,
                false => self.withdraw().await,
            };
            let wait = if is_registered { self.0.renewal_interval } else { pause };
            pause = if is_registered { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            let wait = wait.mul_f64(0.9 + fastrand::f64() * 0.1);
            tokio::select! {
                () = self.0.own.changed_within(wait, probe) => {}
                () = self.0.readable.notified() => {}
            }
        }
    }

    /// Renews the lease of each own service, or registers it. Returns whether all are registered.
    async fn announce(&self) -> bool {
        let problem = {
            let _announcing = self.0.announcing.lock().await;
            let mut problem = None;
            for instance in &self.0.own.all() {
                problem = self.renew_or_register(instance).await.err().or(problem);
            }
            problem
        };
        if let Some(problem) = &problem {
            // Whether a server refuses this node, or none can be reached.
            self.read(Instant::now()).await;
            self.report_refused(problem);
        }
        self.0.state.lock().is_registered = Some(problem.is_none());
        problem.is_none()
    }

    fn report_refused(&self, problem: &Problem) {
        static REFUSED: LogRate = LogRate::once_a_minute();
        if self.0.state.lock().is_readable == Some(true)
            && let Some(suppressed) = REFUSED.admit()
        {
            tracing::warn!(
                reason = problem,
                suppressed,
                "no Eureka server registers this node; others do not find it"
            );
        }
    }

    async fn renew_or_register(&self, instance: &Instance) -> Result<(), Problem> {
        let renewal = self.try_servers(|server| {
            let (client, instance) = (self.clone(), instance.clone());
            Box::pin(async move { client.renew(server, &instance).await })
        });
        match renewal.await? {
            Renewal::Renewed => Ok(()),
            Renewal::Unknown => self.register(&instance.app, instance.id()).await,
        }
    }

    async fn renew(&self, server: Endpoint, instance: &Instance) -> Result<Renewal, Problem> {
        let segments = ["apps", &instance.app, instance.id()];
        let dirty = instance.dirty.unwrap_or_default().to_string();
        let parameters = [("status", instance.status.name()), ("lastDirtyTimestamp", &*dirty)];
        let request = server.request_with(&self.0.client, Method::PUT, &segments, &parameters);
        match self.send(request, LARGEST_ANSWER).await?.status {
            StatusCode::OK => {
                note(&self.0.accepted, server);
                Ok(Renewal::Renewed)
            }
            StatusCode::NOT_FOUND => Ok(Renewal::Unknown),
            status => Err(refusal(status)),
        }
    }

    /// Registers with a new timestamp, so that the server does not keep an older description. A
    /// server that answers 404 has no Eureka at this address.
    async fn register(&self, app: &str, id: &str) -> Result<(), Problem> {
        let Some(instance) = self.0.own.renewed(app, id) else { return Ok(()) };
        let body = json::instance(&Lease::unregistered(instance));
        let registration = self.try_servers(|server| {
            let (client, app, body) = (self.clone(), app.to_owned(), body.clone());
            Box::pin(async move {
                let request = server.request(&client.0.client, Method::POST, &["apps", &app]);
                let request = request.header("content-type", "application/json").body(body);
                if client.0.own.is_empty() {
                    return Err("this node is leaving".to_owned());
                }
                note(&client.0.unanswered, server.clone());
                let ServerAnswer { status, .. } = client.send(request, LARGEST_ANSWER).await?;
                // A proxy may answer so although the server behind it registers this node.
                if !status.is_server_error() {
                    client.0.unanswered.lock().retain(|(known, _)| known.url != server.url);
                }
                if status != StatusCode::NO_CONTENT {
                    return Err(refusal(status));
                }
                note(&client.0.accepted, server);
                Ok(())
            })
        });
        registration.await?;
        tracing::info!(app, id, "registered with Eureka");
        Ok(())
    }

    /// Deregisters what was registered under other settings. Returns that nothing is to be
    /// repeated.
    async fn withdraw(&self) -> bool {
        let _announcing = self.0.announcing.lock().await;
        self.0.state.lock().is_registered = None;
        self.deregister(&self.0.own.all()).await;
        self.0.accepted.lock().clear();
        self.0.unanswered.lock().clear();
        true
    }

    /// Deregisters at the servers that may list this node.
    pub async fn leave(&self) {
        let own = self.0.own.take();
        // It waits longer for a server that does not answer than this node may take for its end.
        let announcing = tokio::time::timeout(LEAVE, self.0.announcing.lock()).await;
        self.deregister(&own).await;
        // A server that is slow may carry out the registration after the deregistration.
        if announcing.is_err() {
            let announcing = tokio::time::timeout(LEAVE, self.0.announcing.lock()).await;
            self.deregister(&own).await;
            if announcing.is_err() {
                for (server, _) in &*self.0.unanswered.lock() {
                    tracing::warn!(service_url = %server, "a registration with Eureka is still not answered; an entry of this node there may appear, and expires");
                }
            }
        }
    }

    /// Deregisters at the servers that accepted this node and those that may have done so, also
    /// where the lease should have ended: a server in self-preservation keeps it.
    async fn deregister(&self, own: &[Instance]) {
        let mut servers = self.0.accepted.lock().clone();
        for (server, at) in &*self.0.unanswered.lock() {
            if servers.iter().all(|(known, _)| known.url != server.url) {
                servers.push((server.clone(), *at));
            }
        }
        let requests = servers.iter().flat_map(|(server, at)| {
            // Until then an entry is certain to be there.
            let is_listed = at.elapsed() < self.0.lease_duration;
            let delete = |instance: &Instance| {
                let segments = ["apps", &instance.app, instance.id()];
                let request = server.request(&self.0.client, Method::DELETE, &segments);
                async move { (server, is_listed, request.timeout(LEAVE).send().await) }
            };
            own.iter().map(delete).collect::<Vec<_>>()
        });
        let has_left = |status: StatusCode| status.is_success() || status == StatusCode::NOT_FOUND;
        for (server, is_listed, answer) in futures_util::future::join_all(requests).await {
            if is_listed && !answer.is_ok_and(|answer| has_left(answer.status())) {
                tracing::warn!(service_url = %server, "cannot deregister from Eureka in time; an entry of this node there expires");
            }
        }
    }
}

/// Notes a server with the present time, in place of the oldest of too many.
fn note(servers: &Mutex<Vec<(Endpoint, Instant)>>, server: Endpoint) {
    let mut servers = servers.lock();
    servers.retain(|(known, _)| known.url != server.url);
    if servers.len() >= REMEMBERED {
        servers.remove(0);
    }
    servers.push((server, Instant::now()));
}

/// Why a server did not accept this node, and what to do.
fn refusal(status: StatusCode) -> Problem {
    let advice = match status.as_u16() {
        401 => "; check the user and the password in eureka.service.url",
        403 => {
            "; if it uses Spring Security, exclude /eureka/** from its CSRF protection; if it is Castalia, check its eureka.apps"
        }
        409 => "; a service of that server has the same id: set eureka.instance.instance-id",
        429 => "; it has the maximum number of instances or registrations",
        _ => "",
    };
    format!("{status}{advice}")
}
