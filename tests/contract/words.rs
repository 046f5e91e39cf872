//! A line is a list of words separated by blanks; all characters but letters, digits and a few
//! signs are percent-encoded, so that a program in any language can write and read it with two
//! lines of code.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b':');

/// Encodes words as a line.
pub(crate) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> =
        words.into_iter().map(|word| utf8_percent_encode(word, PLAIN).to_string()).collect();
    words.join(" ")
}

/// Decodes the words of a line.
pub(crate) fn split(line: &str) -> Vec<String> {
    let words = line.split(' ').map(str::trim_end);
    words.map(|word| percent_decode_str(word).decode_utf8_lossy().into_owned()).collect()
}
