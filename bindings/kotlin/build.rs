//! Sets the link argument that keeps the library loaded.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        // Its threads run until the process ends, while the class loader that loaded it may be
        // collected.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
