//! Hides the credentials of addresses in what is shown: log lines, errors, answers and reports of
//! settings. Clients and servers have one rule, so that what one of them hides the other does too.

use std::borrow::Cow;

/// Shown instead of a secret; the same length for every secret.
pub(crate) const MASK: &str = "***";

/// The text with `***` instead of the user and password of each address in it. A password may
/// contain characters that would end it, so everything before the last `@` of a word is hidden.
/// A comma ends a word only if a space, a quotation mark or another scheme follows.
///
/// ```
/// use castalia_core::redact::without_credentials;
///
/// assert_eq!(without_credentials("http://user:secret@meta:8080"), "http://***@meta:8080");
/// ```
#[must_use]
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let is_end = |c: char| c.is_whitespace() || c == ',' || c == '"';
    let mut shown = String::with_capacity(text.len());
    let (mut start, mut end) = (0, 0);
    for piece in text.split_inclusive(is_end) {
        if !text[start..end].ends_with(',') || piece.starts_with(is_end) || piece.contains("://") {
            shown.push_str(&hide(&text[start..end]));
            start = end;
        }
        end += piece.len();
    }
    shown.push_str(&hide(&text[start..]));
    Cow::Owned(shown)
}

/// Hides the credentials of a word: an address, or the part of one without its scheme.
fn hide(word: &str) -> Cow<'_, str> {
    let scheme = word.find("://").map(|scheme| scheme + 3);
    match word.rfind('@') {
        Some(at) if scheme.is_some() || word[..at].contains(':') => {
            let start = scheme.filter(|start| *start <= at).unwrap_or(0);
            format!("{}{MASK}{}", &word[..start], &word[at..]).into()
        }
        _ => Cow::Borrowed(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_each_address_are_hidden() {
        for (text, shown) in [
            ("http://user:pa@ss@a:8080/x, https://b", "http://***@a:8080/x, https://b"),
            ("http://u:1234/w@a/x", "http://***@a/x"),
            ("gate:secret@meta:8080, b", "***@meta:8080, b"),
            ("http://token@a,http://u:p@b", "http://***@a,http://***@b"),
            ("[\"http://u:p@a/\"]", "[\"http://***@a/\"]"),
            ("http://u:7,w@a,http://b:1, c@d", "http://***@a,http://b:1, c@d"),
            ("http://u:p@a,b:1", "http://***@a,b:1"),
            ("\"http://u:p@a\",\"u:p@b\"", "\"http://***@a\",\"***@b\""),
            ("root@host", "root@host"),
            ("", ""),
        ] {
            assert_eq!(without_credentials(text), shown, "{text}");
        }
    }
}
