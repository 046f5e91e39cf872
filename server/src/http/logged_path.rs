//! The path of a request as logs and errors show it. One path of Apollo's contract has the token of
//! a consumer in it.

use std::borrow::Cow;

/// The part before the token.
const CONSUMERS: &str = "/consumers/";
/// The part in its place of the other paths.
const BY_APP: &str = "by-appId";

/// The path without a token.
pub(crate) fn logged_path(path: &str) -> Cow<'_, str> {
    let Some((before, rest)) = path.split_once(CONSUMERS) else { return path.into() };
    let (token, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match token {
        "" | BY_APP => path.into(),
        _ => format!("{before}{CONSUMERS}*{after}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_consumer_is_left_out() {
        for (path, logged) in [
            ("/openapi/v1/consumers/secret/assign-role", "/openapi/v1/consumers/*/assign-role"),
            ("/base/openapi/v1/consumers/secret", "/base/openapi/v1/consumers/*"),
            ("/openapi/v1/consumers/by-appId/roles", "/openapi/v1/consumers/by-appId/roles"),
            ("/openapi/v1/consumers/", "/openapi/v1/consumers/"),
            ("/openapi/v1/consumers", "/openapi/v1/consumers"),
        ] {
            assert_eq!(logged_path(path), logged);
        }
    }
}
