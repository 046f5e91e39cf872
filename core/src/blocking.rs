//! The same client for callers without a runtime: every call that waits takes a deadline and blocks the calling thread.
//!
//! All clients share one runtime of two workers. What waits may not be called on its threads, nor from a listener.

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

const WORKERS: usize = 2;
/// How long a thread that may block waits for more work before it ends.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// The shared runtime. It lives until its process ends: threads of a library must not be waited for while the program exits.
/// A forked child has none of its threads: it makes its own and leaves the inherited one alone.
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

/// The shared runtime; made at the first use.
///
/// # Errors
/// [`ErrorKind::Internal`] when the system gives no threads.
pub fn runtime() -> Result<Handle> {
    let shared = RUNTIME.get(|| make_runtime().map(|runtime| SharedRuntime(Some(runtime))))?;
    shared.0.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "start runtime", "the shared runtime is being dropped")
    })
}

fn make_runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("castalia-worker")
        .thread_keep_alive(THREAD_KEEP_ALIVE)
        .enable_all()
        .build()
        .map_err(|error| {
            let text = "cannot start threads; check the limits of this process";
            Error::new(ErrorKind::Internal, "start runtime", text).caused_by(error)
        })
}

/// Runs a future on the shared runtime, for bindings that hand its result to their own event loop.
///
/// # Errors
/// Those of [`runtime`].
pub fn spawn<F>(future: F) -> Result<JoinHandle<F::Output>>
where
    F: Future<Output: Send> + Send + 'static,
{
    Ok(runtime()?.spawn(future))
}

/// Waits for a future at most this long.
///
/// # Errors
/// [`ErrorKind::Timeout`] when the time is up; [`ErrorKind::InvalidArgument`] on a thread of a runtime or in a listener,
/// where waiting would stop what it waits for.
pub fn wait<T>(future: impl Future<Output = Result<T>>, limit: Duration) -> Result<T> {
    refuse_inside_runtime()?;
    runtime()?.block_on(async {
        timeout(limit, future).await.unwrap_or_else(|_| {
            let text = format!("not done within {} ms", limit.as_millis());
            Err(Error::new(ErrorKind::Timeout, "wait", text))
        })
    })
}

fn refuse_inside_runtime() -> Result<()> {
    if is_inside_runtime() {
        let text =
            "this call waits, and was made on a runtime thread or in a listener; make it elsewhere";
        return Err(Error::new(ErrorKind::InvalidArgument, "wait", text));
    }
    Ok(())
}

fn is_inside_runtime() -> bool {
    Handle::try_current().is_ok()
}

/// A [`crate::Client`] whose waiting calls block. All that does not wait is on the client itself, which this leads to.
#[derive(Clone, Debug)]
pub struct Client {
    client: AsyncClient,
}

impl Client {
    /// Checks the settings and prepares a client; opens no socket and starts no thread.
    ///
    /// # Errors
    /// Those of [`crate::Client::new`].
    pub fn new(settings: Settings) -> Result<Self> {
        let client = AsyncClient::new(settings)?;
        Ok(Self { client })
    }

    /// Opens a namespace of the app itself; see [`crate::Client::config`]. Does not wait where it is open already.
    ///
    /// # Errors
    /// Those of [`crate::Client::config`]; [`ErrorKind::Timeout`] when the time is up, while opening goes on.
    pub fn config(&self, namespace: &str, timeout: Duration) -> Result<Config> {
        self.config_of(self.client.app_id(), namespace, timeout)
    }

    /// Opens a namespace of another app id; as [`Client::config`].
    ///
    /// # Errors
    /// Those of [`Client::config`].
    pub fn config_of(&self, app_id: &str, namespace: &str, timeout: Duration) -> Result<Config> {
        if is_inside_runtime()
            && let Some(config) = self.client.opened(app_id, namespace)
        {
            return Ok(Config { config });
        }
        let config = wait(self.client.config_of(app_id, namespace), timeout)?;
        Ok(Config { config })
    }

    /// Opens a namespace as a whole file; as [`Client::config`].
    ///
    /// # Errors
    /// Those of [`Client::config`].
    pub fn config_file(&self, namespace: &str, timeout: Duration) -> Result<ConfigFile> {
        let Config { config } = self.config(namespace, timeout)?;
        let file = AsyncConfigFile::new(config);
        Ok(ConfigFile { file })
    }

    /// Opens the namespaces that the settings name and judges the start policy; see [`crate::Client::start`].
    ///
    /// # Errors
    /// Those of [`crate::Client::start`], and [`ErrorKind::Timeout`].
    pub fn start(&self, timeout: Duration) -> Result<()> {
        wait(self.client.start(), timeout)
    }

    /// Stops everything; see [`crate::Client::close`]. Inside a listener it only gives the sign and returns.
    pub fn close(&self, timeout: Duration) {
        self.client.stop();
        // Whoever cannot wait here does not have to: the tasks end by themselves.
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

/// A [`crate::Config`] whose `refresh` blocks; reads and listening are those of the config that this leads to.
#[derive(Clone, Debug)]
pub struct Config {
    config: AsyncConfig,
}

impl Config {
    /// Loads now.
    ///
    /// # Errors
    /// Those of [`crate::Config::refresh`], and [`ErrorKind::Timeout`] when the time is up, while the load goes on.
    pub fn refresh(&self, timeout: Duration) -> Result<()> {
        wait(self.config.refresh(), timeout)
    }

    /// Gives the namespace up; as [`crate::Config::close`].
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
    /// Loads now; as [`Config::refresh`].
    ///
    /// # Errors
    /// Those of [`Config::refresh`].
    pub fn refresh(&self, timeout: Duration) -> Result<()> {
        wait(self.file.refresh(), timeout)
    }

    /// Gives the namespace up; as [`crate::Config::close`].
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
