//! Starts the Java programs that `tests/interop/run.sh` builds around the official libraries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Settings of the official client.
const TIMEOUTS: [&str; 4] =
    ["discoveryConnectTimeout", "discoveryReadTimeout", "connectTimeout", "readTimeout"];

/// A program of the package `io.castalia.interop`, with these system properties; its standard
/// output is captured.
pub(super) fn program(class: &str, properties: &[(&str, &str)]) -> Command {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/java/target");
    assert!(
        target.join("interop.jar").exists(),
        "run tests/interop/run.sh first: it builds the Java programs"
    );
    let mut command = Command::new("java");
    command
        // It ends before optimised code would pay off.
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
        .args(["-cp", &format!("{0}/interop.jar:{0}/lib/*", target.display())])
        .args(properties.iter().map(|(name, value)| format!("-D{name}={value}")))
        // This machine may stop for longer than the usual timeouts of 1 s and 5 s.
        .args(TIMEOUTS.map(|name| format!("-Dapollo.{name}=60000")))
        .args(["-Dfile.encoding=UTF-8", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
        .arg(format!("io.castalia.interop.{class}"))
        .stdout(Stdio::piped());
    command
}

/// As a system property, or as a setting, says it.
pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
