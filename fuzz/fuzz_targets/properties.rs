//! Properties text, as in cache and settings files: what was parsed can be written and parsed
//! again.
#![no_main]

use castalia_core::format::properties::{Escaping, decode, parse, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(entries) = parse(&decode(bytes)) else { return };
    for form in [Escaping::Ascii, Escaping::Minimal] {
        let text = write(entries.iter().map(|(key, value)| (key.as_str(), value.as_str())), form);
        assert_eq!(parse(&text).expect("our own text is valid"), entries);
    }
});
