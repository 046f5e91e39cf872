//! The web UI, embedded in the program: its page for the addresses of the UI and of Apollo's
//! portal, its files for all clients. File names contain the hash of the content, so files may be
//! cached forever; the page must not be cached.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use rust_embed::RustEmbed;
use serde::Deserialize;

use super::access::redirect;
use super::sign_in::proxy;
use super::{Portal, PortalAccess, PortalRoutes};
use crate::error::{Code, Error, Result};
use crate::http::request::Path;
use crate::http::request_memory::SharedBytes;

/// The output of `make web`; empty if that was not run.
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Served if the program was built without the UI.
const WITHOUT_UI: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><base href=\"/\" />\
<title>Castalia</title></head><body><h1>Castalia</h1>\
<p>This server was built without its web UI. Run <code>make web</code> and build again; the API works as it is.</p>\
</body></html>";
/// Placeholder in the page for the portal's base path.
const BASE: &str = "<base href=\"/\" />";
/// Only files of the portal are executed, no other site can embed it, and no data is sent
/// elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
connect-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Addresses of the UI.
const PAGES: [&str; 10] = [
    "/",
    "/browse",
    "/new",
    "/public",
    "/inbox",
    "/tray",
    "/a/{app}",
    "/a/{app}/{*rest}",
    "/me/{section}",
    "/admin/{section}",
];
/// Addresses of Apollo's portal; the UI redirects them to its own.
const OLD_PAGES: [&str; 26] = [
    "/index.html",
    "/app.html",
    "/config.html",
    "/config/history.html",
    "/config/diff.html",
    "/config/sync.html",
    "/namespace.html",
    "/namespace/role.html",
    "/cluster.html",
    "/cluster/ns_role.html",
    "/app/setting.html",
    "/app/access_key.html",
    "/app/manage_cluster.html",
    "/global_search_value.html",
    "/user-manage.html",
    "/user-token.html",
    "/user-token-admin.html",
    "/system-role-manage.html",
    "/open/manage.html",
    "/open/add-consumer.html",
    "/server_config_manage.html",
    "/system_info.html",
    "/delete_app_cluster_namespace.html",
    "/config_export.html",
    "/audit_log_menu.html",
    "/audit_log_trace_detail.html",
];

/// As in Apollo's portal.
const HEARTBEAT_PAGE: &str = "/default_sso_heartbeat.html";

#[derive(Deserialize)]
struct File {
    file: String,
}

/// Adds the routes.
pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let pages = PAGES.into_iter().chain(OLD_PAGES);
    let routes = pages.fold(routes, |routes, path| routes.get(path, PortalAccess::Page, page));
    routes
        .get("/assets/{*file}", PortalAccess::Open, asset)
        .get("/sso_heartbeat", PortalAccess::Open, heartbeat)
        .get(HEARTBEAT_PAGE, PortalAccess::Open, heartbeat_page)
}

/// Where pages and scripts of Apollo's portal keep a single sign-on alive.
async fn heartbeat(State(portal): State<Portal>) -> Response {
    redirect(&portal.path(HEARTBEAT_PAGE))
}

/// A page that loads itself again each minute, so that a proxy in front sees its user at work.
async fn heartbeat_page() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
        <meta http-equiv=\"refresh\" content=\"60\"><title>Heartbeat</title></head></html>";
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE).into_response()
}

/// Whether a path of the portal shows the UI to users who have signed in. Browsers follow dots in a
/// path, also encoded ones, so that it could lead elsewhere.
pub(super) fn is_page(path: &str) -> bool {
    let leads_elsewhere = path.split('/').any(|segment| {
        matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
    });
    let mut pages = PAGES.iter().chain(&OLD_PAGES);
    !leads_elsewhere
        && pages.any(|page| match page.split_once('{') {
            Some((before, _)) => path.len() > before.len() && path.starts_with(before),
            None => path == *page,
        })
}

/// The one page of the UI; the browser decides what it shows.
pub(super) async fn page(State(portal): State<Portal>, headers: HeaderMap) -> Response {
    let file = Dist::get("index.html");
    let text = file.as_ref().map_or(WITHOUT_UI.into(), |file| String::from_utf8_lossy(&file.data));
    let ways = sign_in_ways(&portal, &headers);
    let base = format!("<base href=\"{}\" />{ways}", portal.path("/"));
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, text.replacen(BASE, &base, 1)).into_response()
}

/// How users sign in, for the sign-in page: with a form, with the provider of this name, both, or
/// by the proxy that has identified the user, beside whom the session of any other user would end
/// at once; and whether their accounts are here. In the page, because it would otherwise show no
/// form until `/openapi/v1/auth/modes`, which scripts read, has answered.
fn sign_in_ways(portal: &Portal, headers: &HeaderMap) -> String {
    let settings = &portal.state.settings.sign_in;
    let provider = settings.open_id.as_ref().map(|open_id| open_id.registration.as_str());
    let (form, provider, proxy) = match proxy::identified(portal, headers) {
        Some(_) => ("", "", "proxy"),
        None if settings.has_form() => ("form", provider.unwrap_or_default(), ""),
        None => ("", provider.unwrap_or_default(), ""),
    };
    let accounts = if settings.is_external() { "external" } else { "local" };
    format!(
        "<meta name=\"sign-in\" data-form=\"{form}\" data-provider=\"{provider}\" \
         data-accounts=\"{accounts}\" data-proxy=\"{proxy}\">"
    )
}

async fn asset(Path(File { file }): Path<File>) -> Result<Response> {
    let Some(found) = Dist::get(&format!("assets/{file}")) else {
        return Err(Error::not_found(format!("No static resource assets/{file}."))
            .with_code(Code::UnknownPath));
    };
    let kind = found.metadata.mimetype();
    let charset = if kind.starts_with("text/") { "; charset=utf-8" } else { "" };
    let headers =
        [(CONTENT_TYPE, format!("{kind}{charset}")), (CACHE_CONTROL, FOR_EVER.to_owned())];
    Ok(with_file(headers.into_response(), found.data))
}

/// Adds the content of a file. In a program for production it is embedded, and so in memory anyway,
/// however many clients read it; others read the file for each request.
fn with_file(mut response: Response, content: Cow<'static, [u8]>) -> Response {
    *response.body_mut() = match content {
        Cow::Borrowed(content) => {
            response.extensions_mut().insert(SharedBytes);
            Body::from(Bytes::from_static(content))
        }
        Cow::Owned(content) => Body::from(content),
    };
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// X30.
    #[tokio::test]
    async fn only_an_embedded_file_takes_no_memory() {
        for (content, is_shared) in
            [(Cow::Borrowed(b"file".as_slice()), true), (Cow::Owned(b"file".to_vec()), false)]
        {
            let response = with_file(Response::default(), content);
            assert_eq!(response.extensions().get::<SharedBytes>().is_some(), is_shared);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "file");
        }
    }
}
