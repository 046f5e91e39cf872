//! The part of the protocol that the references implement: polls by notification id, reads, and the
//! request that increments the id.

/// First bytes of the request that increments the id and so wakes all waiting polls.
pub(super) const WAKE: &[u8] = b"POST /wake";
/// First bytes of a read, and the length of its response body.
pub(super) const READ: &[u8] = b"GET /configs/";
pub(super) const CONTENT: usize = 10_000;
/// The initial id; clients without an id send -1.
pub(super) const FIRST_ID: i64 = 1;

/// The text before the id in a poll, in the percent-encoding of the load generator.
const BEFORE_ID: &[u8] = b"Id%22%3A";

/// The notification id in the request line or query of a poll.
pub(super) fn known_id(request: &[u8]) -> i64 {
    let at = request.windows(BEFORE_ID.len()).position(|part| part == BEFORE_ID);
    let rest = at.map_or(&[][..], |at| &request[at + BEFORE_ID.len()..]);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

/// The response body of a poll, as long as one of the product.
pub(super) fn notification(id: i64) -> String {
    format!(
        r#"[{{"namespaceName":"application","notificationId":{id},"messages":{{"details":{{"bench+default+application":{id}}}}}}}]"#
    )
}

/// A complete response.
pub(super) fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use crate::load::request;

    #[test]
    fn the_id_of_a_poll_is_read_back() {
        for id in [-1, 0, 17, 123_456] {
            assert_eq!(super::known_id(&request::poll("bench", "application", id)), id);
        }
        assert_eq!(super::known_id(b"GET / HTTP/1.1"), -1);
    }
}
