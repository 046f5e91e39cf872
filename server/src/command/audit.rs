//! `castalia audit verify`: compares the audit logs of the roles with their seals.

use castalia_store::Part;
use clap::{Arg, ArgMatches, Command};

use super::{CommandError, block_on, print_line};
use crate::domain::audit_log::verify::{self, ChainHead};
use crate::domain::audit_log::{Log, retention};
use crate::node;
use crate::settings::Settings;

/// Flag with the expected seal of each log.
const EXPECTED: [(Part, &str); 2] = [(Part::Portal, "expect"), (Part::Config, "expect-config")];

pub(super) fn verify_command() -> Command {
    let command = Command::new("verify")
        .about("Name the first record of each audit log that was changed, removed or inserted");
    let help = [
        "Newest seal of the portal's log that an earlier check printed",
        "The same of the environment's log",
    ];
    EXPECTED.iter().zip(help).fold(command, |command, ((_, flag), help)| {
        let parse = |text: &str| text.parse::<ChainHead>();
        command.arg(
            Arg::new(*flag).long(*flag).value_name("NUMBER:DIGEST").value_parser(parse).help(help),
        )
    })
}

pub(super) fn verify(settings: Settings, matches: &ArgMatches) -> Result<(), CommandError> {
    let expected =
        EXPECTED.map(|(part, flag)| (part, flag, matches.get_one::<ChainHead>(flag).cloned()));
    block_on(async move {
        let logs = node::audit_logs(&settings).await.map_err(CommandError::of)?;
        let mut faults = Vec::new();
        for (part, flag, expected) in expected {
            match logs.iter().find(|log| log.part == part) {
                Some(log) => faults.extend(compare(log, flag, expected.as_ref()).await?),
                None if expected.is_some() => {
                    faults.push(format!("--{flag}: the roles have no such log"));
                }
                None => {}
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(CommandError::Message(faults.join("\n"))),
        }
    })?
}

/// Prints the outcome for a log, or returns its fault.
async fn compare(
    log: &Log,
    flag: &str,
    expected: Option<&ChainHead>,
) -> Result<Option<String>, CommandError> {
    let url = log.store.url();
    let report = verify::verify(log, expected, retention::SHORTEST).await;
    let report = report.map_err(|error| CommandError::Message(format!("{url}: {error}")))?;
    if let Some(fault) = report.fault {
        return Ok(Some(format!("{url}: {fault}")));
    }
    print_line(&format!(
        "{url}: {} records in {} seals are unchanged; {} newer operations are not sealed yet",
        report.records, report.seals, report.unsealed
    ))?;
    if let Some((seal, time)) = report.removed {
        print_line(&format!("Records up to seal {seal} of {time:.0} were removed as too old"))?;
    }
    if let Some(head) = report.head {
        print_line(&format!("Newest seal, for --{flag}: {head}"))?;
    }
    Ok(None)
}
