//! `castalia audit verify`: compares the audit log of the portal with its seals.

use clap::{Arg, ArgMatches, Command};

use super::{Failure, block_on, print_line};
use crate::domain::audit_log::retention;
use crate::domain::audit_log::verify::{self, Head};
use crate::node;
use crate::settings::Settings;

pub(super) fn verify_command() -> Command {
    Command::new("verify")
        .about("Name the first record of the audit log that was changed, removed or inserted")
        .arg(
            Arg::new("expect")
                .long("expect")
                .value_name("NUMBER:DIGEST")
                .value_parser(|text: &str| text.parse::<Head>())
                .help("Newest seal that an earlier check printed"),
        )
}

pub(super) fn verify(settings: Settings, matches: &ArgMatches) -> Result<(), Failure> {
    let expected = matches.get_one::<Head>("expect").cloned();
    block_on(async move {
        let store = node::audited_store(&settings).await.map_err(Failure::of)?;
        let report = verify::verify(&store, expected.as_ref(), retention::SHORTEST);
        let report = report.await.map_err(Failure::of)?;
        if let Some(fault) = report.fault {
            return Err(Failure::Message(format!("{}: {fault}", store.url())));
        }
        print_line(&format!(
            "{}: {} records in {} seals are unchanged; {} newer operations are not sealed yet",
            store.url(),
            report.records,
            report.seals,
            report.unsealed
        ));
        if let Some((seal, time)) = report.removed {
            print_line(&format!("Records up to seal {seal} of {time:.0} were removed as too old"));
        }
        if let Some(head) = report.head {
            print_line(&format!("Newest seal: {head}"));
        }
        Ok(())
    })?
}
