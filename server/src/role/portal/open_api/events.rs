//! `/openapi/v1/events`: server-sent events for the pages of a signed-in user. Each event is sent
//! only if the user may see its namespace, or the request for access, at that moment, and the
//! stream ends with the session.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use castalia_store::Id;
use futures_util::stream::unfold;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use crate::domain::event::{self, Event, EventKind};
use crate::domain::permission::requirement::{Identity, Requirement, Resource};
use crate::domain::session;
use crate::error::{Error, Reaction, Result};
use crate::http::operation::{Output, Signature};
use crate::role::portal::Portal;
use crate::role::portal::access::refusal;
use crate::role::portal::events::{Broadcast, JobProgress, News, Seat, Verdict};
use crate::role::portal::extract::Query;
use crate::role::portal::identity::{Caller, session_id};

/// Interval of comments that keep proxies from closing the connection, and at which the session is
/// checked.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Maximum number of missed events that are sent again.
const MISSED: u64 = 500;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Scope {
    /// Only events of this app.
    #[param(nullable = false)]
    app: Option<String>,
    /// Last event that was received, if the header `Last-Event-ID` cannot be sent.
    #[param(nullable = false)]
    last_event_id: Option<i64>,
    /// Age in ms of the oldest data that the page shows: without a last event, the stream begins
    /// with the events since then.
    #[param(nullable = false)]
    age: Option<u64>,
}

/// One connection.
struct EventConnection {
    portal: Portal,
    user_id: String,
    session: String,
    app: Option<String>,
    news: broadcast::Receiver<News>,
    /// The event with which the page begins; it has this one and those before.
    start: Id,
    /// Events after it that were sent before the first one of `news`.
    resent: HashSet<i64>,
    waiting: VecDeque<Bytes>,
    next_check: Instant,
    _seat: Seat,
}

/// Streams the events of namespaces and requests for access that the user may see.
pub(super) async fn stream(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    Query(scope): Query<Scope>,
    headers: HeaderMap,
) -> Result<EventStream> {
    let (Identity::User(user_id), Some(session)) = (&caller.identity, session_id(&headers)) else {
        return Err(refusal(Requirement::Person));
    };
    let Some((seat, news)) = portal.own.events.connect(user_id) else {
        return Err(Error::new(Reaction::TooMany, "Too many event streams are open"));
    };
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    // An id that this server never sent is one that it does not know any more.
    let header =
        header.filter(|text| !text.is_empty()).map(|text| text.parse().unwrap_or_default());
    let last = header.or(scope.last_event_id);
    let mut connection = EventConnection {
        user_id: user_id.clone(),
        session: session.to_owned(),
        app: scope.app.filter(|app| !app.is_empty()),
        news,
        start: Id(0),
        resent: HashSet::new(),
        // A first byte, so that the browser considers the stream open.
        waiting: VecDeque::from([Bytes::from_static(b": open\n\n")]),
        next_check: Instant::now() + KEEP_ALIVE,
        _seat: seat,
        portal,
    };
    match (last, scope.age) {
        (Some(last), _) => connection.resume(Id(last)).await?,
        (None, Some(age)) => connection.begin_before(Duration::from_millis(age)).await?,
        (None, None) => connection.begin("start").await?,
    }
    let stream = unfold(connection, async |mut connection| {
        let chunk = connection.next().await?;
        Some((Ok::<_, Infallible>(chunk), connection))
    });
    Ok(EventStream(Body::from_stream(stream)))
}

impl EventConnection {
    /// Sends the events again that the page has missed, or a `reset` if they are not known any more.
    async fn resume(&mut self, last: Id) -> Result<()> {
        match event::missed(&self.portal.state.store, last, MISSED).await? {
            Some(missed) => self.send_again(last, &missed).await,
            None => self.begin("reset").await,
        }
    }

    /// Begins with the events of a time until now, or with a `reset` if they are not known any more.
    async fn begin_before(&mut self, age: Duration) -> Result<()> {
        match event::recent(&self.portal.state.store, age, MISSED).await? {
            Some((last, recent)) => {
                self.push_first("start", last);
                self.send_again(last, &recent).await
            }
            None => self.begin("reset").await,
        }
    }

    /// Queues those of the events after the last one that the user may see.
    async fn send_again(&mut self, last: Id, missed: &[Event]) -> Result<()> {
        self.start = last;
        self.resent.extend(missed.iter().map(|event| event.id.0));
        // Whoever was editing then has announced it again since.
        let is_over = |event: &Event| event.kind.0 == EventKind::Presence as i16;
        let missed = missed.iter().filter(|event| self.is_wanted(event) && !is_over(event));
        let missed: Vec<_> = missed.collect();
        let visible = self.visible(&missed).await?;
        for (event, _) in missed.into_iter().zip(visible).filter(|(_, is_visible)| *is_visible) {
            self.push(event, None);
        }
        Ok(())
    }

    /// Whether the user may see each of these events.
    async fn visible(&self, events: &[&Event]) -> Result<Vec<bool>> {
        let places: Vec<_> = events.iter().map(|event| place(event)).collect();
        let mut visible = self.portal.visible_among(&self.identity(), &places).await?;
        for (event, is_visible) in events.iter().zip(&mut visible) {
            if is_request(event) {
                *is_visible = self.sees(event).await?;
            }
        }
        Ok(visible)
    }

    /// Begins at the newest event, and sends its id, with which the page can resume before its
    /// first event.
    async fn begin(&mut self, kind: &str) -> Result<()> {
        self.start = event::newest(&self.portal.state.store).await?;
        self.push_first(kind, self.start);
        Ok(())
    }

    fn push_first(&mut self, kind: &str, id: Id) {
        let first = format!("id: {id}\nevent: {kind}\ndata: {{}}\n\n");
        self.waiting.push_back(first.into());
    }

    /// The next part of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                return Some(chunk);
            }
            tokio::select! {
                news = self.news.recv() => {
                    // A reader that lags behind is disconnected; it resumes with its last id.
                    let news = news.ok()?;
                    if !self.queue(news).await.unwrap_or(false) {
                        return None;
                    }
                }
                () = sleep_until(self.next_check) => {
                    if !self.has_session().await {
                        return None;
                    }
                    self.next_check = Instant::now() + KEEP_ALIVE;
                    self.waiting.push_back(Bytes::from_static(b": keep-alive\n\n"));
                }
            }
        }
    }

    async fn has_session(&self) -> bool {
        let user = session::user(&self.portal.state.store, &self.session).await;
        user.is_ok_and(|user| user.as_deref() == Some(self.user_id.as_str()))
    }

    /// Returns whether the stream continues.
    async fn queue(&mut self, news: News) -> Result<bool> {
        match news {
            News::Event(new) if new.event.id <= self.start => Ok(true),
            News::Event(new) if self.resent.remove(&new.event.id.0) => Ok(true),
            News::Event(new) => self.add(&new, None).await,
            News::Rollout(new, count) => self.add(&new, Some(count)).await,
            News::Job(job) => self.add_job(&job).await,
            News::Reset => {
                self.resent.clear();
                self.begin("reset").await?;
                Ok(true)
            }
            News::End => Ok(false),
        }
    }

    /// Queues an event if the user may see its namespace; returns whether the stream continues.
    async fn add(&mut self, new: &Broadcast, instances: Option<u64>) -> Result<bool> {
        if !self.is_wanted(&new.event) {
            return Ok(true);
        }
        let verdict = new.verdict(&self.session, self.verdict(&new.event)).await?;
        if verdict == Verdict::Visible {
            self.push(&new.event, instances);
        }
        Ok(verdict != Verdict::Ended)
    }

    /// Queues the progress of a job of this user; returns whether the stream continues.
    async fn add_job(&mut self, job: &JobProgress) -> Result<bool> {
        if job.user != self.user_id {
            return Ok(true);
        }
        let JobProgress { id, done, total, failed, .. } = job;
        let data = json!({ "id": id, "done": done, "total": total, "failed": failed });
        self.waiting.push_back(format!("event: job\ndata: {data}\n\n").into());
        Ok(self.has_session().await)
    }

    async fn verdict(&self, event: &Event) -> Result<Verdict> {
        if !self.has_session().await {
            return Ok(Verdict::Ended);
        }
        Ok(if self.sees(event).await? { Verdict::Visible } else { Verdict::Hidden })
    }

    /// A request is for who made it, and for the administrators of the app.
    async fn sees(&self, event: &Event) -> Result<bool> {
        let requirement = match is_request(event) {
            true if event.operator == self.user_id => return Ok(true),
            true => Requirement::AppAdmin,
            false => Requirement::See,
        };
        self.portal.allows(&self.identity(), requirement, &place(event)).await
    }

    fn identity(&self) -> Identity {
        Identity::User(self.user_id.clone())
    }

    fn is_wanted(&self, event: &Event) -> bool {
        self.app.as_ref().is_none_or(|app| *app == event.app_id)
    }

    fn push(&mut self, event: &Event, instances: Option<u64>) {
        if is_request(event) {
            let data = json!({ "appId": event.app_id, "userId": event.operator });
            let text = format!("id: {}\nevent: request\ndata: {data}\n\n", event.id);
            return self.waiting.push_back(text.into());
        }
        let mut data = json!({
            "env": event.env,
            "appId": event.app_id,
            "clusterName": event.cluster_name,
            "namespaceName": event.namespace_name,
            "operator": event.operator,
        });
        if event.release_id.0 > 0 {
            data["releaseId"] = event.release_id.0.into();
        }
        let text = match instances {
            Some(count) => {
                data["instances"] = count.into();
                format!("event: instances\ndata: {data}\n\n")
            }
            None => {
                let kind = match event.kind.0 {
                    kind if kind == EventKind::Publish as i16 => "publish",
                    kind if kind == EventKind::Presence as i16 => "presence",
                    _ => "edit",
                };
                format!("id: {}\nevent: {kind}\ndata: {data}\n\n", event.id)
            }
        };
        self.waiting.push_back(text.into());
    }
}

fn is_request(event: &Event) -> bool {
    event.kind.0 == EventKind::Request as i16
}

fn place(event: &Event) -> Resource {
    Resource {
        app_id: event.app_id.clone(),
        env: event.env.clone(),
        cluster: event.cluster_name.clone(),
        namespace: event.namespace_name.clone(),
    }
}

/// A stream of server-sent events.
#[derive(Debug)]
pub(super) struct EventStream(Body);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.0);
        let kind = HeaderValue::from_static("text/event-stream;charset=UTF-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        // Nginx would otherwise collect the events.
        let no = HeaderValue::from_static("no");
        response.headers_mut().insert("x-accel-buffering", no);
        response
    }
}

impl Output for EventStream {
    fn describe(signature: &mut Signature) {
        signature.stream("text/event-stream");
    }
}
