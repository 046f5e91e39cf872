//! Fields of the text format: data of a request or a database can neither end a line, nor colour
//! it, nor change its direction.

use std::fmt::{self, Write};

use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// `message name=value ...`, escaped.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(|writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let mut escaping = Escaping(writer);
        match field.name() {
            "message" => write!(escaping, "{value:?}"),
            name => write!(escaping, "{name}={value:?}"),
        }
    })
    .delimited(" ")
}

/// Escapes a text as in the log.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let _ = Escaping(&mut escaped).write_str(text);
    escaped
}

/// Writes a text with its control and direction characters escaped as in Rust source.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<&mut W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_deceptive) {
            let (plain, tail) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                write!(self.0, "{}", character.escape_default())?;
            }
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Whether a character changes how a terminal or an editor displays the following text, or may be
/// interpreted as the end of a line.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::in_memory::Lines;

    #[test]
    fn no_field_and_no_message_can_forge_a_line() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(lines.clone())
            .fmt_fields(fields())
            .finish();
        let hostile = "a\r\nb\u{1b}[31mc\u{85}d\u{202e}e\u{2066}f\u{2028}g\u{7f}h\u{9b}i\tj\0k";
        tracing::subscriber::with_default(log, || {
            tracing::error!(text = hostile, shown = %hostile, debugged = ?hostile, "x {hostile}");
            tracing::error!(error = &std::io::Error::other(hostile) as &dyn std::error::Error);
        });
        let text = lines.text();
        assert_eq!(text.lines().count(), 2, "{text:?}");
        let is_clean = |line: &str| !line.contains(is_deceptive);
        assert!(text.trim_end().split('\n').all(is_clean), "{text:?}");
        assert!(text.contains(r"shown=a\r\nb\u{1b}[31mc") && text.contains("text="), "{text}");
    }

    #[test]
    fn honest_text_of_any_language_stays_as_it_is() {
        for text in ["", "plain text", "样例部门1 – ünïcode 🚀", "a\\nb \"quoted\""] {
            assert_eq!(escape(text), text);
        }
    }
}
