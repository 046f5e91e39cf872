//! Spring's Eureka server in both versions that Apollo contains.

use std::path::PathBuf;
use std::process::Command;

use super::program::Program;
use super::{free_port, json_calls};
use crate::support::http::Http;

/// A version of Spring Boot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stack {
    /// 2.7, in Apollo 2.2 to 2.5.
    Boot2,
    /// 4.0, in Apollo 3.0.
    Boot4,
}

/// A running server.
pub(super) struct Spring {
    program: Program,
    pub(super) base: String,
    /// Number of lines that it printed during the start.
    start: usize,
}

impl Spring {
    /// Starts a server on this port, which mirrors the servers in the list. It must not be in the
    /// list itself: it would take itself for another one, send itself its changes, and repeat
    /// older ones.
    pub(super) fn launch(stack: Stack, port: u16, others: &str) -> Self {
        Self::start(stack, port, "spring.example", others)
    }

    /// Starts a server on a free port that mirrors nobody.
    pub(super) fn alone(stack: Stack) -> Self {
        Self::alone_at(stack, free_port())
    }

    /// Starts a server on this port that mirrors nobody.
    pub(super) fn alone_at(stack: Stack, port: u16) -> Self {
        Self::start(stack, port, "127.0.0.1", &format!("http://127.0.0.1:{port}/eureka/"))
    }

    /// Starts a server, which recognises itself in the list by the host name alone, without the
    /// port.
    fn start(stack: Stack, port: u16, host: &str, servers: &str) -> Self {
        let settings = [
            ("server.address", "127.0.0.1"),
            ("eureka.instance.hostname", host),
            ("eureka.client.service-url.defaultZone", servers),
            ("eureka.client.register-with-eureka", "false"),
            ("eureka.server.use-read-only-response-cache", "false"),
            // A change while a list is read is not in the cached answer.
            ("eureka.server.response-cache-auto-expiration-in-seconds", "1"),
            ("eureka.server.eviction-interval-timer-in-ms", "4000"),
            ("eureka.server.enable-self-preservation", "false"),
            // The default of 200 ms is too short for tests that share two cores, and a busy machine
            // may not run a peer for seconds.
            ("eureka.server.peer-node-connect-timeout-ms", "30000"),
            ("eureka.server.peer-node-read-timeout-ms", "30000"),
        ];
        let module = match stack {
            Stack::Boot2 => "spring2",
            Stack::Boot4 => "spring4",
        };
        let mut command = java(module, "SpringServer", &[]);
        command
            .arg(format!("--server.port={port}"))
            .args(settings.map(|(name, value)| format!("--{name}={value}")));
        let base = format!("http://127.0.0.1:{port}");
        Self { program: Program::start(command), base, start: 0 }
    }

    /// Waits until it answers.
    pub(super) fn ready(mut self) -> Self {
        self.program.line("Started SpringServer");
        self.start = self.program.printed().len();
        self
    }

    pub(super) fn port(&self) -> u16 {
        self.base.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Its address for clients and peers.
    pub(super) fn url(&self) -> String {
        format!("{}/eureka/", self.base)
    }

    pub(super) fn calls(&self) -> Http {
        json_calls(&self.base)
    }

    /// Lines that report that it did not understand a peer or a peer did not understand it.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        const COMPLAINTS: [&str; 5] =
            ["Cannot ", "JsonParse", "Exception", "Network level", "Batch update failure"];
        let is_complaint = |line: &&String| COMPLAINTS.iter().any(|text| line.contains(text));
        let start = self.start;
        self.program.printed()[start..].iter().filter(is_complaint).cloned().collect()
    }
}

/// A program of a module of `tests/interop/eureka`, with these system properties.
pub(super) fn java(module: &str, class: &str, properties: &[(&str, &str)]) -> Command {
    let target = directory().join(module).join("target");
    assert!(
        target.join("program.jar").exists(),
        "run tests/interop/run.sh first: it builds the Java programs"
    );
    let mut command = Command::new("java");
    command
        .args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .args(["-cp", &format!("{0}/program.jar:{0}/lib/*", target.display())])
        .args(properties.iter().map(|(name, value)| format!("-D{name}={value}")))
        .arg(format!("io.castalia.interop.eureka.{class}"));
    command
}

pub(super) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interop/eureka")
}
