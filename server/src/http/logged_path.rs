//! The path of a request as logs and errors show it. One path of Apollo's contract has the token of
//! a consumer in it.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The segment before the token.
const CONSUMERS: &str = "consumers";
/// The segment in its place of the other paths.
const BY_APP: &str = "by-appId";

/// The path without a token, also if it is mistyped.
pub(crate) fn logged_path(path: &str) -> Cow<'_, str> {
    // Nearly all paths.
    if !path.split('/').any(is_consumers) {
        return path.into();
    }
    let mut is_token = false;
    let shown: Vec<_> = path
        .split('/')
        .map(|segment| {
            let is_hidden = is_token && !segment.is_empty() && segment != BY_APP;
            is_token = is_consumers(segment) || (is_token && segment.is_empty());
            if is_hidden { "*" } else { segment }
        })
        .collect();
    shown.join("/").into()
}

fn is_consumers(segment: &str) -> bool {
    percent_decode_str(segment).decode_utf8_lossy().eq_ignore_ascii_case(CONSUMERS)
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
            ("/openapi/v1/consumers//secret/roles", "/openapi/v1/consumers//*/roles"),
            ("/openapi/v1/%63onsumers/secret", "/openapi/v1/%63onsumers/*"),
            ("/consumers/openapi/v1/Consumers/secret", "/consumers/*/v1/Consumers/*"),
        ] {
            assert_eq!(logged_path(path), logged);
        }
    }
}
