//! Keeps the writer and the thread of its connection on one processor while they write. They wait
//! for each other with each statement, and on two processors each of these wake-ups has to start an
//! idle one first, which takes longer than most statements. Knows no job and no table.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use sqlx::sqlite::SqliteConnection;
use sqlx::{Error, Executor as _};

/// The thread that runs the statements of a connection to a SQLite file, as long as it lives. Cheap
/// to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionThread {
    /// Its id in the kernel; 0 if it is not known.
    id: Arc<AtomicI32>,
}

impl ConnectionThread {
    /// Notes the thread of a new connection.
    pub(super) async fn note(&self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let thread = self.clone();
        // SQLite calls the handler on the thread that runs the statement.
        connection.lock_handle().await?.set_progress_handler(1, move || {
            affinity::note_this(&thread.id);
            true
        });
        let run = connection.execute("SELECT 1").await;
        connection.lock_handle().await?.remove_progress_handler();
        run.map(drop)
    }

    /// Keeps it on the processor of the calling thread, and that thread too until the value is
    /// dropped. Changes nothing if the system does not allow it.
    pub(super) fn beside_this(&self) -> Option<affinity::Beside> {
        match self.id.load(Ordering::Acquire) {
            0 => None,
            id => affinity::Beside::this(id),
        }
    }
}

#[cfg(target_os = "linux")]
mod affinity {
    use std::cell::RefCell;
    use std::marker::PhantomData;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI32, Ordering};

    use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
    use nix::unistd::{Pid, gettid};

    const THIS_THREAD: Pid = Pid::from_raw(0);

    thread_local! {
        static NOTED: RefCell<Option<NotedThread>> = const { RefCell::new(None) };
    }

    /// Removes the id when the thread ends: the kernel may use it again, for any process.
    struct NotedThread(Arc<AtomicI32>);

    impl Drop for NotedThread {
        fn drop(&mut self) {
            let id = gettid().as_raw();
            let _ = self.0.compare_exchange(id, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    pub(super) fn note_this(id: &Arc<AtomicI32>) {
        NOTED.with_borrow_mut(|noted| {
            noted.get_or_insert_with(|| NotedThread(Arc::clone(id)));
        });
        id.store(gettid().as_raw(), Ordering::Release);
    }

    /// The processors that the calling thread may use again when this is dropped, on that thread.
    pub(in super::super) struct Beside {
        usual: CpuSet,
        present: CpuSet,
        of_this_thread: PhantomData<*const ()>,
    }

    impl Beside {
        pub(super) fn this(connection: i32) -> Option<Self> {
            let usual = sched_getaffinity(THIS_THREAD).ok()?;
            let mut one = CpuSet::new();
            one.set(sched_getcpu().ok()?).ok()?;
            if one == usual {
                return None;
            }
            sched_setaffinity(THIS_THREAD, &one).ok()?;
            let beside = Self { usual, present: one, of_this_thread: PhantomData };
            sched_setaffinity(Pid::from_raw(connection), &one).ok()?;
            Some(beside)
        }
    }

    impl Drop for Beside {
        fn drop(&mut self) {
            // Unless an operator chose others meanwhile.
            if sched_getaffinity(THIS_THREAD) == Ok(self.present) {
                let _ = sched_setaffinity(THIS_THREAD, &self.usual);
            }
        }
    }
}

/// Other systems choose the processors themselves.
#[cfg(not(target_os = "linux"))]
mod affinity {
    use std::sync::Arc;
    use std::sync::atomic::AtomicI32;

    pub(super) fn note_this(_: &Arc<AtomicI32>) {}

    pub(in super::super) struct Beside;

    impl Beside {
        pub(super) fn this(_: i32) -> Option<Self> {
            None
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    use nix::unistd::Pid;
    use sqlx::Connection as _;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn processors(thread: i32) -> Vec<usize> {
        let set = sched_getaffinity(Pid::from_raw(thread)).unwrap();
        (0..CpuSet::count()).filter(|processor| set.is_set(*processor).unwrap()).collect()
    }

    #[tokio::test]
    async fn both_threads_use_one_processor_until_the_writer_waits_again() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let thread = ConnectionThread::default();
        assert!(thread.beside_this().is_none(), "it is not known yet");
        thread.note(&mut connection).await.unwrap();
        let id = thread.id.load(Ordering::Relaxed);
        assert_ne!(id, 0);
        let usual = processors(0);
        if usual.len() > 1 {
            let beside = thread.beside_this().unwrap();
            assert_eq!(processors(0).len(), 1);
            assert_eq!(processors(0), processors(id));
            drop(beside);
            assert_eq!(processors(0), usual);
            let beside = thread.beside_this().unwrap();
            let other = usual.iter().find(|other| !processors(0).contains(other)).unwrap();
            let mut chosen = CpuSet::new();
            chosen.set(*other).unwrap();
            sched_setaffinity(Pid::from_raw(0), &chosen).unwrap();
            drop(beside);
            assert_eq!(processors(0), [*other], "what an operator chose meanwhile stays");
        }
        connection.close().await.unwrap();
        let ended = async {
            while thread.id.load(Ordering::Relaxed) != 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), ended).await.expect("the id of a thread that ended");
    }
}
