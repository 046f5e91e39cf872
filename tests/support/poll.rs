//! Long polls as a client sends them.

use std::time::{Duration, Instant};

use castalia_core::protocol::route::encode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::eventually::eventually;
use super::http::{Answer, Http};
use super::parked;

/// Time for another server to park a poll, which it does not report.
const UNREPORTED: Duration = Duration::from_millis(150);
/// Longest wait for a poll to be parked. The count may not show it, if another poll ends at the
/// same moment because its client disconnected.
const PARKED: Duration = Duration::from_secs(10);

/// The `notifications` parameter, encoded.
pub(crate) fn list(known: &[(&str, i64)]) -> String {
    let element = |(name, id): &(&str, i64)| json!({ "namespaceName": name, "notificationId": id });
    encode(&Value::from(known.iter().map(element).collect::<Vec<_>>()).to_string()).into_owned()
}

/// Path of `/notifications/v2` for the cluster `default`.
pub(crate) fn path(app_id: &str, known: &[(&str, i64)]) -> String {
    path_of(app_id, "cluster=default", known)
}

/// The same with other parameters, such as `cluster=bj&dataCenter=dc1`.
pub(crate) fn path_of(app_id: &str, place: &str, known: &[(&str, i64)]) -> String {
    format!("/notifications/v2?appId={app_id}&{place}&notifications={}", list(known))
}

/// The newest id in an answer with one namespace.
#[track_caller]
pub(crate) fn newest(answer: &Answer) -> i64 {
    answer.json()[0]["notificationId"].as_i64().unwrap_or_else(|| panic!("{answer:?}"))
}

/// The newest notification id of a namespace, once it was published.
pub(crate) async fn position(http: &Http, app_id: &str, namespace: &str) -> i64 {
    let path = path(app_id, &[(namespace, -1)]);
    let ask = || async {
        // A parked poll means that there is no release yet.
        let answer = tokio::time::timeout(Duration::from_secs(1), http.get(&path)).await.ok()?;
        (answer.status == 200).then(|| newest(&answer))
    };
    eventually(&format!("a release of {app_id}/{namespace}"), ask).await
}

/// A running poll and its start time.
#[derive(Debug)]
pub(crate) struct Waiting(JoinHandle<(Answer, Duration)>);

impl Waiting {
    /// Sends it, and waits until the server has parked or answered it.
    pub(crate) async fn start(http: &Http, path: &str) -> Self {
        let before = parked::count(http).await;
        let (client, path) = (http.clone(), path.to_owned());
        let waiting = tokio::spawn(async move {
            let start = Instant::now();
            (client.get(&path).await, start.elapsed())
        });
        let Some(mut lowest) = before else {
            tokio::time::sleep(UNREPORTED).await;
            return Self(waiting);
        };
        let start = Instant::now();
        while !waiting.is_finished() && start.elapsed() < PARKED {
            let now = parked::count(http).await.unwrap_or_default();
            if now > lowest {
                break;
            }
            lowest = lowest.min(now);
        }
        Self(waiting)
    }

    /// The answer, which has to arrive long before a hold ends. Latency is tested elsewhere,
    /// because this machine may be busy.
    #[track_caller]
    pub(crate) fn soon(self) -> impl Future<Output = Answer> {
        const SOON: Duration = Duration::from_secs(20);
        let caller = std::panic::Location::caller();
        async move {
            let answer = tokio::time::timeout(SOON, self.0).await;
            answer.unwrap_or_else(|_| panic!("{caller}: the poll was not answered")).unwrap().0
        }
    }

    /// The answer whenever it arrives, and the time it took.
    pub(crate) async fn end(self) -> (Answer, Duration) {
        self.0.await.unwrap()
    }

    /// Whether it remains unanswered for this long.
    pub(crate) async fn is_held_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, &mut self.0).await.is_err()
    }
}
