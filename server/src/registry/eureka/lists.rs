//! The rendered lists. Each form is rendered once for each change, by the first reader; others wait
//! for it and share the text. What all texts take is limited, those included that slow readers
//! still receive although a newer one exists.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use castalia_eureka::{Listing, Style, json, xml};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

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

/// A rendered text.
#[derive(Debug)]
struct Rendered {
    /// The revision of the registry that it shows.
    revision: u64,
    /// When the registry was read for it.
    at: Instant,
    text: Bytes,
}

/// Time after which a text is rendered anew although nothing changed: it has the times of the last
/// heartbeats.
const FRESH: Duration = Duration::from_secs(30);

/// Bytes of all texts for each instance that may register. Two further texts always fit beside the
/// one at hand, whatever their size.
const PER_INSTANCE: usize = 16 * 1024;
/// Length up to which a text is small, and bytes of those, so that readers of lists do not
/// hold up readers of single instances.
const SMALL: usize = 64 * 1024;
const ALL_SMALL: usize = 16 * 1024 * 1024;
/// Number of lists that are rendered at once, and of texts for one reader.
const RENDERINGS: usize = 2;

/// The rendered text of each form.
#[derive(Debug)]
pub(super) struct Lists {
    forms: Arc<[Mutex<Option<Rendered>>; 16]>,
    memory: Arc<TextMemory>,
    small: Arc<TextMemory>,
    renderings: Arc<Semaphore>,
    /// Of their own, so that readers of those do not delay the lists.
    for_one: Semaphore,
}

/// The bytes of all texts that exist.
#[derive(Debug)]
struct TextMemory {
    used: AtomicUsize,
    limit: usize,
}

/// A text that counts until its last reader has received it.
struct CountedText {
    text: Bytes,
    memory: Arc<TextMemory>,
}

impl AsRef<[u8]> for CountedText {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for CountedText {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.text.len(), Ordering::Relaxed);
    }
}

impl TextMemory {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// `None` if the others exceed the limit already, and twice the size of this one: a list is as
    /// large as its instances.
    fn hold(self: &Arc<Self>, text: Bytes) -> Option<Bytes> {
        let limit = self.limit.max(2 * text.len());
        let others = self.used.fetch_add(text.len(), Ordering::Relaxed);
        let text = CountedText { text, memory: Arc::clone(self) };
        (others <= limit).then(|| Bytes::from_owner(text))
    }
}

impl Lists {
    /// Lists of at most so many instances.
    pub(super) fn new(max_instances: usize) -> Self {
        let limit = max_instances.max(1_000).saturating_mul(PER_INSTANCE);
        Self {
            forms: Arc::default(),
            memory: TextMemory::new(limit),
            small: TextMemory::new(ALL_SMALL),
            renderings: Arc::new(Semaphore::new(RENDERINGS)),
            for_one: Semaphore::new(RENDERINGS),
        }
    }

    /// The text of a form; `None` while there is no space for it, because slow readers receive
    /// other ones. `read` is called with the form if the registry has changed since.
    pub(super) async fn get(
        &self,
        form: Form,
        revision: u64,
        read: impl FnOnce() -> (u64, Listing) + Send + 'static,
    ) -> Option<Bytes> {
        let (forms, memory) = (Arc::clone(&self.forms), Arc::clone(&self.memory));
        let renderings = Arc::clone(&self.renderings);
        // A task of its own, because a reader that does not wait for the end must not make the next
        // one begin anew.
        let rendering = tokio::spawn(async move {
            let mut rendered = forms[form.index()].lock().await;
            let is_present = |it: &&Rendered| it.revision >= revision && it.at.elapsed() < FRESH;
            if let Some(present) = rendered.as_ref().filter(is_present) {
                return Some(present.text.clone());
            }
            *rendered = None;
            let _rendering = renderings.acquire_owned().await;
            let ((revision, listing), at) = (read(), Instant::now());
            // Thousands of instances take longer than other requests may wait.
            let text = tokio::task::spawn_blocking(move || form.render(&listing)).await;
            let held = hold(&*forms, &memory, text.unwrap_or_default())?;
            *rendered = Some(Rendered { revision, at, text: held.clone() });
            Some(held)
        });
        rendering.await.ok().flatten()
    }

    /// A text that only one reader receives; `None` while there is no space for it.
    pub(super) async fn for_one(
        &self,
        render: impl FnOnce() -> Vec<u8> + Send + 'static,
    ) -> Option<Bytes> {
        let _rendering = self.for_one.acquire().await;
        let text = tokio::task::spawn_blocking(render).await.unwrap_or_default();
        match text.len() {
            ..=SMALL => self.small.hold(text.into()),
            _ => hold(&*self.forms, &self.memory, text.into()),
        }
    }
}

/// Counts a text, in place of those that nobody receives now if there is no space beside them.
fn hold(forms: &[Mutex<Option<Rendered>>], memory: &Arc<TextMemory>, text: Bytes) -> Option<Bytes> {
    memory.hold(text.clone()).or_else(|| {
        for form in forms {
            if let Ok(mut rendered) = form.try_lock() {
                *rendered = None;
            }
        }
        memory.hold(text)
    })
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
        let (lists, renderings) = (Lists::new(0), Arc::new(AtomicUsize::new(0)));
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
        assert!(!get().await.unwrap().is_empty());
        assert_eq!(renderings.load(Ordering::SeqCst), 1);
    }

    /// The times of heartbeats are no change.
    #[tokio::test(start_paused = true)]
    async fn a_text_is_rendered_anew_after_a_while() {
        let lists = Lists::new(0);
        let listing = |version| Listing { version, hash: String::new(), apps: Vec::new() };
        let get = async |version| {
            let text = lists.get(FORM, 1, move || (1, listing(version))).await.unwrap();
            String::from_utf8(text.to_vec()).unwrap()
        };
        let first = get(1).await;
        tokio::time::advance(FRESH - Duration::from_secs(1)).await;
        assert_eq!(get(2).await, first);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_ne!(get(3).await, first);
    }

    /// Readers that do not read cannot make the node hold any number of texts.
    #[tokio::test]
    async fn texts_of_slow_readers_are_limited() {
        let lists = Lists::new(0);
        let limit = lists.memory.limit;
        let space = lists.memory.hold(vec![0; limit + 1].into()).unwrap();
        assert!(get(&lists, FORM, 1).await.is_none());
        assert!(lists.for_one(|| vec![0; SMALL + 1]).await.is_none());
        assert!(lists.for_one(|| vec![0; SMALL]).await.is_some(), "one instance is small");
        drop(space);
        let first = get(&lists, FORM, 1).await.unwrap();
        assert_eq!(lists.memory.used.load(Ordering::Relaxed), first.len());
        let length = first.len();
        let space = lists.memory.hold(vec![0; limit - length + 1].into()).unwrap();
        assert!(get(&lists, FORM, 2).await.is_none(), "the old text is still being received");
        drop(first);
        let compact = Form { style: Style::Compact, ..FORM };
        assert!(get(&lists, compact, 2).await.is_some(), "texts without readers are dropped");
        drop(space);
    }

    /// A reader of a list that takes all of the memory does not keep out the next ones.
    #[tokio::test]
    async fn three_lists_of_any_size_fit() {
        let lists = Lists::new(0);
        let large = 2 * lists.memory.limit;
        let list = || lists.for_one(move || vec![0; large]);
        let slow = (list().await.unwrap(), list().await.unwrap(), list().await.unwrap());
        assert!(list().await.is_none());
        drop(slow);
        assert!(list().await.is_some());
    }

    /// What the node keeps for the next reader refuses no other text, nor does the size of one.
    #[tokio::test]
    async fn lists_of_any_size_are_available_while_nobody_reads_slowly() {
        let lists = Lists::new(0);
        let large = lists.memory.limit + 1;
        for index in 0..16 {
            let bit = |number: usize| index >> number & 1 == 1;
            let style = if bit(0) { Style::Full } else { Style::Compact };
            let form = Form { is_delta: bit(1), is_json: bit(2), style, is_gzip: bit(3) };
            assert!(get(&lists, form, 1).await.is_some(), "{form:?}");
            let kept = lists.for_one(move || vec![0; large]).await;
            assert_eq!(kept.as_ref().map(Bytes::len), Some(large), "{form:?}");
            // As if it had been the text of this form.
            let kept = Rendered { revision: 1, at: Instant::now(), text: kept.unwrap() };
            *lists.forms[form.index()].lock().await = Some(kept);
        }
    }

    async fn get(lists: &Lists, form: Form, revision: u64) -> Option<Bytes> {
        let listing = Listing { version: 1, hash: String::new(), apps: Vec::new() };
        lists.get(form, revision, move || (revision, listing)).await
    }
}
