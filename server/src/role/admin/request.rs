//! Parses requests of the admin API: parameters of query and form, pages, and the operator that the
//! caller names. Knows no endpoint.

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use castalia_core::protocol::route::Refusal;
use castalia_store::time::is_storable;
use chrono::{DateTime, Local, NaiveDateTime, TimeZone as _, Utc};
use http::HeaderName;
use http::request::Parts;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::disconnect::to_the_end_within;
use crate::domain::audit_log::CallerSpan;
use crate::domain::page::{Page, Sort};
use crate::error::{Code, Error, Result};
use crate::http::failure;
use crate::http::request::{BODY, MAX_PAGE_SIZE, media_type, read};
use crate::http::request_memory::RequestMemory;
use crate::http::span;

/// Rows of a page by default, as in Apollo.
const PAGE_SIZE: u64 = 10;
/// Format of dates in parameters, which are in local time.
const DATE: &str = "%Y-%m-%d %H:%M:%S%.f";

/// Maximum number of changes that continue without their callers.
const MAX_ABANDONED: usize = 64;

/// Rejects ambiguous paths before a route is selected.
pub(super) async fn plain_path(request: Request, next: Next) -> Response {
    const ENCODED: [&str; 7] = ["%2f", "%5c", "%3b", "%25", "%2e", "%00", "%0a"];
    let path = request.uri().path();
    let lower = path.to_ascii_lowercase();
    let is_odd = path.contains("//")
        || path.contains(['\\', ';'])
        || ENCODED.iter().any(|encoded| lower.contains(encoded))
        || path.split('/').any(|segment| segment == "." || segment == "..");
    if is_odd {
        return Error::bad_request(
            "The path is not normalized: it contains an encoded separator, `;`, `//` or dots.",
        )
        .with_code(Code::BadEncoding)
        .early()
        .into_response();
    }
    next.run(request).await
}

/// Continues a change whose caller disconnects, because what it commits is still to be announced.
/// The node waits for the tracker when it ends.
pub(super) async fn continued(
    State(changes): State<TaskTracker>,
    request: Request,
    next: Next,
) -> Response {
    static ABANDONED: Semaphore = Semaphore::const_new(MAX_ABANDONED);
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // The request is over for the server when its caller disconnects, and its body is in memory until
    // it is carried out.
    let memory = request.extensions().get::<RequestMemory>().cloned();
    let unheard = move |response: &Response| failure::report_unheard(&method, &path, response);
    let part = changes.track_future(async move {
        let _memory = memory;
        next.run(request).await
    });
    to_the_end_within(&ABANDONED, part, unheard).await
}

/// Parameters by name. A name may occur several times.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

/// Parameters of the query, for requests whose body is not a form.
#[derive(Debug)]
pub(super) struct QueryParameters(pub(super) Parameters);

/// Parameters of the query and of the form body.
#[derive(Debug)]
pub(super) struct FormParameters(pub(super) Parameters);

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self(Parameters(decode(parts.uri.query().unwrap_or_default().as_bytes()))))
    }
}

impl<S: Send + Sync> FromRequest<S> for FormParameters {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let mut pairs = decode(request.uri().query().unwrap_or_default().as_bytes());
        if media_type(request.headers()) == "application/x-www-form-urlencoded" {
            pairs.extend(decode(&read(request.into_body(), BODY).await?));
        }
        Ok(Self(Parameters(pairs)))
    }
}

fn decode(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

impl Parameters {
    /// The first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a required parameter; it may be empty.
    pub(super) fn text(&self, name: &'static str) -> Result<String> {
        self.get(name).map(str::to_owned).ok_or_else(|| Refusal::MissingParameter(name).into())
    }

    /// The value of an optional parameter.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A required number.
    pub(super) fn number(&self, name: &'static str) -> Result<i64> {
        parse(name, &self.text(name)?)
    }

    /// A required small number.
    pub(super) fn small(&self, name: &'static str) -> Result<i16> {
        parse(name, &self.text(name)?)
    }

    /// A small number, or the default if the parameter is absent or empty.
    pub(super) fn small_or(&self, name: &'static str, default: i16) -> Result<i16> {
        self.get(name).filter(|text| !text.is_empty()).map_or(Ok(default), |text| parse(name, text))
    }

    /// A number, or the default if the parameter is absent or empty.
    pub(super) fn number_or(&self, name: &'static str, default: i64) -> Result<i64> {
        self.get(name).filter(|text| !text.is_empty()).map_or(Ok(default), |text| parse(name, text))
    }

    /// The release that a change was computed from; `None` if the caller does not state it.
    pub(super) fn release(&self, name: &'static str) -> Result<Option<i64>> {
        Ok(Some(self.number_or(name, -1)?).filter(|id| *id >= 0))
    }

    /// A flag, or the default if the parameter is absent or empty.
    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool> {
        match self.get(name).unwrap_or_default().to_ascii_lowercase().as_str() {
            "" => Ok(default),
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
            _ => Err(Refusal::InvalidParameter(name).into()),
        }
    }

    /// Elements of a list: the parameter is repeated, or contains commas.
    pub(super) fn list(&self, name: &'static str) -> Result<Vec<String>> {
        let all: Vec<_> = self.all(name).collect();
        match all.as_slice() {
            [] => Err(Refusal::MissingParameter(name).into()),
            [one] => Ok(one.split(',').map(str::to_owned).collect()),
            many => Ok(many.iter().map(|text| (*text).to_owned()).collect()),
        }
    }

    /// Row ids, separated by commas and optional blanks.
    pub(super) fn ids(&self, name: &'static str) -> Result<Vec<i64>> {
        let text = self.text(name)?;
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        ids.map(|id| parse(name, id)).collect()
    }

    /// An optional local date and time.
    pub(super) fn date(&self, name: &'static str) -> Result<Option<DateTime<Utc>>> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let date = NaiveDateTime::parse_from_str(text, DATE).ok().filter(is_storable);
        let date = date.ok_or(Refusal::InvalidParameter(name))?;
        Ok(Local.from_local_datetime(&date).earliest().map(|date| date.to_utc()))
    }

    /// The requested page. Invalid numbers are replaced by the defaults, as in Apollo.
    pub(super) fn page(&self) -> Page {
        let number = |name| self.get(name).and_then(|text| text.trim().parse::<u64>().ok());
        let size = number("size").filter(|size| *size > 0).unwrap_or(PAGE_SIZE).min(MAX_PAGE_SIZE);
        let sort = self.all("sort").flat_map(sorts).collect();
        Page::new(number("page").unwrap_or_default(), size).sorted_by(sort)
    }

    /// The same if both numbers are required.
    pub(super) fn required_page(&self) -> Result<Page> {
        let number =
            |name| self.number(name).map(|number| u64::try_from(number).unwrap_or_default());
        Ok(Page::new(number("page")?, number("size")?.clamp(1, MAX_PAGE_SIZE)))
    }
}

fn parse<T: std::str::FromStr>(name: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Refusal::InvalidParameter(name).into())
}

/// `a,b,desc`: properties, followed by their direction.
fn sorts(text: &str) -> Vec<Sort> {
    let mut parts: Vec<_> =
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let direction = parts.last().map(|part| part.to_ascii_lowercase());
    let is_descending = direction.as_deref() == Some("desc");
    if is_descending || direction.as_deref() == Some("asc") {
        parts.pop();
    }
    parts
        .into_iter()
        .map(|property| Sort { property: property.to_owned(), is_descending })
        .collect()
}

/// The caller's operation that this request is part of, as named in its headers.
#[derive(Debug)]
pub(super) struct AuditCaller(pub(super) Option<CallerSpan>);

impl<S: Send + Sync> FromRequestParts<S> for AuditCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let text = |name: HeaderName| {
            let value = parts.headers.get(name)?.as_bytes();
            Some(std::str::from_utf8(value).ok()?.to_owned())
        };
        Ok(Self(text(span::TRACE_ID).map(|trace_id| CallerSpan {
            trace_id,
            span_id: text(span::SPAN_ID),
            operator: text(span::OPERATOR),
        })))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use axum::{Extension, Router};
    use futures_util::FutureExt as _;
    use tokio::sync::mpsc;
    use tower::ServiceExt as _;

    use super::*;

    /// A change that its caller has left. It ends once something is sent.
    async fn left(memory: &RequestMemory, changes: &TaskTracker) -> mpsc::Sender<()> {
        let (begun, mut begins) = mpsc::channel(1);
        let (end, ends) = mpsc::channel::<()>(1);
        let ends = std::sync::Arc::new(tokio::sync::Mutex::new(ends));
        let change = async move || {
            begun.send(()).await.unwrap();
            ends.lock().await.recv().await;
        };
        let continued = from_fn_with_state(changes.clone(), continued);
        let router = Router::new().route("/", post(change)).layer(continued);
        let router = router.layer(Extension(memory.clone()));
        let request = Request::post("/").body(Body::empty()).unwrap();
        let mut answer = Box::pin(router.oneshot(request));
        tokio::select! {
            _ = &mut answer => panic!("answered"),
            _ = begins.recv() => {}
        }
        // The caller disconnects.
        drop(answer);
        end
    }

    /// X28.
    #[tokio::test]
    async fn a_body_takes_memory_until_it_is_carried_out() {
        let memory = RequestMemory::of_test();
        let end = left(&memory, &TaskTracker::new()).await;
        assert!(memory.is_used());
        end.send(()).await.unwrap();
        while memory.is_used() {
            tokio::task::yield_now().await;
        }
    }

    /// X112: the end of the node cut it off.
    #[tokio::test]
    async fn a_change_whose_caller_has_left_is_waited_for() {
        let changes = TaskTracker::new();
        let end = left(&RequestMemory::of_test(), &changes).await;
        changes.close();
        assert!(changes.wait().now_or_never().is_none());
        end.send(()).await.unwrap();
        changes.wait().await;
    }

    fn parameters(query: &str) -> Parameters {
        Parameters(decode(query.as_bytes()))
    }

    #[test]
    fn numbers_of_a_page_that_make_no_sense_mean_the_default() {
        for (query, number, size) in [
            ("", 0, 10),
            ("page=abc&size=0", 0, 10),
            ("page=-1&size=-5", 0, 10),
            ("page=3&size=5000", 3, 2000),
            ("size=x", 0, 10),
        ] {
            let page = parameters(query).page();
            assert_eq!((page.number(), page.size()), (number, size), "{query}");
        }
    }

    #[test]
    fn an_order_names_properties_and_then_a_direction() {
        let sorted = sorts("name,id,desc");
        assert_eq!(sorted.len(), 2);
        assert!(sorted[0].property == "name" && sorted[1].is_descending);
        assert!(!sorts("id")[0].is_descending);
    }

    #[test]
    fn a_list_is_repeated_or_has_commas() {
        assert_eq!(parameters("k=a&k=b,c").list("k").unwrap(), ["a", "b,c"]);
        assert_eq!(parameters("k=a,b").list("k").unwrap(), ["a", "b"]);
        assert_eq!(parameters("k=1,%202").ids("k").unwrap(), [1, 2]);
        assert!(parameters("k=1,,x").ids("k").is_err());
        assert!(parameters("").list("k").is_err());
    }

    #[test]
    fn flags_have_four_spellings_each() {
        assert!(parameters("f=ON").flag("f", false).unwrap());
        assert!(!parameters("f=no").flag("f", true).unwrap());
        assert!(parameters("").flag("f", true).unwrap());
        assert!(parameters("f=x").flag("f", true).is_err());
    }
}
