//! Which services in a list are alive. Self-preservation keeps those whose leases are over. Servers
//! in Java read lists from caches that renewals do not invalidate, so that a lease may look older
//! there than it is; about a single instance they answer without a cache.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use castalia_eureka::{Instance, applications};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use reqwest::Method;
use tokio::time::{Instant, timeout_at};

use super::{EurekaClient, Problem, ServerAnswer};
use crate::log_rate::LogRate;
use crate::registry::eureka::endpoint::{Endpoint, LARGEST_ANSWER};

/// Time by which the renewals in an answer without a cache may be older than it, in milliseconds.
const DELAY: i64 = 5_000;
/// The same for lists of servers in Java, whose caches are up to 180 and 30 seconds old.
const DELAY_OF_JAVA: i64 = 240_000;
/// Maximum number of services that are asked about, of requests at the same time, and the time for
/// all of them: the lists must not be lost to questions that a server does not answer.
const LARGEST: usize = 200;
const PARALLEL: usize = 16;
const QUESTIONS: Duration = Duration::from_secs(1);

impl EurekaClient {
    /// The services of a list without those whose leases are over. One about which a server in Java
    /// does not answer stays.
    pub(super) async fn alive(
        &self,
        server: &Endpoint,
        answer: &ServerAnswer,
        instances: Vec<(Instance, Option<i64>)>,
    ) -> Vec<Instance> {
        let delay = if answer.is_ours { DELAY } else { DELAY_OF_JAVA };
        let (deadline, unanswered) = (Instant::now() + QUESTIONS, AtomicUsize::new(0));
        let (mut asked, unanswered) = (0, &unanswered);
        let checked = instances.into_iter().map(|(instance, end)| {
            let is_over = is_over(end, answer.date, delay);
            let asks = is_over && !answer.is_ours && asked < LARGEST;
            asked += usize::from(asks);
            async move {
                if !is_over {
                    return Some(instance);
                }
                if answer.is_ours {
                    return None;
                }
                if asks
                    && let Ok(Ok(current)) =
                        timeout_at(deadline, self.current(server, &instance)).await
                {
                    return current;
                }
                unanswered.fetch_add(1, Ordering::Relaxed);
                Some(instance)
            }
        });
        let checked = stream::iter(checked.collect::<Vec<_>>()).buffered(PARALLEL);
        let alive = checked.filter_map(std::future::ready).collect().await;
        report_unanswered(server, unanswered.load(Ordering::Relaxed));
        alive
    }

    /// What the server knows of an instance now, if its lease is in force.
    async fn current(
        &self,
        server: &Endpoint,
        listed: &Instance,
    ) -> Result<Option<Instance>, Problem> {
        let path = ["apps", &listed.app, listed.id()];
        let request = server.request(&self.0.client, Method::GET, &path);
        let answer = self.send(request, LARGEST_ANSWER).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let (current, end) =
                    applications::read_instance(&answer.body).map_err(|error| error.to_string())?;
                Ok(Some(current).filter(|_| !is_over(end, answer.date, DELAY)))
            }
            status => Err(status.to_string()),
        }
    }
}

fn report_unanswered(server: &Endpoint, services: usize) {
    static UNANSWERED: LogRate = LogRate::once_a_minute();
    if services > 0
        && let Some(suppressed) = UNANSWERED.admit()
    {
        tracing::warn!(
            service_url = %server,
            services,
            suppressed,
            "an Eureka server lists services whose leases look over, and does not answer about them; they stay listed"
        );
    }
}

/// Whether a lease was over when the answer was sent. Without its time, nobody knows.
fn is_over(end: Option<i64>, date: Option<i64>, delay: i64) -> bool {
    end.zip(date).is_some_and(|(end, date)| end < date - delay)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::{HeaderMap, HeaderValue, Uri};
    use serde_json::{Value, json};

    use super::*;
    use crate::registry::eureka::client::last_lists::tests::json;
    use crate::registry::eureka::client::reading::tests::client;
    use crate::registry::eureka::peer::NODE_HEADER;

    /// The time of the answers.
    const NOW: i64 = 1_795_445_543_000;

    /// An instance whose lease ends this long before the answer, in seconds.
    fn over(id: &str, seconds: i64) -> Value {
        let mut one = json("APOLLO-ADMINSERVICE", id, "UP");
        one["leaseInfo"] = json!({
            "durationInSecs": 90,
            "registrationTimestamp": 1,
            "lastRenewalTimestamp": NOW - seconds * 1000,
        });
        one
    }

    /// The services that a client finds which reads a list with these, and how long it reads.
    async fn found(is_ours: bool, ids: &[&str]) -> (Vec<String>, Duration) {
        let mut listed = vec![over("quick", 200)];
        listed.extend(ids.iter().map(|id| over(id, 300)));
        let answer = move |uri: Uri| {
            let id = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
            let one = match Some(&*id) {
                Some("APOLLO-ADMINSERVICE") => {
                    Some(json!({"application": {"name": "A", "instance": listed}}))
                }
                Some("renewed") => Some(json!({"instance": over("renewed", -60)})),
                Some("dead") => Some(json!({"instance": over("dead", 6)})),
                Some("garbled") => Some(json!("busy")),
                _ => None,
            };
            let mut headers = HeaderMap::new();
            headers.insert("date", HeaderValue::from_static("Mon, 23 Nov 2026 14:52:23 GMT"));
            if is_ours {
                headers.insert(NODE_HEADER, HeaderValue::from_static("1"));
            }
            let status = match &*id {
                "failing" => StatusCode::SERVICE_UNAVAILABLE,
                _ if one.is_some() => StatusCode::OK,
                _ => StatusCode::NOT_FOUND,
            };
            async move {
                if id == "hanging" {
                    std::future::pending::<()>().await;
                }
                (status, headers, one.unwrap_or_default().to_string())
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/eureka/", listener.local_addr().unwrap());
        let server = axum::serve(listener, Router::new().fallback(answer));
        tokio::spawn(async move { server.await });
        let client = client(&url);
        let began = Instant::now();
        client.read(std::time::Instant::now()).await;
        let time = began.elapsed();
        let lists = client.0.listed.load();
        (lists["apollo-adminservice"].iter().map(|one| one.id().to_owned()).collect(), time)
    }

    /// The same of a server in Java, by a try within this time: a busy machine delays some.
    async fn found_within(limit: Duration, ids: &[&str]) -> Vec<String> {
        let mut times = Vec::new();
        while times.len() < 30 {
            let (services, time) = found(false, ids).await;
            if time < limit {
                return services;
            }
            times.push(time);
        }
        panic!("{ids:?}: {times:?}");
    }

    /// A server in Java that was suspended has leases in its cache that look over for minutes.
    #[tokio::test]
    async fn a_server_in_java_is_asked_before_a_service_is_dropped() {
        // Then each question was answered in time.
        let answered = found_within(QUESTIONS, &["renewed", "dead", "left", "failing", "garbled"]);
        assert_eq!(answered.await, ["quick", "renewed", "failing", "garbled"]);
        // The lists are not lost to questions: a request may take 8 s.
        let hanging = found_within(Duration::from_secs(8), &["renewed", "hanging", "failing"]);
        assert_eq!(hanging.await, ["quick", "renewed", "hanging", "failing"]);
        assert_eq!(found(true, &["renewed", "dead", "hanging"]).await.0, [""; 0]);
    }
}
