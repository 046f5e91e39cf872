//! Sign-in with OpenID Connect: sends a browser to the provider, and exchanges the code with which
//! it returns for the claims about the user (authorization code flow with PKCE). Checks everything
//! that the provider says, also in the tokens that programs send; knows neither users nor sessions
//! of the portal.

mod bearer;
pub mod claims;
mod provider;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, ConfigurationError, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    LogoutRequest, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope,
    SignatureVerificationError, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use self::claims::Claims;
use self::provider::Provider;
use crate::outgoing::guarded::CallError;
use crate::settings::sign_in::OpenIdSettings;

/// Tolerated difference between the clocks of the provider and of this machine.
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// Maximum number of codes that are exchanged concurrently, so that a frozen provider cannot
/// occupy the memory of the portal.
const EXCHANGES: usize = 64;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Reason why a user cannot be signed in. For the log.
#[derive(Debug, Clone)]
pub enum SignInFailure {
    /// The provider cannot be reached, or is not one.
    Unavailable(String),
    /// What the browser or the provider sent is not accepted.
    Rejected(String),
}

/// What the browser keeps while its user is at the provider.
#[derive(Serialize, Deserialize)]
pub struct PendingSignIn {
    /// Returned by the provider unchanged.
    pub state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// A user whom the provider has identified.
#[derive(Debug)]
pub struct Identified {
    /// What the provider says about the user.
    pub claims: Claims,
    /// The token with which the user can be signed out there.
    pub id_token: String,
}

/// The provider of the settings. Nothing is sent before the first sign-in.
#[derive(Debug)]
pub struct OpenId {
    settings: OpenIdSettings,
    provider: Provider,
    exchanges: Semaphore,
}

/// Claims beyond the standard ones.
#[derive(Debug, Serialize, Deserialize)]
struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

impl OpenId {
    /// A provider that has not been called yet.
    #[must_use]
    pub fn new(settings: OpenIdSettings) -> Self {
        let provider = Provider::new(settings.issuer.clone());
        Self { settings, provider, exchanges: Semaphore::new(EXCHANGES) }
    }

    /// The address at the provider to which a browser is sent, and what the browser keeps
    /// meanwhile. `back` is the address to which the provider sends it back.
    ///
    /// # Errors
    /// Fails if the provider cannot be reached.
    pub async fn begin(&self, back: &str) -> Result<(String, PendingSignIn), SignInFailure> {
        let client = self.client(&*self.provider.metadata().await?, back)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        let (address, state, nonce) = request.url();
        Ok((address.into(), PendingSignIn { state, nonce, verifier }))
    }

    /// Exchanges the code with which a browser came back. The caller has compared the state.
    ///
    /// # Errors
    /// Fails if the provider cannot be reached, or if a check fails.
    pub async fn finish(
        &self,
        code: String,
        pending: PendingSignIn,
        back: &str,
    ) -> Result<Identified, SignInFailure> {
        let busy = |_| SignInFailure::Unavailable("too many users are signing in".to_owned());
        let _permit = self.exchanges.try_acquire().map_err(busy)?;
        let metadata = self.provider.metadata().await?;
        let client = self.client(&metadata, back)?;
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| unsuitable(&error))?;
        let answer =
            request.set_pkce_verifier(pending.verifier).request_async(self.provider.http()?).await;
        let answer = answer.map_err(exchange_failure)?;
        let id_token = answer.extra_fields().id_token();
        let id_token = id_token
            .ok_or_else(|| SignInFailure::Rejected("the answer has no ID token".to_owned()))?;
        let subject = match verify(&client, id_token, &pending.nonce) {
            // The provider has a new key.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let metadata = self.provider.read_again().await?;
                let client = self.client(&metadata, back)?;
                verify(&client, id_token, &pending.nonce).map(|claims| claims.subject().clone())
            }
            verified => verified.map(|claims| claims.subject().clone()),
        };
        let subject =
            subject.map_err(|error| SignInFailure::Rejected(format!("ID token: {error}")))?;
        let mut claims = Claims::new(payload(&id_token.to_string()).unwrap_or_default());
        if claims.lacks(&self.settings) && client.user_info_url().is_some() {
            let access_token = answer.access_token().clone();
            claims.complete(self.user_info(&client, access_token, subject).await?);
        }
        Ok(Identified { claims, id_token: id_token.to_string() })
    }

    /// The address at the provider where the user is signed out, if the provider has one and is
    /// known. `back` is the address to which the provider sends the browser then.
    pub async fn end(&self, id_token: &str, back: &str) -> Option<String> {
        let metadata = self.provider.metadata().await.ok()?;
        let end = metadata.additional_metadata().end_session_endpoint.clone()?;
        let mut request = LogoutRequest::from(end)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back.to_owned()).ok()?);
        if let Ok(id_token) = id_token.parse::<CoreIdToken>() {
            request = request.set_id_token_hint(&id_token);
        }
        Some(request.http_get_url().into())
    }

    /// Claims that the provider did not put into the ID token.
    async fn user_info(
        &self,
        client: &Client,
        access_token: AccessToken,
        subject: openidconnect::SubjectIdentifier,
    ) -> Result<Map<String, Value>, SignInFailure> {
        let request =
            client.user_info(access_token, Some(subject)).map_err(|error| unsuitable(&error))?;
        let answer: Result<UserInfoClaims<OtherClaims, CoreGenderClaim>, _> =
            request.request_async(self.provider.http()?).await;
        let claims = answer.map_err(|error| match error {
            openidconnect::UserInfoError::Request(error) => {
                SignInFailure::Unavailable(error.to_string())
            }
            error => SignInFailure::Rejected(format!("user info: {}", brief(&error))),
        })?;
        match serde_json::to_value(&claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(SignInFailure::Rejected("the user info is not an object".to_owned())),
        }
    }

    fn client(
        &self,
        metadata: &ProviderMetadataWithLogout,
        back: &str,
    ) -> Result<Client, SignInFailure> {
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let id = ClientId::new(self.settings.client_id.clone());
        let back = RedirectUrl::new(back.to_owned());
        let back = back.map_err(|_| SignInFailure::Rejected(NO_ADDRESS.to_owned()))?;
        let auth_type =
            if self.settings.secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let client = CoreClient::from_provider_metadata(metadata.clone(), id, secret);
        Ok(client.set_redirect_uri(back).set_auth_type(auth_type))
    }
}

const NO_ADDRESS: &str =
    "the address of the portal is unknown; set apollo.portal.address in its settings";

fn verify<'t>(
    client: &Client,
    id_token: &'t CoreIdToken,
    nonce: &Nonce,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let verifier = client.id_token_verifier().set_time_fn(|| castalia_store::now() - SKEW);
    id_token.claims(&verifier, nonce)
}

/// The claims in a token that was verified.
fn payload(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn unsuitable(error: &ConfigurationError) -> SignInFailure {
    SignInFailure::Unavailable(format!("the provider has no such endpoint: {error}"))
}

/// An answer that cannot be parsed is not part of the text, since it may contain tokens.
fn exchange_failure<T: openidconnect::ErrorResponse>(
    error: openidconnect::RequestTokenError<CallError, T>,
) -> SignInFailure {
    use openidconnect::RequestTokenError as Kind;
    match error {
        Kind::Request(error) => SignInFailure::Unavailable(error.to_string()),
        Kind::ServerResponse(answer) => {
            SignInFailure::Rejected(format!("the provider refused the code: {}", brief(&answer)))
        }
        Kind::Parse(..) => {
            SignInFailure::Unavailable("the token endpoint sent no valid answer".into())
        }
        Kind::Other(problem) => SignInFailure::Unavailable(problem),
    }
}

/// The beginning of a text that another party chose.
fn brief(text: &impl ToString) -> String {
    crate::log_rate::shortened(&text.to_string()).to_owned()
}
