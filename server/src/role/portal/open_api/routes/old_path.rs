//! Paths of Apollo's portal before `/openapi/v1`, which scripts that imitate a sign-in still call.
//! Each is a second name of an operation, for signed-in users only. The web UI does not use them,
//! and no operation is added here.

use axum::extract::State;
use http::Method;

use crate::domain::permission::requirement::Requirement;
use crate::http::about;
use crate::role::portal::open_api::{account, app, env, old_path, organization, page_settings};
use crate::role::portal::{Portal, PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let session = PortalAccess::Session;
    let person = session(Requirement::Person);
    routes
        .get("/envs", person, env::list)
        .get("/organizations", person, organization::list)
        .get("/page-settings", person, page_settings::get)
        .get("/permissions/root", person, old_path::is_root)
        .get("/apps", person, app::list)
        .get("/apps/by-self", person, app::by_self)
        .get("/apps/search/by-appid-or-name", person, app::search::search)
        .get("/apps/{appId}", person, app::get)
        .get("/apps/{appId}/navtree", person, old_path::tree)
        .get("/users", session(Requirement::SeeUsers), account::search)
        .get("/users/{userId}", session(Requirement::SeeUsers), account::get)
        .get("/apollo/net", session(Requirement::Root), about::addresses)
        .get("/apollo/server", session(Requirement::Root), place)
        .second_name(
            Method::POST,
            "/apps",
            session(Requirement::CreateApp),
            "createApp",
            old_path::create_app,
        )
        .second_name(
            Method::PUT,
            "/apps/{appId}",
            session(Requirement::AppAdmin),
            "updateApp",
            app::update,
        )
        .second_name(
            Method::DELETE,
            "/apps/{appId}",
            session(Requirement::DeleteApp),
            "deleteApp",
            app::presence::delete,
        )
        .second_name(Method::POST, "/users", person, "createOrUpdateUser", account::put)
        .second_name(
            Method::PUT,
            "/users/enabled",
            session(Requirement::ManageUsers),
            "changeUserEnabled",
            account::set_enabled,
        )
}

async fn place(State(portal): State<Portal>) -> String {
    about::place_of(&portal.state.settings)
}
