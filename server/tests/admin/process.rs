//! A `castalia serve` process with the admin role only; killed when it is dropped.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    /// Data directory.
    _directory: tempfile::TempDir,
}

impl Process {
    /// Starts on a database in the state that Apollo leaves, with further settings by their names.
    pub(crate) fn start(database: &str, settings: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_castalia"));
        command.args(["serve", "--roles", "admin", "--admin-port", "0", "--log-format", "json"]);
        command.args(["--config-db", database, "--sample-app", "off"]);
        command.arg("--data-dir").arg(directory.path()).stdout(Stdio::piped());
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("CASTALIA_")) {
            command.env_remove(name);
        }
        command.env("CASTALIA_COMPAT_DEFAULTS", "adopted");
        for (name, text) in settings {
            command.env(format!("CASTALIA_{}", name.replace('.', "_").to_uppercase()), text);
        }
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = listening(&mut lines);
        // Nothing reads further, but the pipe has to be drained.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, address, _directory: directory }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    for line in lines {
        let Ok(line) = serde_json::from_str::<Value>(&line.unwrap()) else { continue };
        if line["message"] == "listening" {
            return format!("http://{}", line["address"].as_str().unwrap());
        }
    }
    panic!("the server ended before it listened");
}
