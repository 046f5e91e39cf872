//! Secrets of tests in any output: each begins with a mark, so that one search finds all of them,
//! in clear, in hexadecimal and in Base64. Which outputs may contain them is not known here.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The beginning of every planted secret. No other text of a test contains it.
const MARK: &str = "planted-secret-";
/// Characters of a text around a leak that a report shows.
const CONTEXT: usize = 200;

/// A secret with the mark; each number has its own. No two digits are adjacent, because a new
/// password must not contain `000` or `123`.
pub(crate) fn secret(number: usize) -> String {
    let digits: Vec<_> = format!("{number:04}").chars().map(String::from).collect();
    format!("{MARK}{}", digits.join("x"))
}

/// What a secret, or the beginning of one, looks like in an output.
#[derive(Debug)]
pub(crate) struct Forms(Vec<String>);

impl Forms {
    /// Those of every planted secret.
    pub(crate) fn of_mark() -> Self {
        Self::of(MARK)
    }

    pub(crate) fn of(secret: &str) -> Self {
        let mut forms = vec![secret.to_owned(), hex::encode(secret), hex::encode_upper(secret)];
        for shift in 0..3 {
            // Also encoded as a part of a longer text, such as `user:password`.
            let padded = format!("{}{secret}", "x".repeat(shift));
            for encoded in [STANDARD.encode(&padded), URL_SAFE.encode(&padded)] {
                forms.push(encoded[(shift * 4).div_ceil(3)..encoded.len() - 4].to_owned());
            }
        }
        if secret.contains(' ') {
            forms.extend(["+", "%20"].map(|space| secret.replace(' ', space)));
        }
        forms.sort_unstable();
        forms.dedup();
        Self(forms)
    }

    /// The text before each occurrence and the secret itself, without the rest of the text.
    pub(crate) fn found_in(&self, text: &str) -> Vec<String> {
        let places = self.0.iter().flat_map(|form| text.match_indices(form.as_str()));
        let context = |at: usize| {
            let start = text.floor_char_boundary(at.saturating_sub(CONTEXT));
            let end = text.floor_char_boundary((at + CONTEXT / 2).min(text.len()));
            text[start..end].to_owned()
        };
        places.map(|(at, _)| context(at)).collect()
    }
}
