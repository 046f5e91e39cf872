//! Link arguments of the addon.

#![expect(clippy::disallowed_methods, reason = "this is how cargo speaks to a build script")]

fn main() {
    napi_build::setup();
    let target = std::env::var_os("CARGO_CFG_TARGET_OS");
    if target.is_some_and(|system| system == "linux") {
        // Node unmaps an addon when the last worker that loaded it ends, but the threads of the
        // client go on.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
