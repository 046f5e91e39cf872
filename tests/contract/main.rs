#![forbid(unsafe_code)]
//! Runs the cases beside this file against one language: `castalia-contract DRIVER ARGUMENT...`,
//! where the driver is a program that makes the calls in its language. Prints failures, and exits
//! with 1 if there are any.
//!
//! A driver reads calls as lines of percent-encoded words, and answers `ok WORD...` or `error KIND
//! MESSAGE`; `rust.rs` is one.

mod case;
mod driver;
mod orders;
mod run;
mod tls;
mod words;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use case::Case;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what a test program finds is printed")]
async fn main() -> Result<ExitCode> {
    let command: Vec<_> = std::env::args().skip(1).collect();
    let (mut held, mut broken) = (0, 0);
    for (file, case) in cases()? {
        match run::run(&case, &command).await {
            Ok(()) => held += 1,
            Err(error) => {
                broken += 1;
                println!("{file}: {}: {error}", case.name);
            }
        }
    }
    println!("{held} cases hold, {broken} do not: {}", command.join(" "));
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All cases of all files, in the order of their names.
fn cases() -> Result<Vec<(String, Case)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cases = Vec::new();
    for entry in folder.read_dir()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".json") {
            let text = std::fs::read_to_string(folder.join(&name))?;
            let file: Vec<Case> =
                serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
            cases.extend(file.into_iter().map(|case| (name.clone(), case)));
        }
    }
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(cases)
}
