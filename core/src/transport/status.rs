//! Turns a status other than 200 and 304 into an error that says what to do.

use crate::error::{Error, ErrorKind};

use super::OPERATION;

// Enough for a server's error message, short enough for one log line.
const EXCERPT_BYTES: usize = 256;

/// The error for a status other than 401.
pub(super) fn refusal(status: u16, body: &[u8]) -> Error {
    let (kind, text) = match status {
        404 => (ErrorKind::NotFound, "not found; check that the namespace exists and is released"),
        400 | 405 => (ErrorKind::BadRequest, "the server rejected the request"),
        _ => (ErrorKind::Transport, "the server failed"),
    };
    let error = Error::new(kind, OPERATION, text).with("status", status.to_string());
    // The body of a status that is no error, such as one of a proxy, may be a configuration.
    let is_explained = status >= 400 && kind != ErrorKind::NotFound;
    if is_explained { error.with("body", excerpt(body)) } else { error }
}

/// The error for 401.
pub(super) fn unauthorized(signed: bool, clock_skew_ms: i64) -> Error {
    let text = if signed {
        "the access key was rejected; check apollo.access-key.secret and this machine's clock"
    } else {
        "the app needs an access key and no secret is set; set apollo.access-key.secret"
    };
    Error::new(ErrorKind::Unauthorized, OPERATION, text)
        .with("status", "401")
        .with("clock_skew_ms", clock_skew_ms.to_string())
}

/// The beginning of a body as a single line.
fn excerpt(body: &[u8]) -> String {
    let start = &body[..body.len().min(EXCERPT_BYTES)];
    String::from_utf8_lossy(start)
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_reaction() {
        let kinds = [400, 405, 404, 429, 500, 503, 403].map(|status| refusal(status, b"").kind());
        use ErrorKind::{BadRequest, NotFound, Transport};
        let expected =
            [BadRequest, BadRequest, NotFound, Transport, Transport, Transport, Transport];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let body = format!("a\r\nb{}", "x".repeat(1000));
        let text = refusal(500, body.as_bytes()).to_string();
        assert!(text.contains("a  bxxx") && text.len() < 400, "{text}");
    }

    /// B84
    #[test]
    fn only_the_body_of_an_error_is_quoted() {
        for (status, is_quoted) in
            [(203, false), (206, false), (302, false), (400, true), (503, true)]
        {
            let text = refusal(status, b"from the body").to_string();
            assert_eq!(text.contains("from the body"), is_quoted, "{status}");
        }
    }

    #[test]
    fn a_missing_secret_is_told_from_a_wrong_one() {
        assert!(unauthorized(false, 0).message().contains("no secret is set"));
        assert!(unauthorized(true, 0).message().contains("rejected"));
    }
}
