//! The operations of access tokens of users.

use http::Method;

use super::about;
use crate::domain::permission::requirement::Requirement;
use crate::role::portal::open_api::{call, user_token};
use crate::role::portal::{PortalAccess, PortalRoutes};

/// A path of access tokens.
macro_rules! tokens {
    ($rest:literal) => {
        concat!("/openapi/v1/user-tokens", $rest)
    };
}

/// Those that users call in a session.
pub(super) fn own(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let person = PortalAccess::Session(Requirement::Person);
    routes
        .operation(
            Method::GET,
            tokens!(""),
            person,
            about("listUserTokens", "Lists the access tokens of the signed-in user, newest first."),
            user_token::list,
        )
        .operation(
            Method::POST,
            tokens!(""),
            person,
            about("createUserToken", "Creates an access token, and returns it once."),
            user_token::create,
        )
        .operation(
            Method::GET,
            tokens!("/capabilities"),
            person,
            about("getUserTokenCapabilities", "Returns what the user may put into a token."),
            user_token::capabilities,
        )
        .extension(
            Method::GET,
            tokens!("/{tokenId}/calls"),
            person,
            about(
                "findUserTokenCalls",
                "Counts the changes with a token of the signed-in user, for each of 30 days.",
            ),
            call::of_own_token,
        )
        .operation(
            Method::POST,
            tokens!("/{tokenId}/revoke"),
            person,
            about("revokeUserToken", "Revokes an access token of the signed-in user."),
            user_token::revoke,
        )
        .operation(
            Method::POST,
            tokens!("/{tokenId}/rotate"),
            person,
            about(
                "rotateUserToken",
                "Revokes an access token, and returns a new one with the same scope and end.",
            ),
            user_token::rotate,
        )
        .operation(
            Method::DELETE,
            tokens!("/{tokenId}"),
            person,
            about("deleteUserToken", "Deletes an access token of the signed-in user."),
            user_token::delete,
        )
}

/// Those of administrators.
pub(super) fn of_all_users(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("Portal Management", id, summary);
    let root = PortalAccess::Session(Requirement::Root);
    routes
        .operation(
            Method::GET,
            tokens!("/admin"),
            root,
            about("adminListUserTokens", "Lists the access tokens of all users, newest first."),
            user_token::list_all,
        )
        .extension(
            Method::GET,
            tokens!("/admin/{tokenId}/calls"),
            root,
            about(
                "adminFindUserTokenCalls",
                "Counts the changes with a token of any user, for each of 30 days.",
            ),
            call::of_any_token,
        )
        .operation(
            Method::POST,
            tokens!("/admin/{tokenId}/revoke"),
            root,
            about("adminRevokeUserToken", "Revokes an access token of any user."),
            user_token::revoke_any,
        )
        .operation(
            Method::DELETE,
            tokens!("/admin/{tokenId}"),
            root,
            about("adminDeleteUserToken", "Deletes an access token of any user."),
            user_token::delete_any,
        )
}

/// Those that a token calls about itself; Apollo has three names for one operation.
pub(super) fn current(routes: PortalRoutes) -> PortalRoutes {
    let about = |id, summary| about("User Token Management", id, summary);
    let token = PortalAccess::UserToken;
    routes
        .operation(
            Method::GET,
            tokens!("/current"),
            token,
            about("getCurrentUserToken", "Returns the access token of the request and its scope."),
            user_token::current,
        )
        .operation(
            Method::GET,
            tokens!("/current/capabilities"),
            token,
            about("getCurrentUserTokenCapabilities", "The same as `getCurrentUserToken`."),
            user_token::current,
        )
        .operation(
            Method::GET,
            tokens!("/whoami"),
            token,
            about("getCurrentUserTokenWhoami", "The same as `getCurrentUserToken`."),
            user_token::current,
        )
}
