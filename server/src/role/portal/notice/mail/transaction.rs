//! One mail transaction: names the recipients, and sends the text to those whom the server accepts.
//! A recipient whom it refuses keeps the mail from no other, even if the server takes its time for
//! refusals or disconnects after some: what it answered until then is returned. The limits of time
//! of a mail are here.

use std::fmt::Display;
use std::time::Duration;

use lettre::Message;
use lettre::address::Address;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout};

use super::server::MailFailure;

/// Maximum time to open a connection, however slowly the server greets.
const OPENING: Duration = Duration::from_secs(20);
/// Maximum time from then on until a mail is accepted; together less than the lease of a delivery.
const LONGEST: Duration = Duration::from_secs(25);
/// Time after which the mail is sent to the recipients whom the server has accepted: before
/// `LONGEST` passes, it may take its time for one more, and for the mail.
const ASKING: Duration = Duration::from_secs(10);
/// Maximum time for the answer to a command while there are answers about recipients to lose: more
/// than servers delay a refusal.
const ANSWER: Duration = Duration::from_secs(7);
/// Maximum time for the end of the connection.
const FAREWELL: Duration = Duration::from_secs(1);
/// Status of a server that disconnects, whatever the command.
const CLOSING: u16 = 421;

/// A recipient whom the mail server refused.
#[derive(Debug)]
pub(super) struct RefusedRecipient {
    pub(super) address: Address,
    /// Status of the answer; 0 if the server accepts no such addresses, so that it is not asked, and
    /// 421 if it does not answer in time.
    pub(super) status: u16,
}

impl RefusedRecipient {
    /// Whether the same mail may be accepted later: the server lets strangers wait, the mailbox is
    /// full, or the mail has more recipients than one may have.
    pub(super) fn is_refused_for_now(&self) -> bool {
        (400..500).contains(&self.status)
    }
}

/// The recipients whom a mail did not reach.
#[derive(Debug)]
pub(super) struct Unreached {
    /// Those whom the server refused.
    pub(super) refused: Vec<RefusedRecipient>,
    /// The others: it was not asked about them, or not sent the mail for them.
    pub(super) unserved: Vec<Address>,
}

/// Sends a mail on a connection that is opened for it, and returns the recipients whom it did not
/// reach.
pub(super) async fn send<O>(opening: O, message: &Message) -> Result<Unreached, MailFailure>
where
    O: Future<Output = Result<AsyncSmtpConnection, MailFailure>>,
{
    let opened = timeout(OPENING, opening).await;
    let mut connection = opened.map_err(|_| MailFailure::TimedOut)??;
    let sending = transmit(&mut connection, message, Instant::now() + ASKING);
    let sent = timeout(LONGEST, sending).await.unwrap_or(Err(MailFailure::TimedOut));
    // What is known by now is not lost to a server that does not say goodbye.
    let _ = match &sent {
        Ok(_) => timeout(FAREWELL, connection.quit()).await.map(drop),
        Err(_) => timeout(FAREWELL, connection.abort()).await,
    };
    sent
}

/// Sends a mail. After `until`, the server is not asked about further recipients.
async fn transmit(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
    until: Instant,
) -> Result<Unreached, MailFailure> {
    let (envelope, text) = (message.envelope(), message.formatted());
    let takes_utf8 = connection.server_info().supports_feature(Extension::SmtpUtfEight);
    let mut parameters = Vec::new();
    if takes_utf8 && !envelope.from().into_iter().chain(envelope.to()).all(is_ascii) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    command(connection, Mail::new(envelope.from().cloned(), parameters), LONGEST).await?;
    let (answers, failure) = ask(connection, envelope.to(), takes_utf8, until).await;
    if let Some(failure) = failure {
        return Err(answers.explain(failure));
    }
    if answers.accepted.is_empty() {
        return Err(answers.none_accepted());
    }
    let longest = if answers.refused.is_empty() { LONGEST } else { ANSWER };
    if let Err(failure) = command(connection, Data, longest).await {
        return Err(answers.explain(failure));
    }
    connection.message(&text).await?;
    Ok(Unreached { refused: answers.refused, unserved: answers.unasked })
}

/// What a server answered about recipients.
#[derive(Debug, Default)]
struct Answers {
    accepted: Vec<Address>,
    refused: Vec<RefusedRecipient>,
    unasked: Vec<Address>,
}

impl Answers {
    fn none_accepted(self) -> MailFailure {
        match self.refused.first() {
            Some(first) if self.unasked.is_empty() => MailFailure::NoRecipient(first.status),
            _ => self.explain(MailFailure::TimedOut),
        }
    }

    /// The failure of the transaction, with the answers if the next ones can begin with fewer
    /// recipients. The one at whom the server disconnects is separated only from accepted ones: after
    /// refused ones it may be due to these, and a server that is busy disconnects at the first one.
    fn explain(mut self, failure: MailFailure) -> MailFailure {
        let last = self.refused.pop_if(|last| last.status == CLOSING);
        let mut unserved = self.accepted;
        match last {
            Some(last) if self.refused.is_empty() && !unserved.is_empty() => {
                self.refused.push(last)
            }
            last => unserved.extend(last.map(|last| last.address)),
        }
        unserved.append(&mut self.unasked);
        if self.refused.is_empty() || unserved.is_empty() {
            return failure;
        }
        MailFailure::Interrupted(Unreached { refused: self.refused, unserved })
    }
}

/// Names the recipients; also returns why the server was not asked about all of them, unless it
/// took too long.
async fn ask(
    connection: &mut AsyncSmtpConnection,
    recipients: &[Address],
    takes_utf8: bool,
    until: Instant,
) -> (Answers, Option<MailFailure>) {
    let (mut answers, mut failure) = (Answers::default(), None);
    for (position, recipient) in recipients.iter().enumerate() {
        let address = recipient.clone();
        // One in any case, so that each transaction leaves fewer.
        let is_late = position > 0 && Instant::now() >= until;
        if is_late || failure.is_some() {
            answers.unasked.push(address);
            continue;
        }
        let longest = if position == 0 { LONGEST } else { ANSWER };
        let refusal = match takes_utf8 || is_ascii(recipient) {
            true => refusal(connection, recipient, longest).await,
            false => Ok(Some(0)),
        };
        match refusal {
            Ok(None) => answers.accepted.push(address),
            Ok(Some(status)) => answers.refused.push(RefusedRecipient { address, status }),
            Err(error) => {
                // Alone, it may take longer.
                if matches!(error, MailFailure::TimedOut) {
                    answers.refused.push(RefusedRecipient { address, status: CLOSING });
                } else {
                    answers.unasked.push(address);
                }
                failure = Some(error);
            }
        }
    }
    (answers, failure)
}

/// Names a recipient; returns the status with which the server refuses one.
async fn refusal(
    connection: &mut AsyncSmtpConnection,
    recipient: &Address,
    longest: Duration,
) -> Result<Option<u16>, MailFailure> {
    match command(connection, Rcpt::new(recipient.clone(), Vec::new()), longest).await {
        Ok(()) => Ok(None),
        // Without a status, the connection failed.
        Err(failure) => failure.status().map(Some).ok_or(failure),
    }
}

async fn command(
    connection: &mut AsyncSmtpConnection,
    command: impl Display,
    longest: Duration,
) -> Result<(), MailFailure> {
    let answered = timeout(longest, connection.command(command)).await;
    answered.map_err(|_| MailFailure::TimedOut)??;
    Ok(())
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

#[cfg(test)]
mod tests;
