//! Java properties text, the format of cache files, settings files and `/configfiles`. Matches the
//! output of the JDK.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::wire::Configurations;

/// How characters outside of printable ASCII are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escaping {
    /// As `\uXXXX`, one for each UTF-16 unit: pure ASCII, for files shared with Java.
    Ascii,
    /// As they are: for `/configfiles` and the text of a properties namespace.
    Minimal,
}

/// Writes `key=value` lines, each ended by a line feed.
///
/// ```
/// use castalia_core::format::properties::{self, Escaping};
///
/// let text = properties::write([("a key", "1"), ("b", " x")], Escaping::Ascii);
/// assert_eq!(text, "a\\ key=1\nb=\\ x\n");
/// assert_eq!(properties::parse(&text).unwrap()["b"], " x");
/// ```
#[must_use]
pub fn write<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    escaping: Escaping,
) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        escape(&mut text, key, escaping, SpaceEscaping::All);
        text.push('=');
        escape(&mut text, value, escaping, SpaceEscaping::Leading);
        text.push('\n');
    }
    text
}

/// Parses properties text. Of duplicate keys the last value is used, at the position of the first.
///
/// # Errors
/// [`ErrorKind::Parse`] for a `\u` that is not followed by four hexadecimal digits. The JDK rejects
/// the whole text as well.
pub fn parse(text: &str) -> Result<Configurations> {
    let mut entries = Configurations::default();
    let mut lines = LogicalLines::new(text);
    while let Some(line) = lines.next() {
        let (key, value) = split(&line);
        // Reports the line number but not its text: values may be secrets.
        let with_line = |error: Error| error.with("line", lines.number.to_string());
        entries.insert(unescape(key).map_err(with_line)?, unescape(value).map_err(with_line)?);
    }
    Ok(entries)
}

/// Decodes a file as UTF-8 without byte-order mark, or else as ISO 8859-1. Files written by Java
/// are ASCII, for which both are the same.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum SpaceEscaping {
    All,
    Leading,
}

fn escape(out: &mut String, text: &str, escaping: Escaping, spaces: SpaceEscaping) {
    for (index, character) in text.char_indices() {
        match character {
            // The JDK escapes all spaces of a key, but only a leading one of a value.
            ' ' if spaces == SpaceEscaping::All || index == 0 => out.push_str("\\ "),
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            '=' | ':' | '#' | '!' => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            _ if escaping == Escaping::Minimal => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// Lines without comments and with continuations joined; escapes are not yet replaced.
struct LogicalLines<'a> {
    rest: &'a str,
    /// Number of natural lines read so far.
    number: usize,
}

impl<'a> LogicalLines<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The next natural line without its end and leading white space.
    fn natural_line(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (line, tail) = self.rest.split_at(end);
        self.number += 1;
        self.rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or("");
        Some(line.trim_start_matches(is_blank))
    }
}

impl<'a> Iterator for LogicalLines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        let mut line = loop {
            let line = self.natural_line()?;
            if !line.is_empty() && !line.starts_with(['#', '!']) {
                break Cow::Borrowed(line);
            }
        };
        // An odd number of backslashes at the end continues the line; an even number is escaped
        // backslashes.
        while line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
            let joined = line.to_mut();
            joined.pop();
            let Some(more) = self.natural_line() else {
                break;
            };
            joined.push_str(more);
        }
        Some(line)
    }
}

/// Splits a line at the first unescaped `=`, `:` or white space. White space around one separator
/// belongs to neither side.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|(_, character)| {
            let ends = !escaped && (matches!(character, '=' | ':') || is_blank(*character));
            escaped = *character == '\\' && !escaped;
            ends
        })
        .map_or(line.len(), |(index, _)| index);
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(is_blank);
    let value =
        rest.strip_prefix(['=', ':']).map_or(rest, |value| value.trim_start_matches(is_blank));
    (key, value)
}

fn unescape(text: &str) -> Result<String> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    // UTF-16, because `\u` escapes may be halves of a surrogate pair.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let character = if character == '\\' {
            characters.next().unwrap_or('\\')
        } else {
            push(&mut units, character);
            continue;
        };
        match character {
            't' => push(&mut units, '\t'),
            'n' => push(&mut units, '\n'),
            'r' => push(&mut units, '\r'),
            'f' => push(&mut units, '\u{c}'),
            'u' => units.push(unicode_escape(&mut characters)?),
            other => push(&mut units, other),
        }
    }
    // A Rust string cannot contain unpaired surrogates; they become U+FFFD.
    Ok(String::from_utf16_lossy(&units))
}

fn push(units: &mut Vec<u16>, character: char) {
    units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
}

fn unicode_escape(characters: &mut std::str::Chars<'_>) -> Result<u16> {
    let digits = characters
        .as_str()
        .get(..4)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let unit = unit.ok_or_else(|| {
        Error::new(ErrorKind::Parse, "parse properties", "\\u must be followed by four hex digits")
    })?;
    characters.nth(3);
    Ok(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_the_jdks() {
        let cases = [
            ("a b", "  x y ", "a\\ b=\\  x y \n"),
            ("k=:#!", "v=:#!", "k\\=\\:\\#\\!=v\\=\\:\\#\\!\n"),
            ("tab\t", "\r\n\u{c}\\", "tab\\t=\\r\\n\\f\\\\\n"),
            ("é", "\u{1F600}~\u{7F}", "\\u00E9=\\uD83D\\uDE00~\\u007F\n"),
            ("", "x", "=x\n"),
            ("e", "", "e=\n"),
        ];
        for (key, value, line) in cases {
            assert_eq!(write([(key, value)], Escaping::Ascii), line);
            let read = parse(line).unwrap();
            assert_eq!(read.get(key).map(String::as_str), Some(value), "{line}");
        }
        assert_eq!(write([("u", "中")], Escaping::Minimal), "u=中\n");
    }

    #[test]
    fn reading_follows_the_jdk() {
        let cases = [
            ("a==b", "a", "=b"),
            ("a= =b", "a", "=b"),
            ("a\\ b c", "a b", "c"),
            ("a\\:b:c", "a:b", "c"),
            ("  a=1 ", "a", "1 "),
            ("a=1\\", "a", "1"),
            ("a\\\n  b=1", "ab", "1"),
            ("a=\\u0041\\x", "a", "Ax"),
            ("#c\r!d\ra = 1\r\n", "a", "1"),
            ("a", "a", ""),
            ("a\\\\\nb=1", "a\\", ""),
        ];
        for (text, key, value) in cases {
            assert_eq!(parse(text).unwrap().get(key).map(String::as_str), Some(value), "{text:?}");
        }
    }

    #[test]
    fn a_malformed_unicode_escape_refuses_the_whole_text() {
        for text in ["a=1\nb=\\u12G4", "b=\\u12", "b=\\u+123", "b=\\u"] {
            assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::Parse, "{text}");
        }
    }

    /// The error contains the line number and no value.
    #[test]
    fn an_error_names_the_line_and_no_value() {
        let error = parse("#head\na=1\nkey=secret\\\n\\u12G4").unwrap_err();
        let context: Vec<_> = error.context().collect();
        assert_eq!(context, [("line", "4")]);
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(decode(b"\xEF\xBB\xBFa=1"), "a=1");
        assert_eq!(decode(b"a=\xE9"), "a=é");
        assert_eq!(decode("k=中文".as_bytes()), "k=中文");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entries in proptest::collection::vec((".*", ".*"), 0..8)) {
            let expected: Configurations = entries.into_iter().collect();
            for escaping in [Escaping::Ascii, Escaping::Minimal] {
                let text = write(expected.iter().map(|(k, v)| (k.as_str(), v.as_str())), escaping);
                prop_assert_eq!(&parse(&text).unwrap(), &expected);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
