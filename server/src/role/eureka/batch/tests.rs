use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use castalia_store::Secret;
use serde_json::{Value, json};

use super::*;
use crate::server_config::ServerConfig;
use crate::settings::{Settings, Texts};

/// A wait that is longer than any work here.
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: usize = 1024 * 1024;

fn port() -> EurekaPort {
    crate::outgoing::install_tls();
    let texts = Texts::gather(Vec::new(), None, std::iter::empty()).unwrap();
    let settings = Settings::from_texts(&texts).unwrap();
    let rows = ServerConfig::new([].into());
    let eureka = Eureka::new(&settings, rows, &[], true, Vec::new(), Secret::new("s")).unwrap();
    EurekaPort::new(eureka, &settings)
}

async fn post(port: &EurekaPort, body: &Value) -> Response {
    let request = Request::post("/eureka/peerreplication/batch/").body(body.to_string().into());
    let answer = tokio::time::timeout(PATIENCE, port.answer(request.unwrap())).await;
    answer.expect("an answer")
}

async fn outcomes(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), StatusCode::OK);
    let body = to_bytes(response.into_body(), 16 * MIB).await.unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    serde_json::from_value(body["responseList"].take()).unwrap()
}

fn registration(id: &str, metadata: &Value) -> Value {
    json!({"appName": "A", "id": id, "action": "Register", "instanceInfo": {
        "instanceId": id, "hostName": "h", "app": "A", "ipAddr": "10.0.0.1", "status": "UP",
        "dataCenterInfo": {"name": "MyOwn"}, "lastDirtyTimestamp": "5", "metadata": metadata,
    }})
}

fn batch(changes: impl IntoIterator<Item = Value>) -> Value {
    json!({ "replicationList": changes.into_iter().collect::<Vec<_>>() })
}

/// Ends two pieces of work, also if a test fails: the runtime would wait for them.
struct End(Arc<Barrier>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.wait();
    }
}

/// Starts two pieces of work on threads of their own, and waits until both have begun.
async fn two_at_work<F>(start: impl Fn(Box<dyn FnOnce() + Send>) -> F) -> End
where
    F: Future<Output = ()> + Send + 'static,
{
    let (end, begun) = (Arc::new(Barrier::new(3)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..2 {
        let (end, begun) = (Arc::clone(&end), Arc::clone(&begun));
        tokio::spawn(start(Box::new(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            end.wait();
        })));
    }
    while begun.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    End(end)
}

/// Other servers give a batch up after 200 ms.
#[tokio::test]
async fn outcomes_do_not_wait_for_readers_of_lists() {
    let port = port();
    let eureka = port.eureka.clone();
    let readers = two_at_work(move |work| {
        let eureka = eureka.clone();
        let render = move || {
            work();
            Vec::new()
        };
        async move { drop(eureka.rendered(render).await) }
    });
    let readers = readers.await;
    let answer = post(&port, &batch([registration("a", &json!({}))])).await;
    drop(readers);
    assert_eq!(outcomes(answer).await, [json!({"statusCode": 200})]);
}

/// What a refusal asks its sender to repeat has not been carried out.
#[tokio::test]
async fn slow_readers_of_other_texts_refuse_no_batch() {
    let port = port();
    let mut texts = Vec::new();
    while let Some(text) = port.eureka.rendered(|| vec![0; 64 * 1024]).await {
        texts.push(text);
    }
    let answer = post(&port, &batch([registration("a", &json!({}))])).await;
    assert_eq!(outcomes(answer).await, [json!({"statusCode": 200})]);
}

/// The answers to batches are counted with the bodies of their sender, before they are carried out.
#[tokio::test]
async fn answers_that_nobody_reads_have_a_bound() {
    const INSTANCES: usize = 500;
    let port = port();
    let entries = (0..15).map(|entry| (format!("k{entry}"), json!("x".repeat(1000))));
    let metadata = Value::Object(entries.collect());
    let ids: Vec<_> = (0..INSTANCES).map(|number| number.to_string()).collect();
    for part in ids.chunks(100) {
        let answer = post(&port, &batch(part.iter().map(|id| registration(id, &metadata)))).await;
        assert!(outcomes(answer).await.iter().all(|outcome| outcome["statusCode"] == 200));
    }
    let older = |id: &String| json!({"appName": "A", "id": id, "action": "Heartbeat", "lastDirtyTimestamp": 1});
    let heartbeats = batch(ids.iter().map(older));
    let described = async |response| {
        let outcomes = outcomes(response).await;
        assert!(outcomes.iter().all(|outcome| outcome["statusCode"] == 409));
        outcomes.iter().filter(|outcome| outcome.get("responseEntity").is_some()).count()
    };
    // Each has 4 MiB and a little of descriptions, and a stranger has 8 MiB.
    let unread = post(&port, &heartbeats).await;
    assert_eq!(described(post(&port, &heartbeats).await).await, 0);
    assert!(described(unread).await > 200);
    assert!(described(post(&port, &heartbeats).await).await > 200);
    // Without memory nothing is carried out.
    let mut all = port.batches.memory(false).reserve(None);
    assert!(all.resize(8 * MIB));
    let refused = post(&port, &batch([registration("new", &json!({}))])).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(port.eureka.get("A", "new").is_none());
}

/// This test has one thread, which a batch must not occupy.
#[tokio::test]
async fn batches_that_are_carried_out_delay_no_other_call() {
    let port = port();
    let first = batch([registration("a", &json!({}))]);
    assert_eq!(outcomes(post(&port, &first).await).await, [json!({"statusCode": 200})]);
    let eureka = port.eureka.clone();
    let at_work = two_at_work(move |work| {
        let eureka = eureka.clone();
        async move { eureka.carry_out(None, true, work).await.unwrap() }
    });
    let at_work = at_work.await;
    let mut large = registration("b", &json!({}));
    large["unknown"] = json!("x".repeat(LARGE - 4096));
    let large = batch([large, json!("x".repeat(4096))]);
    let mut waiting = Box::pin(post(&port, &large));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let heartbeat = Request::put("/eureka/apps/A/a?lastDirtyTimestamp=5").body("{}".into());
    let answer = tokio::time::timeout(PATIENCE, port.answer(heartbeat.unwrap())).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::OK);
    assert_eq!(outcomes(post(&port, &first).await).await, [json!({"statusCode": 200})]);
    assert!(futures_util::poll!(&mut waiting).is_pending(), "a third large one");
    assert!(port.eureka.get("A", "b").is_none());
    drop(at_work);
    assert_eq!(outcomes(waiting.await).await[0], json!({"statusCode": 200}));
}
