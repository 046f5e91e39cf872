//! The client for callers without a runtime: waiting calls take a timeout and block the calling
//! thread.
//!
//! All clients of a process share one runtime with two workers. Calls that wait must not be made on
//! the threads of any runtime or in a listener; see [`wait`].

mod workers;

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::client::Client as AsyncClient;
use crate::config::{Config as AsyncConfig, ConfigFile as AsyncConfigFile};
use crate::error::{Error, ErrorKind, Result};
use crate::process_local::ProcessLocalCell;
use crate::settings::Settings;

// Nearly all work is waiting for I/O; functions of the application run on blocking threads.
const WORKERS: usize = 2;
/// How long an idle blocking thread waits for more work before it ends. Shorter than Tokio's 10 s,
/// because listeners and file writes are rare.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The shared runtime. It lives until the process exits, because a program must not wait for the
/// threads of a library when it exits. A forked child creates its own.
static RUNTIME: ProcessLocalCell<SharedRuntime> = ProcessLocalCell::new();

/// A runtime that may be dropped on a thread that must not block.
struct SharedRuntime(Option<Runtime>);

impl Drop for SharedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The shared runtime; created at the first use.
///
/// # Errors
/// [`ErrorKind::Internal`] if threads cannot be started. The next call tries again.
pub fn runtime() -> Result<Handle> {
    let shared = RUNTIME.get(|| make_runtime().map(|runtime| SharedRuntime(Some(runtime))))?;
    shared.0.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "start runtime", "the shared runtime is being dropped")
    })
}

fn make_runtime() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.thread_name("castalia-worker").thread_keep_alive(THREAD_KEEP_ALIVE).enable_all();
    workers::start(builder, WORKERS).map_err(|error| {
        let text = "cannot start threads; check the limits of this process";
        Error::new(ErrorKind::Internal, "start runtime", text).caused_by(error)
    })
}

/// Runs a future on the shared runtime, for bindings that pass the result to their own event loop.
///
/// # Errors
/// As [`runtime`].
pub fn spawn<F>(future: F) -> Result<JoinHandle<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    Ok(runtime()?.spawn(future))
}

/// Waits for a future for at most `limit`.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::blocking::wait;
///
/// let answer = wait(async { Ok(42) }, Duration::from_secs(1))?;
/// assert_eq!(answer, 42);
/// # Ok::<(), castalia_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Timeout`] after `limit`; [`ErrorKind::InvalidArgument`] on a thread of a runtime or
/// in a listener, where waiting would block the very work that is waited for. Tokio does not say
/// whether a thread of it may block, so those of `spawn_blocking` are refused as well: there,
/// `Handle::current().block_on` waits for a call of the asynchronous [`crate::Client`].
pub fn wait<T>(future: impl Future<Output = Result<T>>, limit: Duration) -> Result<T> {
    refuse_inside_runtime()?;
    runtime()?.block_on(async {
        timeout(limit, future).await.unwrap_or_else(|_| {
            let text = format!("not finished within {} ms", limit.as_millis());
            Err(Error::new(ErrorKind::Timeout, "wait", text))
        })
    })
}

fn refuse_inside_runtime() -> Result<()> {
    if is_inside_runtime() {
        let text = "a call that waits is not allowed on a runtime thread or in a listener; make it on another thread";
        return Err(Error::new(ErrorKind::InvalidArgument, "wait", text));
    }
    Ok(())
}

fn is_inside_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// A [`crate::Client`] whose waiting calls block. It dereferences to that client for all other
/// calls.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::{InMemory, blocking};
///
/// let limit = Duration::from_secs(5);
/// let memory = InMemory::new()?;
/// blocking::wait(memory.set("application", "timeout", "200"), limit)?;
///
/// let client = blocking::Client::from(memory.client().clone());
/// let config = client.config("application", limit)?;
/// assert_eq!(config.get_or("timeout", 0), 200);
/// client.close(limit);
/// # Ok::<(), castalia_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    client: AsyncClient,
}

impl Client {
    /// Validates the settings and creates a client; opens no socket and starts no thread.
    ///
    /// # Errors
    /// As [`crate::Client::new`].
    pub fn new(settings: Settings) -> Result<Self> {
        let client = AsyncClient::new(settings)?;
        Ok(Self { client })
    }

    /// Opens a namespace of the client's app; see [`crate::Client::config`]. Does not wait if it is
    /// already open.
    ///
    /// # Errors
    /// As [`crate::Client::config`], and [`ErrorKind::Timeout`] after `timeout`, while opening
    /// continues.
    pub fn config(&self, namespace: &str, timeout: Duration) -> Result<Config> {
        self.config_of(self.client.app_id(), namespace, timeout)
    }

    /// Opens a namespace of another app; see [`Client::config`].
    ///
    /// # Errors
    /// As [`Client::config`].
    pub fn config_of(&self, app_id: &str, namespace: &str, timeout: Duration) -> Result<Config> {
        if let Some(config) = self.opened_inside_runtime(app_id, namespace) {
            return Ok(Config { config });
        }
        let config = wait(self.client.config_of(app_id, namespace), timeout)?;
        Ok(Config { config })
    }

    /// Opens a namespace as one text; see [`Client::config`].
    ///
    /// # Errors
    /// As [`Client::config`].
    pub fn config_file(&self, namespace: &str, timeout: Duration) -> Result<ConfigFile> {
        if let Some(config) = self.opened_inside_runtime(self.client.app_id(), namespace) {
            return Ok(ConfigFile { file: AsyncConfigFile::new(config) });
        }
        let file = wait(self.client.config_file(namespace), timeout)?;
        Ok(ConfigFile { file })
    }

    /// The namespace if this is a listener, which may not wait, and it is open.
    fn opened_inside_runtime(&self, app_id: &str, namespace: &str) -> Option<AsyncConfig> {
        if is_inside_runtime() { self.client.opened(app_id, namespace) } else { None }
    }

    /// Opens the namespaces of `castalia.namespaces` and checks the start policy; see
    /// [`crate::Client::start`].
    ///
    /// # Errors
    /// As [`crate::Client::start`], and [`ErrorKind::Timeout`] after `timeout`.
    pub fn start(&self, timeout: Duration) -> Result<()> {
        wait(self.client.start(), timeout)
    }

    /// Stops the client and waits; see [`crate::Client::close`]. In a listener it does not wait.
    pub fn close(&self, timeout: Duration) {
        self.client.stop();
        // The tasks end by themselves even if this call cannot wait.
        let _ = wait(
            async {
                self.client.close().await;
                Ok(())
            },
            timeout,
        );
    }
}

impl From<AsyncClient> for Client {
    /// The same client, for callers that may block.
    fn from(client: AsyncClient) -> Self {
        Self { client }
    }
}

impl Deref for Client {
    type Target = AsyncClient;

    fn deref(&self) -> &AsyncClient {
        &self.client
    }
}

/// A [`crate::Config`] whose `refresh` blocks. It dereferences to that config for reads and
/// listeners.
///
/// ```
/// use std::time::Duration;
/// use castalia_core::{InMemory, blocking};
///
/// let limit = Duration::from_secs(5);
/// let memory = InMemory::new()?;
/// let client = blocking::Client::from(memory.client().clone());
/// let config = client.config("application", limit)?;
/// config.refresh(limit)?;
/// assert!(config.snapshot().is_empty());
/// # Ok::<(), castalia_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    config: AsyncConfig,
}

impl Config {
    /// Loads now.
    ///
    /// # Errors
    /// As [`crate::Config::refresh`], and [`ErrorKind::Timeout`] after `timeout`, while the load
    /// continues.
    pub fn refresh(&self, timeout: Duration) -> Result<()> {
        wait(self.config.refresh(), timeout)
    }

    /// Closes the namespace; see [`crate::Config::close`].
    pub fn close(self) {
        self.config.close();
    }
}

impl Deref for Config {
    type Target = AsyncConfig;

    fn deref(&self) -> &AsyncConfig {
        &self.config
    }
}

/// A [`crate::ConfigFile`] whose `refresh` blocks.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    file: AsyncConfigFile,
}

impl ConfigFile {
    /// Loads now; see [`Config::refresh`].
    ///
    /// # Errors
    /// As [`Config::refresh`].
    pub fn refresh(&self, timeout: Duration) -> Result<()> {
        wait(self.file.refresh(), timeout)
    }

    /// Closes the namespace; see [`crate::Config::close`].
    pub fn close(self) {
        self.file.close();
    }
}

impl Deref for ConfigFile {
    type Target = AsyncConfigFile;

    fn deref(&self) -> &AsyncConfigFile {
        &self.file
    }
}
