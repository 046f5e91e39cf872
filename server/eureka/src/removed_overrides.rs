//! The instances whose override was removed, as one Castalia node tells another that starts: an array
//! of app and id for each, one after the other. Lists in Eureka's format have no place for them.

use serde_json::Deserializer;

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

/// Reads what [`write`] wrote, up to the first part that is something else.
pub fn read(body: &[u8]) -> impl Iterator<Item = (String, String)> {
    Deserializer::from_slice(body).into_iter().map_while(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let removed = [("A", "h:1"), ("B", "line\n\"quoted\"")];
        let removed = removed.map(|(app, id)| (app.to_owned(), id.to_owned()));
        let mut body = write(&removed);
        assert_eq!(read(&body).collect::<Vec<_>>(), removed);
        body.extend_from_slice(b"{}[\"C\",\"c\"]");
        assert_eq!(read(&body).count(), 2);
        assert_eq!(read(b"").count(), 0);
    }
}
