//! Keys of items that no path can hold.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine};

use crate::error::{Error, Result};

const LENIENT: GeneralPurposeConfig =
    engine::general_purpose::PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Base64 of the key in either alphabet, with or without padding; the stock client writes the standard one.
pub(super) fn decode(encoded: &str) -> Result<String> {
    let bytes = STANDARD.decode(encoded).or_else(|_| URL_SAFE.decode(encoded)).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|key| !key.is_empty())
        .ok_or_else(|| Error::bad_request("Invalid encoded key").with_code("invalid_encoded_key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_both_alphabets_with_and_without_padding() {
        // A39, A40
        for encoded in ["YS9iIGM=", "YS9iIGM"] {
            assert_eq!(decode(encoded).unwrap(), "a/b c");
        }
        assert_eq!(decode("w7_Dvw").unwrap(), decode("w7/Dvw==").unwrap());
        for bad in ["%%%", "", "_w", "a"] {
            assert_eq!(decode(bad).unwrap_err().message(), "Invalid encoded key", "{bad}");
        }
    }
}
