//! `include/castalia.h` is what cbindgen generates from the current source. If
//! `CASTALIA_TEST_WRITE_HEADER` is set, it is written instead.

use std::path::Path;

/// T59: the header cannot drift from the source.
#[test]
fn header_equals_what_the_source_says() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = directory.join("../include/castalia.h");
    let config = cbindgen::Config::from_file(directory.join("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_crate(directory);
    let mut made = Vec::new();
    builder.with_config(config).generate().unwrap().write(&mut made);
    // Who ignores an error leaks it, so each function that returns one has the attribute.
    let failing = "\nstruct CastaliaError *castalia_";
    let made = String::from_utf8(made).unwrap();
    let made = made.replace(failing, &format!("\nCASTALIA_MUST_USE{failing}"));
    #[expect(clippy::disallowed_methods, reason = "the switch of a test, not a setting")]
    if std::env::var_os("CASTALIA_TEST_WRITE_HEADER").is_some() {
        std::fs::write(&header, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(kept == made, "include/castalia.h is not what the source says; run `make header`");
}
