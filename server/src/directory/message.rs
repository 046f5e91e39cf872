//! Messages of LDAP, read within limits: a parser that believes any length and descends into any
//! depth would let a directory, or whoever answers in its place, take memory and end the process.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Maximum size of what a directory answers on one connection, which is opened for one operation.
/// The largest answers list the members of groups.
const ANSWERS: usize = 4 << 20;
/// What each element takes beside its bytes.
const ELEMENT: usize = 64;
/// Maximum depth of elements in each other; a value of an attribute is the sixth.
const DEPTH: usize = 16;
/// How each message begins.
const SEQUENCE: u8 = 0x30;
const CONSTRUCTED: u8 = 0x20;
/// Maximum number of bytes of a length.
const LENGTH: usize = 4;

/// The size of what may still be received on a connection.
pub(super) struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(ANSWERS)
    }
}

impl Allowance {
    fn charge(&mut self, bytes: usize) -> io::Result<()> {
        let left = self.0.checked_sub(bytes);
        self.0 = left.ok_or_else(|| invalid(format!("it is larger than {ANSWERS} bytes")))?;
        Ok(())
    }
}

/// The next message; `None` if the connection was closed before it began. Reads no byte after it.
pub(super) async fn message(
    stream: &mut (impl AsyncRead + Unpin),
    allowed: &mut Allowance,
) -> io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; 2];
    if stream.read(&mut message[..1]).await? == 0 {
        return Ok(None);
    }
    message[1] = stream.read_u8().await?;
    if message[0] != SEQUENCE {
        return Err(invalid("it is no message of LDAP"));
    }
    let mut more = vec![0; bytes_of_length(message[1]).min(LENGTH)];
    stream.read_exact(&mut more).await?;
    message.append(&mut more);
    let Some(Element { start, length, .. }) = Element::of(&message) else {
        return Err(invalid("its length is invalid"));
    };
    allowed.charge(length)?;
    stream.take(length as u64).read_to_end(&mut message).await?;
    if message.len() < start + length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let Some(count) = elements(&message) else {
        return Err(invalid("its elements are malformed, or too deep in each other"));
    };
    allowed.charge(count.saturating_mul(ELEMENT))?;
    Ok(Some(message))
}

/// The head of an element.
struct Element {
    is_constructed: bool,
    /// Where its content begins.
    start: usize,
    /// Length of the content.
    length: usize,
}

impl Element {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (tag, first) = (*bytes.first()?, *bytes.get(1)?);
        let start = 2 + bytes_of_length(first);
        if start > 2 + LENGTH {
            return None;
        }
        let long =
            bytes.get(2..start)?.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
        let length = if first < 0x80 { first.into() } else { long };
        Some(Self { is_constructed: tag & CONSTRUCTED != 0, start, length })
    }
}

/// Number of bytes of a length that follow its first one.
fn bytes_of_length(first: u8) -> usize {
    usize::from(first).saturating_sub(0x80)
}

/// Number of elements of a complete message; `None` if one ends behind the one that contains it, or
/// too many contain each other.
fn elements(message: &[u8]) -> Option<usize> {
    let (mut position, mut count) = (0, 0);
    // Those that contain the position.
    let mut ends = vec![message.len()];
    while position < message.len() {
        while ends.pop_if(|end| *end == position).is_some() {}
        let Element { is_constructed, start, length } = Element::of(&message[position..])?;
        let end = (position + start).checked_add(length)?;
        if end > *ends.last()? || ends.len() > DEPTH {
            return None;
        }
        count += 1;
        position = end;
        if is_constructed {
            ends.push(end);
            position = end - length;
        }
    }
    Some(count)
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], content].concat()
    }

    fn sequence(content: &[u8]) -> Vec<u8> {
        element(SEQUENCE, content)
    }

    fn nested(depth: usize) -> Vec<u8> {
        (1..depth).fold(sequence(&[]), |inner, _| sequence(&inner))
    }

    async fn read(bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let read = message(&mut &*bytes, &mut Allowance::default()).await;
        read.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_message_is_read_without_what_follows() {
        let short = [SEQUENCE, 5, 2, 1, 1, 0x42, 0];
        for whole in [short.to_vec(), sequence(&short), nested(DEPTH), sequence(&[])] {
            let followed = [&whole[..], b"more"].concat();
            assert_eq!(read(&followed).await.unwrap().unwrap(), whole);
            assert!(read(&whole[..whole.len() - 1]).await.is_err(), "{whole:?}");
        }
        assert_eq!(read(b"").await, Ok(None));
    }

    #[tokio::test]
    async fn what_a_parser_would_follow_without_end_is_refused() {
        let announced = [SEQUENCE, 0x84, 0x7f, 0xff, 0xff, 0xff];
        assert!(read(&announced).await.unwrap_err().contains("larger than"));
        let many = sequence(&[4, 0].repeat(ANSWERS / ELEMENT));
        assert!(read(&many).await.unwrap_err().contains("larger than"));
        assert!(read(&nested(DEPTH + 1)).await.unwrap_err().contains("too deep"));
        assert!(read(&sequence(&[SEQUENCE, 9, 4, 0])).await.unwrap_err().contains("malformed"));
        assert!(read(b"HTTP/1.1 400").await.unwrap_err().contains("no message"));
        assert!(read(&[SEQUENCE, 0x85, 0, 0, 0, 0, 1, 0]).await.unwrap_err().contains("length"));
    }

    #[tokio::test]
    async fn all_messages_of_a_connection_share_the_limit() {
        let large = sequence(&element(4, &vec![0; ANSWERS / 2]));
        let (two, mut allowed) = ([&large[..], &large[..]].concat(), Allowance::default());
        let mut stream = &two[..];
        assert_eq!(message(&mut stream, &mut allowed).await.unwrap().unwrap(), large);
        assert!(message(&mut stream, &mut allowed).await.is_err());
    }
}
