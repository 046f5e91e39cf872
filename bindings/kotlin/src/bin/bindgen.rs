//! Generates the Kotlin half. A program of this package, so that the generator and the library have
//! the same version of UniFFI.

fn main() {
    uniffi::uniffi_bindgen_main();
}
