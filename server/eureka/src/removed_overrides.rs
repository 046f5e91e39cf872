//! The instances whose override was removed, as one Castalia node sends them to another that
//! starts: an array of app and id for each, one after the other. Lists in Eureka's format have no
//! place for them.

use serde_json::Deserializer;

use crate::limits::{is_app_name, is_id};

/// Maximum number of instances that are read.
const MOST: usize = 20_000;

/// Writes the instances.
#[must_use]
pub fn write(removed: &[(String, String)]) -> Vec<u8> {
    let mut text = Vec::new();
    for (app, id) in removed {
        text.extend_from_slice(serde_json::json!([app, id]).to_string().as_bytes());
        text.push(b'\n');
    }
    text
}

/// Reads what [`write`] wrote, up to the first part that is something else, and at most 20,000
/// instances.
#[must_use]
pub fn read(body: &[u8]) -> Vec<(String, String)> {
    let read = Deserializer::from_slice(body).into_iter().map_while(Result::ok);
    let named = read.take_while(|(app, id): &(String, String)| is_app_name(app) && is_id(id));
    named.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_up_to_anything_else() {
        let removed = [("A", "h:1"), ("B", "\"quoted\"")];
        let removed = removed.map(|(app, id)| (app.to_owned(), id.to_owned()));
        let body = write(&removed);
        assert_eq!(read(&body), removed);
        for other in ["{}", "[\"A\"]", "[\"A\",\"a\\u0000\"]", "[\"A/../B\",\"a\"]"] {
            let body = [&body, other.as_bytes(), b"[\"C\",\"c\"]"].concat();
            assert_eq!(read(&body), removed, "{other}");
        }
        let many = b"[\"A\",\"a\"]".repeat(MOST + 1);
        assert_eq!((read(b"").len(), read(&many).len()), (0, MOST));
    }
}
