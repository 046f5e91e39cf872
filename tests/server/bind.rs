//! The address that a node listens on and announces, in a network of its own.

use std::process::Command;

use crate::support::server::command;

/// Starts a server, waits for its port, prints the addresses that it announces, and ends it.
const SCRIPT: &str = r#"
    ip link set lo up
    echo "$1" >/proc/sys/net/ipv6/bindv6only
    host=$2
    shift 2
    "$@" >/dev/null 2>&1 &
    for attempt in $(seq 600); do exec 3<>"/dev/tcp/$host/8080" && break; sleep 0.1; done 2>/dev/null
    printf 'GET /services/config HTTP/1.0\r\n\r\n' >&3
    cat <&3
    kill $!
    wait
"#;

/// I14: `::` means all addresses of both versions, also where the system has another default, and
/// without an address of another machine, what is listened on is announced.
#[test]
fn what_is_announced_is_listened_on() {
    for (bind, only_v6, host, announced) in [
        ("::", "0", "127.0.0.1", "http://127.0.0.1:8080/"),
        ("::", "1", "127.0.0.1", "http://127.0.0.1:8080/"),
        ("::", "1", "::1", "http://127.0.0.1:8080/"),
        ("::1", "1", "::1", "http://[::1]:8080/"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut server = command(&["serve", "--bind", bind, "--roles", "config,meta,admin"]);
        server.arg("--data-dir").arg(directory.path());
        let mut alone = Command::new("unshare");
        alone.args(["--net", "bash", "-c", SCRIPT, "bash", only_v6, host]);
        let output = alone.arg(server.get_program()).args(server.get_args()).output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains(announced), "{bind} {only_v6} {host}: {output:?}");
    }
}
