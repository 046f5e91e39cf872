//! Outputs that others may read, searched for every planted secret.

use std::collections::BTreeMap;

use crate::support::http::Answer;
use crate::support::mark::Forms;

/// The outputs, and the secrets that must not be in them besides those with the mark.
#[derive(Default)]
pub(in crate::server) struct Search {
    secrets: BTreeMap<String, String>,
    places: Vec<(String, String)>,
}

impl Search {
    /// Adds a secret without the mark, such as one that the server generated.
    pub(in crate::server) fn plant(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 16, "{what} is too short to be recognised: {secret}");
        self.secrets.insert(what.to_owned(), secret.to_owned());
    }

    /// Adds an output that others may read.
    pub(in crate::server) fn add(&mut self, place: &str, text: String) {
        self.places.push((place.to_owned(), text));
    }

    /// Adds an answer with its headers, unless it returns a secret or a value to its owner.
    pub(in crate::server) fn answer(&mut self, what: &str, answer: &Answer) {
        self.add(what, format!("{} {:?} {}", answer.status, answer.headers, answer.text));
    }

    /// Searches for each secret in clear, in hexadecimal and in Base64.
    pub(in crate::server) fn run(self) {
        let marked = ("a marked secret", Forms::of_mark());
        let others = self.secrets.iter().map(|(what, secret)| (what.as_str(), Forms::of(secret)));
        let forms: Vec<_> = others.chain([marked]).collect();
        let mut found = Vec::new();
        for (place, text) in &self.places {
            for (what, forms) in &forms {
                let near = forms.found_in(text);
                found.extend(near.iter().map(|near| format!("{what} in {place}: ...{near}")));
            }
        }
        assert!(found.is_empty(), "{} leaks: {:#?}", found.len(), found);
    }
}
