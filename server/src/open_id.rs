//! Sign-in with OpenID Connect: sends a browser to the provider, and exchanges the code with which
//! it returns for the claims about the user (authorization code flow with PKCE). Checks everything
//! that the provider says, also in the tokens that programs send; knows neither users nor sessions
//! of the portal.

mod bearer;
pub mod claims;
mod endpoint;
mod exchange;
mod provider;

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use castalia_core::redact::without_credentials;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreIdTokenClaims,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthType, ClaimsVerificationError, ClientId, ClientSecret,
    ConfigurationError, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, LogoutRequest,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::timeout;

use self::claims::Claims;
use self::endpoint::ProviderEndpoint;
use self::exchange::Exchanges;
use self::provider::Provider;
use crate::log_rate::shortened;
use crate::settings::sign_in::OpenIdSettings;

/// Tolerated difference between the clocks of the provider and of this machine.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Time to learn where the provider signs users out.
const END: Duration = Duration::from_secs(2);

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
    exchanges: Exchanges,
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
        Self { settings, provider, exchanges: Exchanges::default() }
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

    /// Exchanges the code with which a browser in this network came back. The caller has compared
    /// the state.
    ///
    /// # Errors
    /// Fails if the provider cannot be reached, or if a check fails.
    pub async fn finish(
        &self,
        code: String,
        pending: &PendingSignIn,
        back: &str,
        network: IpAddr,
    ) -> Result<Identified, SignInFailure> {
        self.exchanges.run(network, self.identify(code, pending, back)).await
    }

    async fn identify(
        &self,
        code: String,
        pending: &PendingSignIn,
        back: &str,
    ) -> Result<Identified, SignInFailure> {
        let PendingSignIn { nonce, verifier, .. } = pending;
        let (metadata, answer) = self.exchange(code, verifier, back).await?;
        let mut client = self.client(&metadata, back)?;
        let id_token = answer.extra_fields().id_token();
        let id_token = id_token
            .ok_or_else(|| SignInFailure::Rejected("the answer has no ID token".to_owned()))?;
        let mut verified = verify(&client, id_token, nonce);
        // The provider may have a new key, also under the name of the old one.
        if let Err(ClaimsVerificationError::SignatureVerification(_)) = verified {
            client = self.client(&*self.provider.read_again().await?, back)?;
            verified = verify(&client, id_token, nonce);
        }
        let wrong = |problem: String| SignInFailure::Rejected(format!("ID token: {problem}"));
        let subject = verified.map_err(|error| wrong(brief(&error)))?.subject().clone();
        let id_token = id_token.to_string();
        let claims = payload(&id_token).unwrap_or_default();
        check_start(&claims).map_err(wrong)?;
        let mut claims = Claims::new(claims);
        if claims.lacks(&self.settings) && client.user_info_url().is_some() {
            let access_token = answer.access_token().clone();
            claims.complete(self.user_info(&client, access_token, subject).await?);
        }
        Ok(Identified { claims, id_token })
    }

    /// The address at the provider where the user is signed out, if the provider has one and is
    /// known. `back` is the address to which the provider sends the browser then.
    pub async fn end(&self, id_token: &str, back: &str) -> Option<String> {
        // Signing out here does not wait for a provider that is down.
        let metadata = timeout(END, self.provider.metadata()).await.ok()?.ok()?;
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
        let endpoint = ProviderEndpoint {
            http: self.provider.http(),
            change: |answer: &mut Map<String, Value>| {
                answer.retain(|name, _| claims::is_used(name, &self.settings));
            },
        };
        let answer: Result<UserInfoClaims<OtherClaims, CoreGenderClaim>, _> =
            request.request_async(&endpoint).await;
        let claims = answer.map_err(|error| {
            let problem = match &error {
                UserInfoError::Request(error) => error.to_string(),
                UserInfoError::Response(status, ..) => {
                    format!("the answer has the status {status}")
                }
                UserInfoError::Parse(error) => endpoint::problem(error.inner()),
                UserInfoError::ClaimsVerification(error) => {
                    return SignInFailure::Rejected(format!("user info: {}", brief(error)));
                }
                error => brief(error),
            };
            SignInFailure::Unavailable(format!("user info: {problem}"))
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
    let verifier = client
        .id_token_verifier()
        // Some providers add the project, or the APIs that the access token is for.
        .set_other_audience_verifier_fn(|_| true)
        .set_time_fn(|| castalia_store::now() - SKEW)
        .set_issue_time_verifier_fn(check_issued);
    let claims = id_token.claims(&verifier, nonce)?;
    check_party(claims, client.client_id())?;
    Ok(claims)
}

/// A token that is also for others has to name this client as the one that requested it, as Apollo
/// requires. The library requires no more than that it is one of the audiences.
fn check_party(claims: &CoreIdTokenClaims, own: &ClientId) -> Result<(), ClaimsVerificationError> {
    let problem = match claims.authorized_party() {
        Some(party) if party != own => {
            format!("the claim `azp` names `{}` instead of this client", party.as_str())
        }
        None if claims.audiences().len() > 1 => {
            "there are several, and no claim `azp` names this client".to_owned()
        }
        _ => return Ok(()),
    };
    Err(ClaimsVerificationError::InvalidAudience(problem))
}

/// The claims in a token that was verified.
fn payload(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Why a token cannot be read, without its values.
fn unreadable(token: &str) -> String {
    let payload = token.split('.').nth(1).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    match payload.map(|payload| serde_json::from_slice::<CoreIdTokenClaims>(&payload)) {
        Some(Err(error)) => format!("its claims cannot be read: {}", endpoint::problem(&error)),
        Some(Ok(_)) => "its header or signature cannot be read".to_owned(),
        None => "it is not a JSON Web Token".to_owned(),
    }
}

fn check_issued(at: DateTime<Utc>) -> Result<(), String> {
    let is_past = at <= castalia_store::now() + SKEW;
    is_past.then_some(()).ok_or_else(|| format!("it was issued at {at}, which is in the future"))
}

/// The library does not know the claim `nbf`.
fn check_start(claims: &Map<String, Value>) -> Result<(), String> {
    let Some(start) = claims.get("nbf") else { return Ok(()) };
    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a second has no effect")]
    let seconds = start.as_f64().map(|seconds| seconds as i64);
    match seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)) {
        Some(start) if start <= castalia_store::now() + SKEW => Ok(()),
        Some(start) => Err(format!("it is not valid before {start}")),
        None => Err("its claim `nbf` is not a time".to_owned()),
    }
}

fn unsuitable(error: &ConfigurationError) -> SignInFailure {
    SignInFailure::Unavailable(format!("the provider has no such endpoint: {error}"))
}

/// The beginning of a text that another party chose, or that names the issuer.
fn brief(text: &impl ToString) -> String {
    shortened(&without_credentials(&text.to_string())).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_that_cannot_be_read_is_described_without_its_values() {
        let usual = json!({ "iss": "https://a", "aud": "a", "exp": 1, "iat": 1, "sub": "a" });
        let described = |name: &str, value: Value| {
            let mut claims = usual.clone();
            claims[name] = value;
            unreadable(&format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string())))
        };
        for (name, problem) in [
            ("updated_at", "its claims cannot be read: updated_at"),
            ("birthdate", "its claims cannot be read: birthdate"),
            ("exp", "its claims cannot be read: data did not match any variant of untagged enum"),
            ("nonce", "its claims cannot be read: invalid type at line 1 column"),
        ] {
            let text = described(name, json!([123_456_789]));
            assert!(text.starts_with(problem) && !text.contains("123456789"), "{text}");
        }
        assert_eq!(described("x", json!(1)), "its header or signature cannot be read");
        assert_eq!(unreadable("x"), "it is not a JSON Web Token");
        let empty = unreadable("e30.e30.x");
        assert!(empty.starts_with("its claims cannot be read: missing field `iss`"), "{empty}");
    }
}
