//! The proxies of the environment are used. A program of its own, because HTTP clients read the
//! environment of their process.
#![allow(clippy::unwrap_used, reason = "a test program")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use castalia_core::{Settings, blocking};

const PATIENCE: Duration = Duration::from_secs(60);
/// Variables that decide about proxies. With the last one, a program is a CGI script, whose callers
/// could set `HTTP_PROXY`.
const VARIABLES: [&str; 9] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "REQUEST_METHOD",
];

fn main() {
    match std::env::args().skip_while(|argument| argument != "child").nth(1) {
        Some(meta) => child(&meta),
        None => the_proxies_of_the_environment_are_used(),
    }
}

/// B97
fn the_proxies_of_the_environment_are_used() {
    let plain = ("http://meta.invalid", "GET http://meta.invalid/services/");
    let encrypted = ("https://meta.invalid", "CONNECT meta.invalid:443 ");
    for (variable, host, (meta, expected)) in [
        ("HTTP_PROXY", "127.0.0.1", plain),
        ("ALL_PROXY", "127.0.0.1", plain),
        // Its name has to be looked up.
        ("HTTP_PROXY", "localhost", plain),
        ("HTTPS_PROXY", "localhost", encrypted),
    ] {
        let line = request_line(variable, host, meta);
        let is_used = line.as_deref().is_some_and(|line| line.starts_with(expected));
        assert!(is_used, "{variable}, {host}, {meta}: {line:?}");
    }
}

/// Asks a meta server that only a proxy could find.
fn child(meta: &str) {
    let settings = Settings::new()
        .set("app.id", "order")
        .set("apollo.meta", meta)
        .set("apollo.cache.file.enable", "false");
    let client = blocking::Client::new(settings).unwrap();
    client.config("application", PATIENCE).unwrap();
}

/// What the proxy on this host, which the variable names, receives first.
fn request_line(variable: &str, host: &str, meta: &str) -> Option<String> {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{host}:{}", proxy.local_addr().unwrap().port());
    let (sender, received) = sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let (stream, _) = proxy.accept().unwrap();
        BufReader::new(stream).read_line(&mut line).unwrap();
        sender.send(line).unwrap();
    });
    let mut program = Command::new(std::env::current_exe().unwrap());
    for name in VARIABLES {
        program.env_remove(name);
    }
    let mut child = program.args(["child", meta]).env(variable, address).spawn().unwrap();
    let line = received.recv_timeout(PATIENCE).ok();
    child.kill().unwrap();
    child.wait().unwrap();
    line
}
