//! A program with its output, line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Longest wait for a line; Spring's servers need half of it to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Start of the lines that answer an order.
const ANSWER: &str = "answer ";
/// Number of lines that a failed test prints.
const LAST: usize = 60;

/// A running program; killed when it is dropped.
pub(super) struct Program {
    process: Child,
    orders: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it has printed and was read.
    printed: Vec<String>,
}

impl Program {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = sync_channel(100_000);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { process, orders, lines, printed: Vec::new() }
    }

    /// The next line that contains this text.
    pub(super) fn line(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let rest = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(rest) else {
                panic!("{text:?} was not printed in time, but: {:#?}", self.printed);
            };
            self.printed.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> String {
        self.line(ANSWER).replace(ANSWER, "")
    }

    /// The answer to an order.
    pub(super) fn ask(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        self.answer()
    }

    /// All lines so far.
    pub(super) fn printed(&mut self) -> &[String] {
        self.printed.extend(self.lines.try_iter());
        &self.printed
    }

    /// Sends SIGTERM and waits until it has ended.
    pub(super) fn terminate(&mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap();
    }

    /// Closes the input, which ends the program; returns its last answer.
    pub(super) fn end(&mut self) -> String {
        self.orders = None;
        self.answer()
    }
}

impl Drop for Program {
    /// Prints the last lines for the log of a test that failed.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = self.printed().iter().rev().take(LAST).rev();
            eprintln!("the program printed last: {:#?}", last.collect::<Vec<_>>());
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
