//! The rendered lists. Each form is rendered once for each change, by the first reader; others wait
//! for it and share the text.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use castalia_eureka::{Listing, Style, json, xml};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Only recent changes, and not everything.
    pub is_delta: bool,
    /// In JSON, and not in XML.
    pub is_json: bool,
    /// With the members that are needed to call an instance, or with all.
    pub style: Style,
    /// Compressed.
    pub is_gzip: bool,
}

impl Form {
    fn index(self) -> usize {
        let bits = [self.is_delta, self.is_json, self.style == Style::Compact, self.is_gzip];
        bits.iter().fold(0, |index, bit| index * 2 + usize::from(*bit))
    }

    fn render(self, listing: &Listing) -> Bytes {
        let text = match self.is_json {
            true => json::applications(listing, self.style),
            false => xml::applications(listing, self.style),
        };
        if self.is_gzip { compressed(&text) } else { text.into() }
    }
}

/// A rendered text, with the revision of the registry that it shows.
type Rendered = Option<(u64, Bytes)>;

/// The rendered text of each form.
#[derive(Debug, Default)]
pub(super) struct Lists(Arc<[Mutex<Rendered>; 16]>);

impl Lists {
    /// The text of a form. `read` is called with the form if the registry has changed since.
    pub(super) async fn get(
        &self,
        form: Form,
        revision: u64,
        read: impl FnOnce() -> (u64, Listing) + Send + 'static,
    ) -> Bytes {
        let forms = Arc::clone(&self.0);
        // A task of its own, because a reader that does not wait for the end must not make the next
        // one begin anew.
        let rendering = tokio::spawn(async move {
            let mut rendered = forms[form.index()].lock().await;
            let present = rendered.as_ref().filter(|(rendered, _)| *rendered >= revision);
            if let Some((_, text)) = present {
                return text.clone();
            }
            let (revision, listing) = read();
            // Thousands of instances take longer than other requests may wait.
            let text = tokio::task::spawn_blocking(move || form.render(&listing)).await;
            let text = text.unwrap_or_default();
            *rendered = Some((revision, text.clone()));
            text
        });
        rendering.await.unwrap_or_default()
    }
}

fn compressed(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const FORM: Form = Form { is_delta: false, is_json: true, style: Style::Full, is_gzip: false };

    /// Case 99.
    #[tokio::test]
    async fn a_reader_that_leaves_early_does_not_cause_another_rendering() {
        let (lists, renderings) = (Lists::default(), Arc::new(AtomicUsize::new(0)));
        let get = || {
            let renderings = Arc::clone(&renderings);
            lists.get(FORM, 1, move || {
                renderings.fetch_add(1, Ordering::SeqCst);
                (1, Listing { version: 1, hash: String::new(), apps: Vec::new() })
            })
        };
        let mut first = Box::pin(get());
        while renderings.load(Ordering::SeqCst) == 0 {
            assert!(futures_util::poll!(&mut first).is_pending());
            tokio::task::yield_now().await;
        }
        drop(first);
        assert!(!get().await.is_empty());
        assert_eq!(renderings.load(Ordering::SeqCst), 1);
    }
}
