//! SEC-36: the files that a client writes have the configured permissions, whatever the umask. A
//! program of its own, because the umask belongs to the process.
#![allow(clippy::unwrap_used, reason = "a test program")]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "child") {
        Some(at) => unix::write_a_cache_file(&arguments[at + 1], &arguments[at + 2]),
        None => {
            unix::check("000", "600", &[0o755, 0o600]);
            unix::check("022", "600", &[0o755, 0o600]);
            unix::check("077", "600", &[0o700, 0o600]);
            // Readable by a group only if the settings allow it.
            unix::check("000", "640", &[0o755, 0o640]);
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::Command;

    use castalia_core::testing::{Data, Network, Server};
    use castalia_core::{Client, Settings};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Runs a client under this umask and checks the modes of its directories and its only file.
    pub(super) fn check(umask: &str, file_mode: &str, [directories, file]: &[u32; 2]) {
        let root = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let script = format!(r#"umask {umask}; exec "$0" child "$1" {file_mode}"#);
        let child = Command::new("sh").args(["-c", &script]).arg(program).arg(root.path()).status();
        assert!(child.unwrap().success(), "umask {umask}");

        let app = root.path().join("order");
        let cache = app.join("config-cache");
        let files: Vec<_> =
            fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files, [cache.join("order+default+application.properties")]);
        assert_eq!((mode(&app), mode(&cache)), (*directories, *directories), "umask {umask}");
        assert_eq!(mode(&files[0]), *file, "umask {umask}");
        assert!(!fs::read_to_string(&files[0]).unwrap().contains(SECRET));
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// The work of the child process.
    pub(super) fn write_a_cache_file(root: &str, file_mode: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (network, server) = (Network::new(), Server::in_memory("http://s1", Data::new()));
            network.connect(&server);
            server.set_secret("order", Some(SECRET));
            server.publish("order", "application", &[("a", "1")]);
            let settings = Settings::new()
                .set("app.id", "order")
                .set("apollo.meta", "http://s1")
                .set("apollo.cache-dir", root)
                .set("castalia.cache.file-mode", file_mode)
                .set("apollo.access-key.secret", SECRET);
            let client = Client::with_http_client(settings, network).unwrap();
            assert_eq!(client.config("application").await.unwrap().get_or("a", 0), 1);
            // Closing a client finishes its cache files.
            client.close().await;
        });
    }
}
