//! A program in some language that makes the calls: it reads each call as a line of words and
//! answers with a line.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Result, words};

/// Longer than the drivers wait.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running driver; killed when dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    _child: Child,
    calls: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// The result of a call.
pub(crate) type Answer = std::result::Result<Vec<String>, CallError>;

/// The error of a call.
#[derive(Debug)]
pub(crate) struct CallError {
    /// Name of its kind.
    pub(crate) kind: String,
    pub(crate) message: String,
}

impl Driver {
    pub(crate) fn start(command: &[String]) -> Result<Self> {
        let (program, arguments) = command.split_first().ok_or("which driver?")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let calls = child.stdin.take().ok_or("the driver has no input")?;
        let answers = child.stdout.take().ok_or("the driver has no output")?;
        Ok(Self { _child: child, calls, answers: BufReader::new(answers).lines() })
    }

    /// Makes a call and waits for its result.
    pub(crate) async fn call(&mut self, words: &[&str]) -> Result<Answer> {
        let line = words::join(words.iter().copied());
        self.calls.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = timeout(PATIENCE, self.answers.next_line()).await;
        let answer = answer.map_err(|_| format!("no answer to `{line}`"))??;
        let answer = answer.ok_or_else(|| format!("the driver ended at `{line}`"))?;
        let mut words = words::split(&answer).into_iter();
        match (words.next().as_deref(), words.as_slice()) {
            (Some("ok"), words) => Ok(Ok(words.to_vec())),
            (Some("error"), [kind, message]) => {
                Ok(Err(CallError { kind: kind.clone(), message: message.clone() }))
            }
            _ => Err(format!("`{line}` was answered with `{answer}`").into()),
        }
    }

    /// Like [`Driver::call`], but an error fails the case.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> Result<Vec<String>> {
        let answer = self.call(words).await?;
        answer.map_err(|error| format!("{words:?} failed with {error:?}").into())
    }
}
