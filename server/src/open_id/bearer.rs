//! Verifies tokens of the provider that programs send with each request instead of a session. Only
//! signatures by the provider's published keys are accepted: the client secret, with which some
//! providers sign the tokens of a sign-in, is known to more parties than the provider.

use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    ClaimsVerificationError, ClientId, JsonWebTokenType, Nonce, ProviderMetadataWithLogout,
};

use super::claims::Claims;
use super::{OpenId, SKEW, SignInFailure, brief, check_issued, check_start, payload, unreadable};

const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];
/// Types of tokens: any, and access tokens by RFC 9068. Not those of sign-outs, which a provider
/// sends to addresses that do not keep them secret.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

impl OpenId {
    /// The claims of a token that the provider signed for this audience. The provider is called for
    /// the first token, for keys that are an hour old, and at most once in ten seconds for a token
    /// whose signature the known keys do not verify.
    ///
    /// # Errors
    /// Fails if the provider cannot be reached, or if a check fails.
    pub async fn verify(&self, token: &str, audience: &str) -> Result<Claims, SignInFailure> {
        let parsed = token.parse::<CoreIdToken>().map_err(|_| rejected(&unreadable(token)))?;
        let metadata = self.provider.metadata().await?;
        let verified = match check(&metadata, &parsed, audience) {
            // The provider may have a new key, also under the name of the old one.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                check(&*self.provider.read_again().await?, &parsed, audience)
            }
            verified => verified,
        };
        verified.map_err(|error| rejected(&brief(&error)))?;
        let claims = payload(token).unwrap_or_default();
        check_start(&claims).map_err(|problem| rejected(&problem))?;
        Ok(Claims::new(claims))
    }
}

fn check(
    metadata: &ProviderMetadataWithLogout,
    token: &CoreIdToken,
    audience: &str,
) -> Result<(), ClaimsVerificationError> {
    let types = TYPES.map(|name| JsonWebTokenType::new(name.to_owned()).normalize());
    let (audience, keys) = (ClientId::new(audience.to_owned()), metadata.jwks().clone());
    let verifier =
        CoreIdTokenVerifier::new_public_client(audience, metadata.issuer().clone(), keys)
            .set_allowed_algs(ALGORITHMS)
            .set_allowed_jose_types(types.into_iter().flatten())
            // An access token may be for several services.
            .set_other_audience_verifier_fn(|_| true)
            .set_time_fn(|| castalia_store::now() - SKEW)
            .set_issue_time_verifier_fn(check_issued);
    // Nobody asked for this token, so it answers no nonce.
    token.claims(&verifier, |_: Option<&Nonce>| Ok(())).map(drop)
}

fn rejected(problem: &str) -> SignInFailure {
    SignInFailure::Rejected(format!("bearer token: {problem}"))
}
