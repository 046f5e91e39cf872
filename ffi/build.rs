//! Link arguments of the shared library. rustc itself exports only `castalia_*`, which a test
//! checks.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcastalia.so.1");
        // Its threads run until the process exits, so it must not be unmapped before.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
