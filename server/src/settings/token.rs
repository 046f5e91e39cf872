//! Whether a token can be guessed.

use std::collections::HashSet;

/// Minimum length, in characters.
const MIN_LENGTH: usize = 32;
/// Minimum number of different characters; a random hexadecimal token has more with near certainty.
const MIN_DISTINCT: usize = 8;

/// What makes a token easy to guess, without the token; `None` for a good one.
pub fn weakness(token: &str) -> Option<String> {
    if token.len() < MIN_LENGTH {
        return Some(format!("the token must have at least {MIN_LENGTH} characters"));
    }
    let distinct = token.bytes().collect::<HashSet<_>>().len();
    (distinct < MIN_DISTINCT)
        .then(|| format!("the token must have at least {MIN_DISTINCT} different characters"))
}
