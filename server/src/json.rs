//! The JSON of requests and answers, and of texts stored in the database. What is written is
//! compact, with the HTML-safe escapes of Apollo's rows and bodies; types omit their absent members
//! themselves. Knows no type of the server.

mod bounded;
pub mod schema;

use std::io::{self, Write};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

pub use self::bounded::read;

use crate::error::Error;

/// Content type of JSON answers.
pub const JSON_TYPE: &str = "application/json;charset=UTF-8";

/// Serialises a value with the escapes `<` `>` `&` `=` `'` U+2028 U+2029 as `\uXXXX`.
///
/// # Errors
/// Fails only for types whose own serialisation fails, such as maps with keys that are not strings.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(256);
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, HtmlSafe))
        .map_err(|error| Error::internal("cannot serialise JSON", error))?;
    String::from_utf8(bytes).map_err(|error| Error::internal("JSON is not UTF-8", error))
}

/// A JSON answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match write(&self.0) {
            Ok(body) => ([(CONTENT_TYPE, JSON_TYPE)], body).into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// A JSON answer, or an empty body for `None`, which callers read as "none".
#[derive(Debug)]
pub struct OrEmpty<T>(pub Option<T>);

impl<T: Serialize> IntoResponse for OrEmpty<T> {
    fn into_response(self) -> Response {
        match self.0 {
            Some(value) => Json(value).into_response(),
            None => StatusCode::OK.into_response(),
        }
    }
}

struct HtmlSafe;

impl Formatter for HtmlSafe {
    /// Formats a double like Java: `5.0`, and from ten million on `1.0E7`.
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
            return write!(writer, "{value:?}");
        }
        let text = format!("{value:E}");
        let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        write!(writer, "{digits}{point}E{exponent}")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let (mut written, mut next) = (0, 0);
        while let Some(found) =
            fragment.as_bytes()[next..].iter().position(|byte| may_escape(*byte))
        {
            let at = next + found;
            let Some(character) = fragment[at..].chars().next() else { break };
            next = at + character.len_utf8();
            if needs_escape(character) {
                writer.write_all(&fragment.as_bytes()[written..at])?;
                write!(writer, "\\u{:04x}", u32::from(character))?;
                written = next;
            }
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: serde_json::ser::CharEscape,
    ) -> io::Result<()> {
        CompactFormatter.write_char_escape(writer, escape)
    }
}

/// Whether an escaped character may start with this byte: inspecting bytes takes a tenth of the
/// time.
fn may_escape(byte: u8) -> bool {
    const FIRST: [bool; 256] = {
        let mut first = [false; 256];
        let bytes = *b"<>&='\xe2";
        let mut at = 0;
        while at < bytes.len() {
            first[bytes[at] as usize] = true;
            at += 1;
        }
        first
    };
    FIRST[usize::from(byte)]
}

fn needs_escape(character: char) -> bool {
    matches!(character, '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_characters_are_escaped_and_the_value_stays_the_same() {
        let text = "x=1&<'>\u{2028}\n\"中\u{1}\u{2029}\u{2030}é";
        let json = write(text).unwrap();
        let escaped =
            "x\\u003d1\\u0026\\u003c\\u0027\\u003e\\u2028\\n\\\"中\\u0001\\u2029\u{2030}é";
        assert_eq!(json, format!("\"{escaped}\""));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn doubles_have_the_form_of_java() {
        let cases = [
            (5.0, "5.0"),
            (0.0, "0.0"),
            (-1.5, "-1.5"),
            (1e7, "1.0E7"),
            (12_345_678.0, "1.2345678E7"),
            (1e-4, "1.0E-4"),
        ];
        for (number, expected) in cases {
            assert_eq!(write(&number).unwrap(), expected);
        }
    }
}
