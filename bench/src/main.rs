#![forbid(unsafe_code)]
//! The benchmark suite: each row measures the product and reference programs in the same run and
//! prints their ratios as a table. A black box: it uses the product's commands, its HTTP interface
//! and its public client API only.

mod client;
mod figure;
mod goal;
mod load;
mod machine;
mod measure;
mod process;
mod product;
mod reference;
mod row;
mod seed;
mod table;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::row::{Plan, Row};

/// The same allocator as in the product, so that memory is comparable; the references run in this
/// binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Default number of measured rounds, and of clients.
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 2;
const QUICK_CLIENTS: usize = 2_000;

fn main() -> ExitCode {
    let rows = row::all();
    match run(&rows, &program(&rows).get_matches()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr().lock(), "bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn program(rows: &[Row]) -> Command {
    let rest =
        || Arg::new("arguments").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    let hidden = |name: &'static str| {
        Command::new(name).hide(true).arg(Arg::new("name").required(true)).arg(rest())
    };
    let rows = rows.iter().map(|row| with_options(Command::new(row.name).about(row.about)));
    Command::new("bench")
        .about("Measures castalia against reference programs")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_options(
            Command::new("all").about("Every row; fails when a goal is missed twice in a row"),
        ))
        .subcommand(with_options(
            Command::new("quick").about("A short form for each change, with slack"),
        ))
        .subcommands(rows)
        .subcommand(hidden("reference"))
        .subcommand(hidden("client"))
        .subcommand(hidden("empty-client"))
        .subcommand(hidden("on-first-core"))
}

fn with_options(command: Command) -> Command {
    let number = value_parser!(usize);
    command
        .arg(
            Arg::new("clients")
                .long("clients")
                .value_name("NUMBER|auto")
                .help("Clients [default: of the row]"),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .value_name("NUMBER")
                .value_parser(number)
                .help("Rounds that count"),
        )
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_name("NUMBER")
                .value_parser(value_parser!(f64))
                .help("Length of a round, where it has one"),
        )
        .arg(
            Arg::new("server")
                .long("server")
                .value_name("PATH")
                .env("CASTALIA_TEST_BIN")
                .value_parser(value_parser!(PathBuf))
                .help("The castalia program, or its directory [default: beside this program]"),
        )
        .arg(
            Arg::new("directory")
                .long("directory")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where databases are made [default: the directory for temporary files]"),
        )
}

/// Runs the rows; returns whether all goals are met.
fn run(rows: &[Row], matches: &ArgMatches) -> Result<bool> {
    let (name, matches) = matches.subcommand().context("name a row")?;
    if let Some(program) = matches.try_get_one::<String>("name").ok().flatten() {
        let arguments: Vec<_> =
            matches.get_many::<String>("arguments").unwrap_or_default().cloned().collect();
        return match name {
            "reference" => reference::run(program, &arguments).map(|()| true),
            "client" => client::run(program, &arguments).map(|()| true),
            "empty-client" => client::run_empty(program).map(|()| true),
            _ => Err(process::become_on_first_core(program, &arguments)),
        };
    }
    machine::raise_file_limit();
    let plan = plan(name == "quick", matches)?;
    machine::print_facts(&plan.program, &plan.directory);
    let began = Instant::now();
    let chosen = rows.iter().filter(|row| match name {
        "all" => true,
        "quick" => row.is_quick,
        name => row.name == name,
    });
    let mut failed = Vec::new();
    for row in chosen {
        if !row.run(&plan) {
            failed.push(row.name);
        }
    }
    let verdict = if failed.is_empty() {
        "all present goals are met".to_owned()
    } else {
        format!("failed: {}", failed.join(", "))
    };
    print(&format!("\n{verdict}; {:.0} s", began.elapsed().as_secs_f64()));
    Ok(failed.is_empty())
}

fn plan(is_quick: bool, matches: &ArgMatches) -> Result<Plan> {
    let clients = match matches.get_one::<String>("clients").map(String::as_str) {
        None => None,
        Some("auto") => Some(machine::auto_clients()),
        Some(number) => Some(number.parse().context("--clients takes a number or `auto`")?),
    };
    let rounds = if is_quick { QUICK_ROUNDS } else { ROUNDS };
    Ok(Plan {
        program: product::find(matches.get_one("server"))?,
        directory: matches.get_one("directory").cloned().unwrap_or_else(std::env::temp_dir),
        clients: clients.or(is_quick.then_some(QUICK_CLIENTS)),
        rounds: matches.get_one("rounds").copied().unwrap_or(rounds).max(1),
        seconds: matches.get_one("seconds").copied(),
        is_quick,
    })
}

fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
