//! Cookies of signing in: their attributes, and the ones that begin a session. Does not know how a
//! user was identified.

use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;

use crate::domain::user::User;
use crate::domain::{known_browser, session};
use crate::error::Result;
use crate::role::portal::Portal;
use crate::role::portal::access::redirect;
use crate::role::portal::identity::{COOKIE_NAME, session_id};

/// Ends a cookie at once.
pub(super) const ENDED: &str = "; Max-Age=0";
/// Cookie of a browser that signed in before.
pub(super) const BROWSER_COOKIE: &str = "CASTALIA_BROWSER";
/// A year, in seconds.
const BROWSER_LIFE: &str = "; Max-Age=31536000";

/// Cookies of one answer.
pub(super) struct Cookies<'p> {
    portal: &'p Portal,
    is_secure: bool,
    texts: Vec<String>,
}

impl<'p> Cookies<'p> {
    pub(super) fn new(portal: &'p Portal, headers: &HeaderMap) -> Self {
        let is_secure = is_https(headers) || portal.state.settings.cookie_always_secure;
        Self { portal, is_secure, texts: Vec::new() }
    }

    /// Sets a cookie for all paths of the portal.
    pub(super) fn set(&mut self, name: &str, value: &str, life: &str) {
        self.set_below("", name, value, life);
    }

    /// Sets a cookie that is only sent to paths below this one.
    pub(super) fn set_below(&mut self, path: &str, name: &str, value: &str, life: &str) {
        let path = self.portal.path(path);
        let path = if path.is_empty() { "/" } else { &path };
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path={path}{life}; HttpOnly; SameSite=Lax{secure}");
        self.texts.push(text);
    }

    /// Begins a session in the place of the one that the request belonged to. Returns whether the
    /// user may still sign in.
    pub(super) async fn begin_session(&mut self, headers: &HeaderMap, user: &User) -> Result<bool> {
        let store = &self.portal.state.store;
        let Some(id) = session::begin(store, user).await? else { return Ok(false) };
        if let Some(old) = session_id(headers) {
            session::end(store, old).await?;
        }
        self.set(COOKIE_NAME, id.expose(), "");
        Ok(true)
    }

    /// Lets the browser prove later that it has signed in to this account.
    pub(super) async fn mark_browser(&mut self, user: &User) -> Result<()> {
        if let Some(mark) = known_browser::mark(&self.portal.state.store, &user.username).await? {
            self.set(BROWSER_COOKIE, &mark, BROWSER_LIFE);
        }
        Ok(())
    }

    /// Adds them to an answer.
    pub(super) fn add_to(self, answer: Response) -> Response {
        let cookies = AppendHeaders(self.texts.into_iter().map(|cookie| (SET_COOKIE, cookie)));
        (cookies, answer).into_response()
    }

    /// The redirect that sets them.
    pub(super) fn redirect(self, to: &str) -> Response {
        self.add_to(redirect(to))
    }
}

/// Whether the browser uses https, as far as a proxy in front of the portal reports it.
pub(super) fn is_https(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto");
    proto.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}
