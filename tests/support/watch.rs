//! Searches the output of every server of a test for the secrets of tests, whatever the test is
//! about (SEC-12).

use std::sync::{Arc, LazyLock, Mutex};

use super::mark::Forms;
use super::server::PASSWORD;
use super::sign;

/// Bytes of the output that are kept at most before they are searched.
const PIECE: usize = 1 << 20;

/// What secrets of all tests begin with: marked ones, the administrator's password, access keys.
static COMMON: LazyLock<[Forms; 3]> =
    LazyLock::new(|| [Forms::of_mark(), Forms::of(PASSWORD), Forms::of(&sign::secret(""))]);

/// Secrets of one server beside those of all tests, such as a token that it generated.
#[derive(Debug, Default, Clone)]
pub(crate) struct Secrets(Arc<Mutex<Vec<Forms>>>);

impl Secrets {
    pub(crate) fn add(&self, secret: &str) {
        self.0.lock().unwrap().push(Forms::of(secret));
    }
}

/// The output of one server.
#[derive(Debug)]
pub(crate) struct Watch {
    secrets: Secrets,
    text: String,
    found: Vec<String>,
}

impl Watch {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets, text: String::new(), found: Vec::new() }
    }

    pub(crate) fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        if self.text.len() >= PIECE {
            self.search();
        }
    }

    /// Where secrets were found.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.search();
        self.found
    }

    fn search(&mut self) {
        let text = std::mem::take(&mut self.text);
        let of_server = self.secrets.0.lock().unwrap();
        let forms = COMMON.iter().chain(of_server.iter());
        self.found.extend(forms.flat_map(|forms| forms.found_in(&text)));
    }
}

#[test]
fn a_secret_is_found_in_each_form_and_place_of_an_output() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let secrets = Secrets::default();
    let mut watch = Watch::new(secrets.clone());
    watch.push(&format!("password={PASSWORD}"));
    watch.push(&"x".repeat(PIECE));
    watch.push(&STANDARD.encode(format!("apollo:{}", super::mark::secret(1))));
    watch.push(&hex::encode(sign::secret("any")));
    watch.push("a token: e2c569be17396eca");
    watch.push("no secret");
    // Also if the test learns it after the server has logged it.
    secrets.add("e2c569be17396eca");
    assert_eq!(watch.finish().len(), 4);
    assert!(Watch::new(secrets).finish().is_empty());
}
