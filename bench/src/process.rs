//! Programs that the suite starts, the product and the references: their addresses, and their
//! termination.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Time limit for a program to start listening.
const START: Duration = Duration::from_secs(30);
/// Time limit for a program to terminate when asked to.
const END: Duration = Duration::from_secs(30);
/// Buffer of unread lines. Once a program has started, nothing reads them and further lines are
/// dropped.
const LINES: usize = 1000;

/// The id that denotes the calling thread.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// A running program. It is killed when this is dropped; the suite kills nothing else.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        // References exit when their standard input is closed, so that none remains if the suite is
        // killed.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child =
            command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("the program has no standard output")?;
        let (sender, lines) = sync_channel(LINES);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Full: nothing reads the lines any more.
                let _ = sender.try_send(line);
            }
        });
        Ok(Self { child, lines })
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line that it prints.
    pub(crate) fn line(&mut self) -> Result<String> {
        match self.lines.recv_timeout(START) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("the program printed nothing for {START:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the program ended too early: {}", self.child.wait()?)
            }
        }
    }

    /// Asks it to terminate and waits until it has.
    pub(crate) fn terminate(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        // It closes its output when it exits.
        loop {
            match self.lines.recv_timeout(END) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => bail!("the program does not end within {END:?}"),
            }
        }
        let status = self.child.wait()?;
        // Before it installs a handler, the signal itself terminates it.
        let is_signal = status.signal() == Some(Signal::SIGTERM as i32);
        ensure!(status.success() || is_signal, "the program ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running reference program.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Reference {
    /// Starts a reference of this binary by its name and waits until it listens.
    pub(crate) fn start(name: &str, arguments: &[&str], cores: Cores) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find our own program")?;
        let mut command = cores.command(&program)?;
        command.arg("reference").arg(name).args(arguments);
        let mut process = Process::start(command)?;
        let line = process.line()?;
        let address = line.strip_prefix("listening ").and_then(|address| address.parse().ok());
        let address = address.with_context(|| format!("{name} printed no address but {line:?}"))?;
        Ok(Self { process, address })
    }
}

/// Which cores a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// All available cores.
    All,
    /// Only the first one.
    First,
}

impl Cores {
    /// A command that runs the program on these cores.
    pub(crate) fn command(self, program: &std::path::Path) -> Result<Command> {
        if self == Cores::All {
            return Ok(Command::new(program));
        }
        let own = std::env::current_exe().context("cannot find our own program")?;
        let mut command = Command::new(own);
        command.arg("on-first-core").arg(program);
        Ok(command)
    }
}

/// Replaces this process with another program that may use the first core only. Returns only if
/// that fails.
pub(crate) fn become_on_first_core(program: &str, arguments: &[String]) -> anyhow::Error {
    if let Err(error) = pin_to(|core| core == 0) {
        return error;
    }
    anyhow::Error::new(Command::new(program).args(arguments).exec())
        .context(format!("cannot start {program}"))
}

/// Keeps this thread off the first core while it is held, if there are others.
#[derive(Debug)]
pub(crate) struct OffFirstCore(Option<CpuSet>);

impl OffFirstCore {
    pub(crate) fn hold() -> Result<Self> {
        if crate::machine::cores() == 1 {
            return Ok(Self(None));
        }
        let before = sched_getaffinity(THIS_THREAD)?;
        pin_to(|core| core > 0)?;
        Ok(Self(Some(before)))
    }

    /// Whether there is a core beside the first.
    pub(crate) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for OffFirstCore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = sched_setaffinity(THIS_THREAD, before);
        }
    }
}

/// Pins this thread, and its child processes, to those of its cores whose rank matches.
fn pin_to(fits: impl Fn(usize) -> bool) -> Result<()> {
    let allowed = sched_getaffinity(THIS_THREAD)?;
    let mut chosen = CpuSet::new();
    let cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true));
    for (rank, core) in cores.enumerate() {
        if fits(rank) {
            chosen.set(core)?;
        }
    }
    sched_setaffinity(THIS_THREAD, &chosen).context("cannot choose a core")
}
