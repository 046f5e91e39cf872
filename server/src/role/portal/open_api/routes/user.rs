//! The operations of users.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{account, preference, sign_in_modes, user};
use crate::role::portal::{PortalAccess, PortalRoutes};

pub(super) fn routes(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal User Management", id, summary);
    routes
        .extension(
            Method::GET,
            "/openapi/v1/auth/modes",
            PortalAccess::Open,
            about("getSignInModes", "Returns how people and programs sign in."),
            sign_in_modes::get,
        )
        .operation(
            Method::GET,
            "/openapi/v1/user",
            PortalAccess::Call(Requirement::User),
            about("getCurrentUser", "Returns the signed-in user, or the owner of the user token."),
            user::current,
        )
        .operation(
            Method::GET,
            "/openapi/v1/users",
            PortalAccess::Call(Requirement::SeeUsers),
            about("searchUsers", "Searches for users by name."),
            account::search,
        )
        .operation(
            Method::GET,
            "/openapi/v1/users/{userId}",
            PortalAccess::Call(Requirement::SeeUsers),
            about("getUserByUserId", "Returns a user."),
            account::get,
        )
        .operation(
            Method::POST,
            "/openapi/v1/users",
            PortalAccess::ByContent(Requirement::ManageUsers),
            about(
                "createOrUpdateUser",
                "Creates or changes a user. Users may change their own account.",
            ),
            account::put,
        )
        .operation(
            Method::PUT,
            "/openapi/v1/users/enabled",
            PortalAccess::Call(Requirement::ManageUsers),
            about("changeUserEnabled", "Enables or disables a user; disabling ends the sessions."),
            account::set_enabled,
        )
        .extension(
            Method::DELETE,
            "/openapi/v1/users/{userId}",
            PortalAccess::Call(Requirement::Root),
            about(
                "deleteUser",
                "Deletes a user; sessions, access tokens, roles and favourites end with the account.",
            ),
            account::delete,
        )
}

/// What the signed-in user has chosen for the web UI, an extension of the contract.
pub(super) fn preferences(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal User Management", id, summary);
    let person = PortalAccess::Session(Requirement::Person);
    routes
        .extension(
            Method::GET,
            "/openapi/v1/preferences",
            person,
            about("getPreferences", "Returns what the signed-in user has chosen for the web UI."),
            preference::get,
        )
        .extension(
            Method::PUT,
            "/openapi/v1/preferences",
            person,
            about(
                "changePreferences",
                "Stores what the signed-in user has chosen for the web UI; absent members stay.",
            ),
            preference::put,
        )
}
