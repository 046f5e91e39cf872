//! What the provider publishes about itself: its endpoints and keys, read at the first sign-in and
//! kept for an hour. Signs nobody in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use castalia_core::redact::without_credentials;
use futures_util::future::BoxFuture;
use openidconnect::{
    AsyncHttpClient, DiscoveryError, HttpRequest, HttpResponse, IssuerUrl,
    ProviderMetadataWithLogout,
};
use tokio::sync::{Mutex, MutexGuard};

use super::SignInFailure;
use crate::outgoing::guarded::{CallError, GuardedClient};

/// Time for which a document is used.
const LIFETIME: Duration = Duration::from_secs(3600);
/// Minimum time between two documents: a token that the known keys do not verify asks for a new
/// one.
const PAUSE: Duration = Duration::from_secs(10);
/// Time after a failure during which the provider is not called again, so that requests do not
/// queue behind one that is frozen.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

impl<'c> AsyncHttpClient<'c> for GuardedClient {
    type Error = CallError;
    type Future = BoxFuture<'c, Result<HttpResponse, CallError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// The provider of an issuer.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    http: GuardedClient,
    known: ArcSwapOption<KnownMetadata>,
    /// Held while a document is read; contains the last failure.
    reading: Mutex<Option<(Instant, SignInFailure)>>,
}

#[derive(Debug)]
struct KnownMetadata {
    metadata: Arc<ProviderMetadataWithLogout>,
    read: Instant,
}

impl Provider {
    /// The host of the issuer is the operator's choice, the endpoints in its document are not.
    pub(super) fn new(issuer: String) -> Self {
        let uri = issuer.parse::<http::Uri>().ok();
        let host = uri.as_ref().and_then(http::Uri::host).map(str::to_owned);
        let http = GuardedClient::new(host.into_iter().collect());
        let (known, reading) = (ArcSwapOption::empty(), Mutex::default());
        Self { issuer, http, known, reading }
    }

    /// The client for all endpoints.
    pub(super) fn http(&self) -> &GuardedClient {
        &self.http
    }

    /// The document; an old one if a new one cannot be read.
    pub(super) async fn metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, SignInFailure> {
        let known = self.known.load_full();
        match known {
            Some(known) if known.read.elapsed() < LIFETIME => Ok(Arc::clone(&known.metadata)),
            // One request reads a new document, the others do not wait for it.
            Some(known) => match self.reading.try_lock() {
                Ok(reading) => Ok(self
                    .read(reading, LIFETIME)
                    .await
                    .unwrap_or_else(|_| Arc::clone(&known.metadata))),
                Err(_) => Ok(Arc::clone(&known.metadata)),
            },
            None => self.read(self.reading.lock().await, LIFETIME).await,
        }
    }

    /// A document that is at most seconds old.
    pub(super) async fn read_again(
        &self,
    ) -> Result<Arc<ProviderMetadataWithLogout>, SignInFailure> {
        self.read(self.reading.lock().await, PAUSE).await
    }

    /// Reads the document, unless another request has read one of at most this age meanwhile.
    async fn read(
        &self,
        mut last_failure: MutexGuard<'_, Option<(Instant, SignInFailure)>>,
        age: Duration,
    ) -> Result<Arc<ProviderMetadataWithLogout>, SignInFailure> {
        if let Some(known) = self.known.load_full().filter(|known| known.read.elapsed() < age) {
            return Ok(Arc::clone(&known.metadata));
        }
        if let Some((at, failure)) = &*last_failure
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(failure.clone());
        }
        match self.discover().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                let known = KnownMetadata { metadata: Arc::clone(&metadata), read: Instant::now() };
                self.known.store(Some(Arc::new(known)));
                Ok(metadata)
            }
            Err(failure) => {
                *last_failure = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    async fn discover(&self) -> Result<ProviderMetadataWithLogout, SignInFailure> {
        let issuer = IssuerUrl::new(self.issuer.clone());
        let issuer = issuer.map_err(|error| SignInFailure::Unavailable(error.to_string()))?;
        let found = ProviderMetadataWithLogout::discover_async(issuer, &self.http).await;
        found.map_err(|error| SignInFailure::Unavailable(describe(&error)))
    }
}

/// The answer itself is not part of the text, which may name the issuer.
fn describe(error: &DiscoveryError<CallError>) -> String {
    let text = match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(_, _, problem) => problem.clone(),
        error => error.to_string(),
    };
    without_credentials(&text).into_owned()
}
