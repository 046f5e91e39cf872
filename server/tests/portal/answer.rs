//! The answer of a portal, and what tests check about it.

use http::HeaderMap;
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as a text; other bytes are replaced.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body of a successful answer.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Checks that the answer is a success without a body.
    #[track_caller]
    pub(crate) fn empty(&self) {
        assert_eq!((self.status, self.body.as_str()), (200, ""), "{self:?}");
    }

    /// Checks that the answer is an error with this status whose message begins with the text.
    #[track_caller]
    pub(crate) fn fails(&self, status: u16, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        // The answer to HEAD announces its body only.
        if self.body.is_empty() && !["", "0"].contains(&self.header("content-length")) {
            return;
        }
        let body = self.json();
        assert!(
            body["message"].as_str().unwrap_or_default().starts_with(message),
            "{self:?} instead of {message}"
        );
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks that the answer redirects to this address.
    #[track_caller]
    pub(crate) fn leads_to(&self, address: &str) {
        assert_eq!((self.status, self.header("location")), (302, address), "{self:?}");
    }

    /// Name and value of the cookie that was set.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.header("set-cookie")
            .split(';')
            .next()
            .filter(|pair| !pair.is_empty())
            .map(str::to_owned)
    }
}
