//! As much of the protocol as the references speak: polls by notification id, content, and the request that moves the id on.

/// First bytes of the request that moves the id on and so answers all waiting polls.
pub(super) const WAKE: &[u8] = b"POST /wake";
/// First bytes of the request for content, and how much of it there is.
pub(super) const READ: &[u8] = b"GET /configs/";
pub(super) const CONTENT: usize = 10_000;
/// The id before anything was woken; clients that know nothing yet say -1.
pub(super) const FIRST_ID: i64 = 1;

/// What stands before the id in a poll. The percent-encoding is that of the load side.
const BEFORE_ID: &[u8] = b"Id%22%3A";

/// The notification id that a client knows, by its request or query.
pub(super) fn known_id(request: &[u8]) -> i64 {
    let at = request.windows(BEFORE_ID.len()).position(|part| part == BEFORE_ID);
    let rest = at.map_or(&[][..], |at| &request[at + BEFORE_ID.len()..]);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    std::str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

/// What a poll is answered: as long as an answer of the product.
pub(super) fn notification(id: i64) -> String {
    format!(
        r#"[{{"namespaceName":"application","notificationId":{id},"messages":{{"details":{{"bench+default+application":{id}}}}}}}]"#
    )
}

/// A whole answer.
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
