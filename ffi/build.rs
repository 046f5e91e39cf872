//! Link arguments of the shared library. That nothing but `castalia_*` is exported is rustc's own doing; a test looks.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcastalia.so.1");
        // Its threads run until the process ends, so that it must not be unmapped before.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
