//! Finds the end of a response. One response at a time: the suite never pipelines requests.

use anyhow::{Context as _, Result, bail, ensure};

/// Upper bound of the headers in a response to the suite.
const HEADERS: usize = 32;

/// Progress of one connection's response. Allocates only if a head arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    head: Vec<u8>,
    status: u16,
    missing: usize,
}

impl Framing {
    /// Consumes received bytes; returns the status once the response is complete.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Option<u16>> {
        if self.missing > 0 {
            return self.count(bytes.len());
        }
        if self.head.is_empty() {
            return match parse(bytes)? {
                Some(shape) => self.begin(&shape, bytes.len()),
                None => {
                    self.head.extend_from_slice(bytes);
                    Ok(None)
                }
            };
        }
        self.head.extend_from_slice(bytes);
        match parse(&self.head)? {
            Some(shape) => {
                let arrived = self.head.len();
                self.head.clear();
                self.begin(&shape, arrived)
            }
            None => Ok(None),
        }
    }

    fn begin(&mut self, shape: &Shape, arrived: usize) -> Result<Option<u16>> {
        self.status = shape.status;
        self.missing = shape.head + shape.body;
        self.count(arrived)
    }

    fn count(&mut self, arrived: usize) -> Result<Option<u16>> {
        ensure!(arrived <= self.missing, "the server sent more than it announced");
        self.missing -= arrived;
        Ok((self.missing == 0).then_some(self.status))
    }
}

/// Status and lengths of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) status: u16,
    pub(crate) head: usize,
    pub(crate) body: usize,
}

/// Parses the head of a response; `None` while it is incomplete.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Shape>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) =
        response.parse(bytes).context("this is no HTTP answer")?
    else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let length =
        response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = match length {
        Some(header) => std::str::from_utf8(header.value)?
            .trim()
            .parse()
            .context("Content-Length is no number")?,
        None if matches!(status, 204 | 304) => 0,
        None => bail!("an answer {status} without Content-Length"),
    };
    let body = if status == 304 { 0 } else { body };
    Ok(Some(Shape { status, head, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

    #[test]
    fn an_answer_is_complete_however_it_is_cut() {
        for cut in 1..ANSWER.len() {
            let mut framing = Framing::default();
            assert_eq!(framing.take(&ANSWER[..cut]).unwrap(), None, "{cut}");
            assert_eq!(framing.take(&ANSWER[cut..]).unwrap(), Some(200), "{cut}");
            assert_eq!(framing.take(ANSWER).unwrap(), Some(200), "{cut}");
        }
    }

    #[test]
    fn a_304_ends_with_its_head() {
        let mut framing = Framing::default();
        assert_eq!(framing.take(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap(), Some(304));
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(Framing::default().take(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        let mut framing = Framing::default();
        assert!(framing.take(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxy").is_err());
    }
}
