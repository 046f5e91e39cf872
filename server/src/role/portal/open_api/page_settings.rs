//! `/openapi/v1/page-settings`: settings of the web pages.

use axum::extract::State;

use crate::json::Json;
use crate::role::portal::Portal;
use crate::server_config::keys;
use crate::wire::open_api::PageSettings;

/// Page that Apollo's portal links to unless a setting names another one.
const WIKI: &str = "https://www.apolloconfig.com";

pub(super) async fn get(State(portal): State<Portal>) -> Json<PageSettings> {
    let config = &portal.state.config;
    Json(PageSettings {
        wiki_address: Some(config.get(&keys::WIKI_ADDRESS).unwrap_or_else(|| WIKI.to_owned())),
        can_app_admin_create_private_namespace: config.get(&keys::CREATE_PRIVATE_NAMESPACE),
    })
}
