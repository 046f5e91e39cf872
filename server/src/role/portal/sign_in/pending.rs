//! Sign-ins whose users are at the provider. The browser keeps each of them in a cookie of its own,
//! named after the state, so that tabs do not disturb each other, and a visit without the right
//! state ends none. Does not know what the provider answers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::cookie::{Cookies, ENDED};
use crate::error::{Error, Result};
use crate::open_id::PendingSignIn;
use crate::role::portal::identity::{cookie_names, cookie_value};
use crate::role::portal::web;

/// Beginning of the names of the cookies. They bind the answer of the provider to the browser.
const PENDING_COOKIE: &str = "CASTALIA_OIDC_";
/// Time to sign in at the provider, in seconds.
const PENDING_LIFE: &str = "; Max-Age=600";
/// Maximum number of sign-ins that a browser keeps: the header with all cookies must remain short
/// enough for the proxies in front of the portal.
const MOST: usize = 4;
/// Maximum page to return to, in bytes.
const LARGEST_NEXT: usize = 1024;

/// The content of a cookie.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingCookie {
    pub(super) pending: PendingSignIn,
    pub(super) next: String,
}

/// Adds a sign-in, and ends the oldest ones if there are too many. `next` is the page to open
/// afterwards. The cookies are sent to all paths of the portal, since a sign-in begins and ends
/// below different ones.
pub(super) fn keep(
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
    pending: PendingSignIn,
    next: Option<String>,
) -> Result<()> {
    // Browsers send older cookies first.
    let others: Vec<&str> =
        cookie_names(headers).filter(|name| name.starts_with(PENDING_COOKIE)).collect();
    for oldest in &others[..others.len().saturating_sub(MOST - 1)] {
        cookies.set(oldest, "", ENDED);
    }
    let name = name_of(pending.state.secret());
    let next = page_or_start(next);
    let kept = serde_json::to_vec(&PendingCookie { pending, next });
    let kept = kept.map_err(|error| Error::internal("cannot store a sign-in", error))?;
    cookies.set(&name, &URL_SAFE_NO_PAD.encode(kept), PENDING_LIFE);
    Ok(())
}

/// The sign-in with this state, if this browser began it. It is valid for one answer.
pub(super) fn take(
    cookies: &mut Cookies<'_>,
    headers: &HeaderMap,
    state: &str,
) -> Option<PendingCookie> {
    let name = name_of(state);
    let kept = URL_SAFE_NO_PAD.decode(cookie_value(headers, &name)?).ok()?;
    let kept: PendingCookie = serde_json::from_slice(&kept).ok()?;
    if !bool::from(state.as_bytes().ct_eq(kept.pending.state.secret().as_bytes())) {
        return None;
    }
    cookies.set(&name, "", ENDED);
    // The cookie is not signed.
    Some(PendingCookie { next: page_or_start(Some(kept.next)), ..kept })
}

/// The page to open after a sign-in: the start page, unless another one was asked for.
pub(super) fn page_or_start(next: Option<String>) -> String {
    next.filter(|next| is_page(next)).unwrap_or_else(|| "/".to_owned())
}

fn name_of(state: &str) -> String {
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(state)[..12]);
    format!("{PENDING_COOKIE}{hash}")
}

/// Whether an address is a page of the portal and nothing that a browser reads as another host.
fn is_page(next: &str) -> bool {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    next.len() <= LARGEST_NEXT
        && !next.contains("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && web::is_page(path)
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn only_pages_of_the_portal_are_opened_afterwards() {
        for page in [
            "/",
            "/?q=x",
            "/a/demo",
            "/a/demo/history?env=PRO",
            "/a/demo#x",
            "/a/demo/..x/y",
            "/admin/users",
            "/config/history.html?#/appid=demo",
        ] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "",
            "a",
            "//evil",
            "/\\evil",
            "/.//evil",
            "https://evil",
            "/\r\nx: y",
            "/\t/",
            "/user/logout",
            "/a/../user/logout",
            "/a/x/%2e%2E/%2E./user/logout",
            "/signin",
            "/login/oauth2/code/apollo",
            "/oauth2/authorization/apollo",
            "/openapi/v1/apps",
            "/a",
        ] {
            assert!(!is_page(other), "{other:?}");
        }
    }
}
