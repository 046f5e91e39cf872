//! Link argument of the library: once loaded, it stays.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        // Its threads run until the process ends, and class loaders that loaded it come and go.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
