use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::address::Envelope;
use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream,
    ReadBuf, duplex,
};
use tokio::time::sleep;

use super::*;

/// How slow a server is.
#[derive(Debug, Clone, Copy)]
struct Delays {
    greeting: Duration,
    /// For those whose name begins with `x`, who are refused, or `w`, who are accepted.
    recipient: Duration,
}

const REFUSALS: Delays = Delays { greeting: Duration::ZERO, recipient: Duration::from_secs(5) };

#[derive(Debug)]
struct Stream(DuplexStream);

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 25).into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Disconnects at those whose name begins with `c`.
async fn serve(stream: DuplexStream, delays: Delays) -> Option<()> {
    let mut stream = BufReader::new(stream);
    sleep(delays.greeting).await;
    stream.write_all(b"220 test\r\n").await.ok()?;
    let mut line = String::new();
    let mut is_text = false;
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if is_text && line != ".\r\n" {
            continue;
        }
        is_text = line == "DATA\r\n";
        if line.contains("<x") || line.contains("<w") {
            sleep(delays.recipient).await;
        }
        let answer = match line.contains("<x") {
            _ if is_text => "354 go on",
            _ if line.contains("<c") => "421 closing",
            true => "550 no such user",
            false => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        if answer.starts_with("421") {
            return None;
        }
    }
}

async fn send(delays: Delays, recipients: Vec<Address>) -> Result<Unreached, MailFailure> {
    let (client, server) = duplex(4096);
    let serving = tokio::spawn(serve(server, delays));
    let name = ClientId::default();
    let opening = async {
        let stream = Box::new(Stream(client));
        Ok::<_, MailFailure>(AsyncSmtpConnection::connect_with_transport(stream, &name).await?)
    };
    let envelope = Envelope::new(Some(address("sender")), recipients).unwrap();
    let message = Message::builder().from(address("sender").into()).envelope(envelope);
    let message = message.body("text".to_owned()).unwrap();
    let sent = super::send(opening, &message).await;
    serving.abort();
    sent
}

fn addresses(names: &[&str]) -> Vec<Address> {
    names.iter().map(|name| address(name)).collect()
}

/// The deliveries that follow one that reached nobody.
fn followers(sent: Result<Unreached, MailFailure>) -> [Vec<Address>; 2] {
    match sent {
        Err(MailFailure::Interrupted(Unreached { refused, unserved })) => {
            assert!(refused.iter().all(RefusedRecipient::is_refused_for_now), "{refused:?}");
            [unserved, refused.into_iter().map(|one| one.address).collect()]
        }
        other => panic!("{other:?}"),
    }
}

fn address(name: &str) -> Address {
    format!("{name}@example.com").parse().unwrap()
}

/// X102: each attempt began with the same recipients, and never came to the last one.
#[tokio::test(start_paused = true)]
async fn slow_refusals_are_not_waited_for_again() {
    let strangers: Vec<_> = (0..6).map(|number| address(&format!("x{number}"))).collect();
    let mut recipients = [&strangers[..], &[address("u")]].concat();
    let mut refused = Vec::new();
    loop {
        let begun = Instant::now();
        let sent = send(REFUSALS, recipients).await;
        assert!(begun.elapsed() <= ASKING + REFUSALS.recipient, "{:?}", begun.elapsed());
        match sent {
            Err(MailFailure::Interrupted(rest)) => {
                refused.extend(rest.refused.into_iter().map(|refused| refused.address));
                recipients = rest.unserved;
            }
            Ok(rest) => {
                assert!(rest.unserved.is_empty(), "{rest:?}");
                refused.extend(rest.refused.into_iter().map(|refused| refused.address));
                break;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert_eq!(refused, strangers);
}

/// X102: the time for recipients began before the connection.
#[tokio::test(start_paused = true)]
async fn a_slow_greeting_leaves_the_time_for_recipients() {
    let delays = Delays { greeting: Duration::from_secs(15), ..REFUSALS };
    let sent = send(delays, addresses(&["a", "b"])).await.unwrap();
    assert!(sent.refused.is_empty() && sent.unserved.is_empty(), "{sent:?}");
    let sent = send(Delays { greeting: OPENING * 2, ..REFUSALS }, addresses(&["a"])).await;
    assert!(matches!(sent, Err(MailFailure::TimedOut)), "{sent:?}");
}

/// X102: no recipient had more than 7 s.
#[tokio::test(start_paused = true)]
async fn a_slow_server_has_time_for_one_recipient() {
    for seconds in [8, 20] {
        let delays = Delays { recipient: Duration::from_secs(seconds), ..REFUSALS };
        let sent = send(delays, addresses(&["w1"])).await.unwrap();
        assert!(sent.refused.is_empty() && sent.unserved.is_empty(), "{sent:?}");
    }
    let delays = Delays { recipient: Duration::from_secs(8), ..REFUSALS };
    let sent = send(delays, addresses(&["w1", "w2", "w3"])).await;
    assert_eq!(followers(sent), [addresses(&["w1", "w3"]), addresses(&["w2"])]);
}

/// X102: the whole list was repeated.
#[tokio::test(start_paused = true)]
async fn a_recipient_at_whom_the_server_disconnects_keeps_the_mail_from_no_other() {
    let sent = send(REFUSALS, addresses(&["a", "c", "d"])).await;
    assert_eq!(followers(sent), [addresses(&["a", "d"]), addresses(&["c"])]);
    let sent = send(REFUSALS, addresses(&["a", "c"])).await;
    assert_eq!(followers(sent), [addresses(&["a"]), addresses(&["c"])]);
    let sent = send(REFUSALS, addresses(&["c"])).await;
    assert!(matches!(sent, Err(MailFailure::NoRecipient(CLOSING))), "{sent:?}");
}
