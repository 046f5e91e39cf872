//! A server whose output goes to a file, in either log format and at any level.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use super::server::command;

/// Longest wait for the listeners.
const START: Duration = Duration::from_secs(60);

/// A running server; killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) child: Child,
    file: PathBuf,
}

impl Logged {
    /// Starts a server with these arguments and variables on free ports; `ports` listeners have to
    /// become ready.
    pub(crate) fn start(
        data_dir: &Path,
        file: &Path,
        ports: usize,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let output = File::create(file).unwrap();
        let mut command = command(&["serve", "--sample-app", "off"]);
        command.args(["--config-port", "0", "--admin-port", "0", "--portal-port", "0"]);
        command.args(arguments).envs(variables.iter().copied());
        command.args(["--data-dir".as_ref(), data_dir.as_os_str()]);
        let child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        let server = Self { child, file: file.to_owned() };
        let begun = Instant::now();
        while server.listening().count() < ports {
            assert!(begun.elapsed() < START, "{:.2000}", server.log());
            std::thread::park_timeout(Duration::from_millis(50));
        }
        server
    }

    /// The output so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.file).unwrap()).into_owned()
    }

    /// Base address of a role.
    pub(crate) fn address(&self, role: &str) -> String {
        let found = self.listening().find(|(name, _)| name == role);
        found.unwrap_or_else(|| panic!("no listener of {role}")).1
    }

    /// Role and address of each listener, parsed from log lines of either format.
    fn listening(&self) -> impl Iterator<Item = (String, String)> {
        let log = self.log();
        let complete = log.rsplit_once('\n').map(|(lines, _)| lines.to_owned()).unwrap_or_default();
        let lines: Vec<_> = complete.lines().filter_map(listener).collect();
        lines.into_iter()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listener(line: &str) -> Option<(String, String)> {
    if !line.contains("listening") {
        return None;
    }
    let role = ["config", "admin", "portal"].into_iter().find(|role| line.contains(*role))?;
    let at = line.find("127.0.0.1:")?;
    let address = line[at..].split(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').next()?;
    Some((role.to_owned(), format!("http://{address}")))
}
