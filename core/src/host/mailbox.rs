//! Messages for a host that only one of its own threads may enter. They are kept until that thread
//! takes them; it is woken once for all that wait. Bounded: a call has one note and a stream at most
//! two, and log records beyond a limit are dropped.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tracing::Level;

use crate::error::Result;
use crate::host::call;
use crate::host::log::{self, WAITING};
use crate::log::{Record, Sink, set};

/// The messages of one thread of a host, which has a mailbox for each of its environments.
///
/// ```
/// use castalia_core::host::mailbox::Mailbox;
///
/// let (sender, woken) = std::sync::mpsc::sync_channel(1);
/// let mailbox = Mailbox::new(move || drop(sender.try_send(())));
/// mailbox.spawn(7, async { Ok(Some("opened")) });
/// woken.recv()?;
/// let (handler, result) = mailbox.take().remove(0);
/// assert_eq!((handler, result.ok()), (7, Some(Some("opened"))));
/// # Ok::<(), std::sync::mpsc::RecvError>(())
/// ```
pub struct Mailbox<P> {
    wake: Box<dyn Fn() + Send + Sync>,
    content: Mutex<Content<P>>,
}

/// The number of a handler of the host, and what it receives: the result of a call, or nothing if
/// there is a change to take.
pub type Note<P> = (i64, Result<Option<P>>);

struct Content<P> {
    notes: Vec<Note<P>>,
    records: Vec<Record>,
    ended: bool,
}

impl<P: Send + 'static> Mailbox<P> {
    /// `wake` is called when there is something to take. It must not wait, and is called again
    /// before a previous message is taken.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let content = Content { notes: Vec::new(), records: Vec::new(), ended: false };
        Arc::new(Self { wake: Box::new(wake), content: Mutex::new(content) })
    }

    /// Takes all notes.
    pub fn take(&self) -> Vec<Note<P>> {
        mem::take(&mut self.lock().notes)
    }

    /// Takes all log records.
    pub fn take_log(&self) -> Vec<Record> {
        mem::take(&mut self.lock().records)
    }

    /// Adds a note, unless the mailbox has ended.
    pub fn send(&self, handler: i64, result: Result<Option<P>>) {
        let mut content = self.lock();
        if !content.ended {
            content.notes.push((handler, result));
            drop(content);
            (self.wake)();
        }
    }

    /// A function that calls the handler of this number without a result.
    pub fn alarm(self: &Arc<Self>, handler: i64) -> impl Fn() + Send + Sync + use<P> {
        let mailbox = self.clone();
        move || mailbox.send(handler, Ok(None))
    }

    /// Runs a future on the shared runtime; its result is passed to the handler of this number.
    pub fn spawn<F>(self: &Arc<Self>, handler: i64, future: F)
    where
        F: Future<Output = Result<Option<P>>> + Send + 'static,
    {
        let mailbox = self.clone();
        call::spawn(future, move |result| mailbox.send(handler, result));
    }

    /// Like [`Mailbox::spawn`], for a future without a value.
    pub fn run<F>(self: &Arc<Self>, handler: i64, future: F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.spawn(handler, async { future.await.map(|()| None) });
    }

    /// The environment ends: no message is accepted any more, and those that wait are dropped.
    pub fn end(&self) {
        let mut content = self.lock();
        content.ended = true;
        let dropped = (mem::take(&mut content.notes), mem::take(&mut content.records));
        drop(content);
        drop(dropped);
    }

    /// Adds the records of this level and above; without a level none.
    ///
    /// # Errors
    /// As [`log::level`].
    pub fn read_log(self: &Arc<Self>, level: Option<&str>) -> Result<()> {
        self.set_sink(level.map(log::level).transpose()?, false);
        Ok(())
    }

    /// Adds the warnings and errors that no mailbox of the process asks for with
    /// [`Mailbox::read_log`], as long as none before it does so.
    pub fn read_log_by_default(self: &Arc<Self>) {
        self.set_sink(Some(Level::WARN), true);
    }

    fn set_sink(self: &Arc<Self>, level: Option<Level>, is_default: bool) {
        let finest = self.register(level, is_default);
        set(finest.map(|level| (level, Arc::new(pass) as Sink)));
    }

    /// Replaces the level of this reader; returns the finest of all.
    fn register(self: &Arc<Self>, level: Option<Level>, is_default: bool) -> Option<Level> {
        let own: Weak<dyn Reader> = Arc::downgrade(self) as _;
        let mut readers = lock(&READERS);
        readers.retain(|known| !is_same(&known.reader, &own) && known.living().is_some());
        readers.extend(level.map(|level| Registered { level, is_default, reader: own }));
        readers.iter().map(|known| known.level).max()
    }

    fn lock(&self) -> MutexGuard<'_, Content<P>> {
        lock(&self.content)
    }
}

/// The client has one sink in a process, which serves every environment that wants records.
static READERS: Mutex<Vec<Registered>> = Mutex::new(Vec::new());

struct Registered {
    level: Level,
    is_default: bool,
    reader: Weak<dyn Reader>,
}

impl Registered {
    /// The reader, unless its environment has ended.
    fn living(&self) -> Option<Arc<dyn Reader>> {
        self.reader.upgrade().filter(|reader| !reader.has_ended())
    }
}

trait Reader: Send + Sync {
    fn receive(&self, record: &Record);
    fn has_ended(&self) -> bool;
}

impl<P: Send + 'static> Reader for Mailbox<P> {
    fn receive(&self, record: &Record) {
        let mut content = self.lock();
        if !content.ended && content.records.len() < WAITING {
            content.records.push(record.clone());
            drop(content);
            (self.wake)();
        }
    }

    fn has_ended(&self) -> bool {
        self.lock().ended
    }
}

fn pass(record: &Record) {
    let readers = lock(&READERS);
    let wanting = |is_default| {
        let wanted = readers.iter().filter(move |known| known.is_default == is_default);
        wanted.filter(|known| record.level <= known.level).filter_map(Registered::living)
    };
    let mut is_asked_for = false;
    for reader in wanting(false) {
        reader.receive(record);
        is_asked_for = true;
    }
    if let Some(reader) = wanting(true).next().filter(|_| !is_asked_for) {
        reader.receive(record);
    }
}

fn is_same(one: &Weak<dyn Reader>, other: &Weak<dyn Reader>) -> bool {
    one.as_ptr().cast::<()>() == other.as_ptr().cast::<()>()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_mailbox_drops_what_waits_and_accepts_nothing() {
        let mailbox = Mailbox::new(|| {});
        let note = Arc::new(());
        mailbox.send(1, Ok(Some(note.clone())));
        mailbox.end();
        mailbox.send(1, Ok(Some(note.clone())));
        assert_eq!((Arc::strong_count(&note), mailbox.take().len()), (1, 0));
    }

    const TARGET: &str = "castalia_core::host::mailbox::tests";

    /// Records come from other tests as well.
    fn pass_one(level: Level) {
        pass(&Record { level, target: TARGET, text: level.to_string(), fields: Vec::new() });
    }

    fn taken(mailbox: &Mailbox<()>) -> Vec<String> {
        let records = mailbox.take_log().into_iter().filter(|record| record.target == TARGET);
        records.map(|record| record.text).collect()
    }

    #[test]
    fn each_environment_receives_the_records_of_its_level() {
        let (coarse, fine) = (Mailbox::<()>::new(|| {}), Mailbox::<()>::new(|| {}));
        assert_eq!(coarse.register(Some(Level::DEBUG), false), Some(Level::DEBUG));
        assert_eq!(coarse.register(Some(Level::WARN), false), Some(Level::WARN));
        assert_eq!(fine.register(Some(Level::INFO), false), Some(Level::INFO));
        // What nobody asks for is passed to the first one that takes such records.
        let (first, second) = (Mailbox::<()>::new(|| {}), Mailbox::<()>::new(|| {}));
        first.register(Some(Level::WARN), true);
        second.register(Some(Level::WARN), true);
        [Level::DEBUG, Level::INFO, Level::WARN].into_iter().for_each(pass_one);
        assert_eq!(taken(&coarse), ["WARN"]);
        assert_eq!(taken(&fine), ["INFO", "WARN"]);
        fine.end();
        coarse.register(Some(Level::ERROR), false);
        [Level::INFO, Level::WARN].into_iter().for_each(pass_one);
        assert_eq!((taken(&first), taken(&coarse)), (vec!["WARN".to_owned()], Vec::new()));
        first.end();
        pass_one(Level::WARN);
        assert_eq!((taken(&first), taken(&second)), (Vec::new(), vec!["WARN".to_owned()]));
        second.end();
        assert_eq!(coarse.register(None, false), None);
        assert!(lock(&READERS).is_empty());
    }
}
