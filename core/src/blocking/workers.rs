//! Starts the threads of the shared runtime. If the operating system refuses one, this is an error,
//! and a later call can try again; what Tokio had started by then usually ends.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Runtime};

/// Builds a runtime with this many workers.
///
/// Tokio panics if the system refuses a worker. While it unwinds, it keeps the open files of the
/// runtime, and waits for the workers that it has started, which never end, unless it is within
/// another runtime. Therefore the threads are tried first; within another runtime and on a thread
/// of its own, Tokio's panic is an error even if the system refuses one after that.
///
/// # Errors
/// If the system refuses a thread.
pub(super) fn start(mut builder: Builder, workers: usize) -> io::Result<Runtime> {
    on_thread(move || {
        try_threads(workers)?;
        let outer = Builder::new_current_thread().build()?;
        outer.block_on(async { builder.worker_threads(workers).build() })
    })
}

/// Fails unless the system grants this many threads at the same time.
fn try_threads(count: usize) -> io::Result<()> {
    match count {
        0 => Ok(()),
        _ => on_thread(move || try_threads(count - 1)),
    }
}

/// Waits for a function that runs on a new thread.
fn on_thread<T: Send + 'static>(
    function: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let thread = thread::Builder::new().name("castalia-start".to_owned()).spawn(function)?;
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker was refused")))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    /// B80. For Tokio, a thread that gets no name is like one that the system refuses.
    #[test]
    fn a_refused_worker_is_an_error_and_the_others_are_not_waited_for() {
        for refused in [0, 1] {
            let named = AtomicUsize::new(0);
            let mut builder = Builder::new_multi_thread();
            builder.thread_name_fn(move || {
                assert_ne!(named.fetch_add(1, Ordering::SeqCst), refused, "refused on purpose");
                "granted".to_owned()
            });
            let (sender, ended) = sync_channel(1);
            thread::spawn(move || sender.send(start(builder, 2).is_err()).unwrap());
            assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(true), "{refused}");
        }
    }

    #[test]
    fn granted_workers_run_tasks() {
        let runtime = start(Builder::new_multi_thread(), 2).unwrap();
        assert_eq!(runtime.block_on(runtime.spawn(async { 1 })).unwrap(), 1);
    }
}
