//! A real `castalia serve` on free ports with its own data directory; killed when it is dropped.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::Http;
pub(crate) use super::options::Options;
use super::parked;
use super::watch::{Secrets, Watch};

/// Password of the administrator in every test.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Longest wait for the next line of a server that starts, and for the end of a process.
const START: Duration = Duration::from_secs(120);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Its standard output, line by line.
    lines: Receiver<String>,
    /// What it printed before it listened.
    starting: Vec<String>,
    /// Returns the secrets that it printed, when it has ended.
    leaks: Option<JoinHandle<Vec<String>>>,
    secrets: Secrets,
    pub(crate) config: String,
    pub(crate) admin: String,
    pub(crate) portal: String,
    data_dir: PathBuf,
    /// `--portal-db` with its URL, where the database is not in the data directory.
    portal_db: Vec<String>,
    _directory: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts all roles in an empty directory.
    pub(crate) fn start() -> Self {
        Self::start_with(Options::new())
    }

    /// Starts with options in an empty directory.
    pub(crate) fn start_with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(directory.path(), options);
        server._directory = Some(directory);
        server
    }

    /// Starts with options in a directory that outlives the server.
    pub(crate) fn start_in(data_dir: &Path, options: Options) -> Self {
        let mut command = options.command();
        for port in ["--config-port", "--admin-port", "--portal-port"] {
            if options.pair(port).is_empty() {
                command.args([port, "0"]);
            }
        }
        command.args(["--data-dir".as_ref(), options.data_dir(data_dir).as_os_str()]);
        command.args(&options.arguments);
        if super::variable("CASTALIA_TEST_TRACE").is_some() {
            command.env("CASTALIA_LOG_LEVEL", "trace");
        }
        command.env("CASTALIA_ADMIN_PASSWORD", PASSWORD).envs(options.variables.iter().cloned());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let secrets = Secrets::default();
        let (lines, leaks) = watch_lines(&mut child, Watch::new(secrets.clone()));
        let listeners = options.listeners();
        let mut server = Self {
            child,
            lines,
            starting: Vec::new(),
            leaks: Some(leaks),
            secrets,
            config: String::new(),
            admin: String::new(),
            portal: String::new(),
            data_dir: data_dir.to_owned(),
            portal_db: options.pair("--portal-db"),
            _directory: None,
        };
        server.wait_for(&listeners);
        server
    }

    fn wait_for(&mut self, listeners: &[&str]) {
        let mut missing = listeners.to_vec();
        while !missing.is_empty() {
            let line = match self.lines.recv_timeout(START) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no listener for {missing:?} within {START:?}")
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended: {:?}", self.child.wait())
                }
            };
            let parsed = serde_json::from_str::<serde_json::Value>(&line);
            self.starting.push(line);
            let Ok(line) = parsed else { continue };
            if line["message"] != "listening" {
                continue;
            }
            // All addresses include that of this machine.
            let address = line["address"].as_str().unwrap().replace("0.0.0.0", "127.0.0.1");
            let address = format!("http://{address}");
            let role = line["role"].as_str().unwrap().to_owned();
            match role.as_str() {
                "config" => {
                    parked::record(&address, &self.data_dir);
                    self.config = address;
                }
                "admin" => self.admin = address,
                _ => self.portal = address,
            }
            missing.retain(|other| *other != role);
        }
    }

    /// Creates a consumer of the open API with this scope and returns its token.
    pub(crate) fn token(&self, name: &str, scope: &[&str]) -> String {
        let mut command = command(&["token", "create", "--name", name]);
        command.args(scope).args(["--data-dir".as_ref(), self.data_dir.as_os_str()]);
        command.args(&self.portal_db);
        let error = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let tries = (0..30).map(|_| command.output().unwrap());
        // The server has locked its file while a busy disk stores a change.
        let mut ended = tries.skip_while(|output| error(output).contains("locked"));
        let output = ended.next().expect("the file of the portal is locked for long");
        assert!(output.status.success(), "{}", error(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let token = text.trim_end().to_owned();
        self.plant(&token);
        token
    }

    /// Adds a secret that it must not log.
    pub(crate) fn plant(&self, secret: &str) {
        self.secrets.add(secret);
    }

    /// The open API with a token for all apps.
    pub(crate) fn open_api(&self) -> Http {
        Http::new(&self.portal).with("Authorization", &self.token("tests", &["--all-apps"]))
    }

    /// Keeps it until the process exits. Statics are not dropped then, so a watchdog process ends
    /// it and removes its directory.
    pub(crate) fn keep(self) {
        const SCRIPT: &str = r#"tail --pid="$0" -f /dev/null; kill -KILL "$1"; rm -rf "$2""#;
        let (own, server) = (std::process::id().to_string(), self.pid().to_string());
        let arguments = [
            "-c".as_ref(),
            SCRIPT.as_ref(),
            own.as_ref(),
            server.as_ref(),
            self.data_dir.as_os_str(),
        ];
        let mut watchdog = Command::new("sh");
        watchdog.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not waited for, because it waits for this process.
        std::mem::forget(watchdog.spawn().unwrap());
        std::mem::forget(self);
    }

    /// Sends SIGTERM and returns all lines that it printed after it listened. A running server
    /// writes its log in the background, so the end of its output is the only proof that no line
    /// is missing.
    pub(crate) fn printed_until_exit(&mut self) -> Vec<String> {
        assert!(self.terminate().success());
        self.lines.iter().collect()
    }

    /// The same with those that it printed before.
    pub(crate) fn all_printed_until_exit(&mut self) -> Vec<String> {
        let later = self.printed_until_exit();
        self.starting.drain(..).chain(later).collect()
    }

    /// Token of the metrics.
    pub(crate) fn metrics_token(&self) -> String {
        std::fs::read_to_string(self.data_dir.join("metrics.token")).unwrap().trim().to_owned()
    }

    /// Directory of its databases.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Process id, for signals.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it immediately, like a crash.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it exits by itself.
    pub(crate) fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// Sends SIGTERM and waits for the exit code.
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        let status =
            Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let leaks = self.leaks.take().and_then(|leaks| leaks.join().ok()).unwrap_or_default();
        if std::thread::panicking() {
            // Why it answered as it did.
            let lines = self.lines.try_iter();
            lines.filter(|line| !line.contains("INFO")).for_each(|line| eprintln!("{line}"));
        } else {
            assert!(leaks.is_empty(), "the server logged secrets: {leaks:#?}");
        }
    }
}

/// The program, without the CASTALIA variables of the shell.
pub(crate) fn command(arguments: &[&str]) -> Command {
    command_as(binary(), arguments)
}

/// `castalia serve` on free ports, with its log in JSON; the output is captured.
pub(crate) fn serve(data_dir: &Path) -> Command {
    let mut command = command(&["serve", "--log-format", "json", "--config-port", "0"]);
    command.args(["--admin-port", "0", "--portal-port", "0", "--data-dir"]).arg(data_dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The program under test: `CASTALIA_TEST_BINARY`, such as an optimised build, or else the one that
/// was built with the tests.
pub(crate) fn binary() -> PathBuf {
    if let Some(binary) = super::variable("CASTALIA_TEST_BINARY") {
        let binary = PathBuf::from(binary);
        assert!(binary.is_file(), "CASTALIA_TEST_BINARY: there is no {}", binary.display());
        return binary;
    }
    let test = std::env::current_exe().unwrap();
    let binary = test.parent().unwrap().parent().unwrap().join("castalia");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build -p castalia-server` first",
        binary.display()
    );
    binary
}

pub(super) fn command_as(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let ours = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("CASTALIA_"));
    for name in ours {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn read_lines(child: &mut Child) -> Receiver<String> {
    watch_lines(child, Watch::new(Secrets::default())).0
}

/// Reads on its own thread, so that the server never blocks on a full pipe and reads can time out.
/// The thread returns the secrets that it read.
fn watch_lines(child: &mut Child, mut watch: Watch) -> (Receiver<String>, JoinHandle<Vec<String>>) {
    let (sender, receiver) = sync_channel(10_000);
    let stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            watch.push(&line);
            // It keeps draining when the reader is gone or the buffer is full.
            let _ = sender.try_send(line);
        }
        watch.finish()
    });
    (receiver, reader)
}

/// Output of a process that exits by itself. One that does not is killed, and fails the test.
pub(crate) fn wait_with_output(mut child: Child) -> Output {
    let pid = child.id().to_string();
    let (sender, receiver) = sync_channel::<()>(1);
    let guard = std::thread::spawn(move || {
        let is_late = receiver.recv_timeout(START) == Err(RecvTimeoutError::Timeout);
        if is_late {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
        is_late
    });
    let stdout =
        child.stdout.take().map(std::io::read_to_string).transpose().unwrap().unwrap_or_default();
    let stderr =
        child.stderr.take().map(std::io::read_to_string).transpose().unwrap().unwrap_or_default();
    let status = child.wait().unwrap();
    let _ = sender.send(());
    let is_late = guard.join().unwrap();
    assert!(!is_late, "the process did not exit within {START:?}: {stdout}{stderr}");
    Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() }
}

/// Output of a server that is terminated once its three listeners are ready.
pub(crate) fn terminate_when_ready(child: Child) -> String {
    terminate_after(3, r#""listening""#, child)
}

/// Output of a server that is terminated once it has printed so many lines with this text.
pub(crate) fn terminate_after(count: usize, marked: &str, mut child: Child) -> String {
    let lines = read_lines(&mut child);
    let mut text = String::new();
    let mut found = 0;
    while found < count {
        let Ok(line) = lines.recv_timeout(START) else {
            let Output { status, stderr, .. } = wait_with_output(child);
            let stderr = String::from_utf8_lossy(&stderr);
            panic!("the server did not print {count} times {marked}, but {text}{stderr}({status})");
        };
        found += usize::from(line.contains(marked));
        text.push_str(&line);
        text.push('\n');
    }
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success() && child.wait().unwrap().success());
    text.extend(lines.iter().flat_map(|line| [line, "\n".to_owned()]));
    text
}
