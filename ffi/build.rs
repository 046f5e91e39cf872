//! Link arguments of the shared library: its soname, and the list of names that it exports.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    println!("cargo::rerun-if-changed=exports.map");
    let directory = env!("CARGO_MANIFEST_DIR");
    // The GNU linkers only; elsewhere rustc's own export list has to do.
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcastalia.so.1");
        println!("cargo::rustc-cdylib-link-arg=-Wl,--version-script={directory}/exports.map");
        // Its threads run until the process ends, so that it must not be unmapped before.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
