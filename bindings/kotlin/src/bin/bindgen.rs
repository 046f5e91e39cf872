//! Generates the Kotlin side of the border; it is this program so that generator and library are of one version.

fn main() {
    uniffi::uniffi_bindgen_main();
}
