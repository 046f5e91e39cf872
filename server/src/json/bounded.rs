//! The JSON reader of requests and archives. It refuses a text with more elements than any caller
//! needs before memory is used for them: three bytes such as `{},` become an element of some
//! hundred.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Error, Result};

/// Maximum number of objects, such as items of a namespace.
const OBJECTS: usize = 100_000;
/// Maximum number of objects, arrays, and further elements of them.
const ELEMENTS: usize = 2_000_000;

/// Parses a text.
///
/// # Errors
/// Fails if the text is not JSON of this type, or if it has too many elements.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    check(text)?;
    serde_json::from_slice(text)
}

fn check(text: &[u8]) -> Result<()> {
    let (mut objects, mut elements) = (0, 0);
    let (mut is_in_string, mut is_escaped) = (false, false);
    for byte in text {
        match (is_in_string, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_in_string = !is_in_string,
            (false, b'{') => (objects, elements) = (objects + 1, elements + 1),
            (false, b'[' | b',') => elements += 1,
            _ => {}
        }
    }
    match (objects > OBJECTS, elements > ELEMENTS) {
        (true, _) => Err(Error::custom(format!("more than {OBJECTS} objects"))),
        (_, true) => Err(Error::custom(format!("more than {ELEMENTS} elements"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn problem(text: &str) -> Option<String> {
        read::<IgnoredAny>(text.as_bytes()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_text_with_too_many_elements_is_refused() {
        let list = |element: &str, number: usize| format!("[{}]", vec![element; number].join(","));
        assert_eq!(problem(&list("{}", OBJECTS)), None);
        assert_eq!(problem(&list("{}", OBJECTS + 1)).unwrap(), "more than 100000 objects");
        assert_eq!(problem(&list("1", ELEMENTS)), None);
        assert_eq!(problem(&list("1", ELEMENTS + 1)).unwrap(), "more than 2000000 elements");
    }

    #[test]
    fn what_strings_contain_is_no_element() {
        let text = serde_json::to_string(&r#"{"a\":[{}]}",\"#.repeat(ELEMENTS / 2)).unwrap();
        assert_eq!(problem(&text), None);
        assert!(problem(r#""\"{"#).is_some_and(|problem| problem.contains("EOF")));
    }
}
