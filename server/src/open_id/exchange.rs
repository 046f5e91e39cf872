//! Exchanges the code with which a browser came back for tokens. Anybody can send codes, so the
//! number of sign-ins that are finished concurrently is limited, in total and for each network of
//! clients. Does not check the tokens.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{CoreErrorResponseType, CoreTokenResponse};
use openidconnect::{
    AuthorizationCode, PkceCodeVerifier, ProviderMetadataWithLogout, RequestTokenError,
    StandardErrorResponse,
};
use serde_json::Value;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::timeout;

use super::endpoint::{EndpointError, ProviderEndpoint, problem, token_answer};
use super::{Client, OpenId, SignInFailure, brief, unreadable, unsuitable};
use crate::turns::KeyedTurns;

/// Maximum number of codes that are used concurrently, so that a frozen provider cannot occupy the
/// memory of the portal.
const TOTAL: usize = 64;
/// The same for one network: a quarter, since an office or a proxy may represent many users, and
/// the others must be able to sign in beside it.
const OF_NETWORK: usize = TOTAL / 4;
/// Time to wait for others to finish.
const WAIT: Duration = Duration::from_secs(5);

/// The sign-ins that are being finished.
#[derive(Debug)]
pub(super) struct Exchanges {
    all: Semaphore,
    networks: KeyedTurns<IpAddr>,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self { all: Semaphore::new(TOTAL), networks: KeyedTurns::default() }
    }
}

impl Exchanges {
    /// Finishes the sign-in of a client in this network, as soon as there are few enough others.
    pub(super) async fn run<T>(
        &self,
        network: IpAddr,
        sign_in: impl Future<Output = Result<T, SignInFailure>>,
    ) -> Result<T, SignInFailure> {
        // A client waits for its own network first, so that it takes nothing from the others.
        let turns = timeout(WAIT, async {
            let of_network = self.networks.wait(network, OF_NETWORK).await;
            Ok::<_, AcquireError>((of_network, self.all.acquire().await?))
        });
        let Ok(Ok(_turns)) = turns.await else {
            return Err(SignInFailure::Unavailable("too many users are signing in".to_owned()));
        };
        sign_in.await
    }
}

impl OpenId {
    /// The tokens for a code, and the document whose token endpoint issued them.
    pub(super) async fn exchange(
        &self,
        code: String,
        verifier: &PkceCodeVerifier,
        back: &str,
    ) -> Result<(Arc<ProviderMetadataWithLogout>, CoreTokenResponse), SignInFailure> {
        let code = AuthorizationCode::new(code);
        let metadata = self.provider.metadata().await?;
        let failure = match self.request(&metadata, &code, verifier, back).await {
            Ok(answer) => return Ok((metadata, answer)),
            Err(failure) => failure,
        };
        // The endpoint may have moved.
        if let SignInFailure::Unavailable(_) = failure
            && let Ok(newer) = self.provider.read_again().await
            && newer.token_endpoint() != metadata.token_endpoint()
        {
            let answer = self.request(&newer, &code, verifier, back).await?;
            return Ok((newer, answer));
        }
        Err(failure)
    }

    async fn request(
        &self,
        metadata: &ProviderMetadataWithLogout,
        code: &AuthorizationCode,
        verifier: &PkceCodeVerifier,
        back: &str,
    ) -> Result<CoreTokenResponse, SignInFailure> {
        let client: Client = self.client(metadata, back)?;
        let request = client.exchange_code(code.clone()).map_err(|error| unsuitable(&error))?;
        let verifier = PkceCodeVerifier::new(verifier.secret().clone());
        let endpoint = ProviderEndpoint { http: self.provider.http(), change: token_answer };
        let answer = request.set_pkce_verifier(verifier).request_async(&endpoint).await;
        answer.map_err(failure_of)
    }
}

/// Nothing of the answer but the error's code is part of the text, since it may contain tokens.
fn failure_of(
    error: RequestTokenError<EndpointError, StandardErrorResponse<CoreErrorResponseType>>,
) -> SignInFailure {
    match error {
        RequestTokenError::Request(error) => SignInFailure::Unavailable(error.to_string()),
        RequestTokenError::ServerResponse(answer) => SignInFailure::Rejected(format!(
            "the provider refused the code: {}",
            brief(answer.error())
        )),
        RequestTokenError::Parse(error, answer) => {
            let answer = serde_json::from_slice::<Value>(&answer).unwrap_or_default();
            let problem = match answer["id_token"].as_str() {
                Some(token) => format!("ID token: {}", unreadable(token)),
                None => problem(error.inner()),
            };
            SignInFailure::Unavailable(format!(
                "the token endpoint sent no valid answer: {problem}"
            ))
        }
        RequestTokenError::Other(problem) => SignInFailure::Unavailable(brief(&problem)),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    fn network(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test(start_paused = true)]
    async fn the_exchanges_of_one_network_leave_capacity_for_others() {
        let exchanges = Exchanges::default();
        let one =
            join_all((0..TOTAL).map(|_| exchanges.run(network(1), pending::<Result<(), _>>())));
        let mut one = Box::pin(one);
        assert!(one.as_mut().now_or_never().is_none());
        let started = Instant::now();
        assert!(exchanges.run(network(2), ready(Ok(()))).await.is_ok());
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert!(exchanges.run(network(1), ready(Ok(()))).await.is_err());
        assert_eq!(started.elapsed(), WAIT);
    }

    /// It would begin anew if the network were forgotten while its exchanges run.
    #[tokio::test(start_paused = true)]
    async fn a_network_has_its_limit_however_many_others_there_are() {
        let exchanges = Exchanges::default();
        let one = (0..OF_NETWORK).map(|_| exchanges.run(network(1), pending::<Result<(), _>>()));
        let mut one = Box::pin(join_all(one));
        assert!(one.as_mut().now_or_never().is_none());
        for other in 0..5_000_u32 {
            for _ in 0..2 {
                let done = exchanges.run(IpAddr::from(other.to_be_bytes()), ready(Ok(()))).await;
                assert!(done.is_ok());
            }
        }
        assert!(exchanges.run(network(1), ready(Ok(()))).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_waits_for_others_to_finish() {
        let exchanges = Exchanges::default();
        let second = || async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        };
        let all = join_all((0..TOTAL).map(|_| exchanges.run(network(1), second()))).await;
        assert!(all.iter().all(Result::is_ok));
    }
}
