//! The operations of favourite apps.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::favorite;
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let person = PortalAccess::Session(Requirement::Person);
    routes
        .operation(
            Method::GET,
            "/openapi/v1/favorites",
            person,
            about("findFavorites", "Lists favourite apps of the signed-in user, or of an app."),
            favorite::list,
        )
        .operation(
            Method::POST,
            "/openapi/v1/favorites",
            person,
            about("addFavorite", "Adds a favourite app of the signed-in user."),
            favorite::add,
        )
        .operation(
            Method::DELETE,
            "/openapi/v1/favorites/{favoriteId}",
            person,
            about("deleteFavorite", "Removes a favourite app of the signed-in user."),
            favorite::remove,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/favorites/{favoriteId}",
            person,
            about("topFavorite", "Moves a favourite app of the signed-in user to the top."),
            favorite::move_to_top,
        )
}
