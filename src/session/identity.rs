//! Who a user is, as the customer's own server signed it.
//!
//! A token is a JSON Web Token (RFC 7519) signed with HMAC-SHA-256 and nothing else:
//! the algorithm belongs to the key and is never taken from the token. It must name
//! the user (`sub`), this project (`aud`) and an end (`exp`) at most an hour away.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value as Json, json};

use super::moment::Moment;
use crate::domain::attribute::{Attributes, is_attribute_name};
use crate::domain::ids::UserId;
use crate::domain::secret::Secret;
use crate::domain::value::Value;
use crate::protocol::convert::value::from_json;

/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longest time that a token may have left, in seconds.
pub const MAX_LIFE_S: u64 = 3_600;
/// How far the clocks of two servers may differ, in seconds.
const LEEWAY_S: u64 = 30;
/// Most signed attributes.
const MAX_ATTRIBUTES: usize = 100;
/// Shortest secret, in bytes: as long as the hash (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// A secret that tokens are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityKey {
    /// Its name, which a token's `kid` tells.
    pub id: Option<String>,
    /// The secret.
    pub secret: Secret,
}

/// How users are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The active secrets; without any, tokens are refused.
    pub keys: Vec<IdentityKey>,
    /// Whether a token that does not hold makes its client an anonymous one instead
    /// of closing the connection: a step on the way to signed identity.
    pub lenient: bool,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The user.
    pub user: UserId,
    /// The user's signed traits.
    pub traits: Attributes,
    /// The token.
    pub token: Token,
}

/// What is kept of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its own identifier.
    pub id: Option<String>,
    /// When it was signed, when it tells.
    pub issued: Option<Moment>,
    /// When it ends.
    pub expires: Moment,
}

impl Token {
    /// From when on it holds no more, also where clocks differ.
    pub fn is_over_at(&self) -> Moment {
        self.expires.plus(LEEWAY_S * 1_000)
    }

    /// When it was signed at the earliest: as it tells, else as its end allows.
    pub fn earliest(&self) -> Moment {
        self.issued.unwrap_or(Moment(self.expires.0.saturating_sub(MAX_LIFE_S * 1_000)))
    }
}

/// Why a token does not hold; never with anything of the token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// There is no secret.
    #[error("this server has no identity secret, so it cannot verify tokens")]
    NoSecret,
    /// It is none, or was signed with another secret.
    #[error("the token is not one that this project's secret signed")]
    NotSigned,
    /// A claim is missing or wrong.
    #[error("the token's `{0}` is missing or not as it must be")]
    Claim(&'static str),
    /// It has ended.
    #[error("the token has expired")]
    Expired,
}

impl Identity {
    /// What `token` says, if one of the secrets signed it for `project`.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn verify(&self, token: &str, project: &str, now: Moment) -> Result<Verified, IdentityError> {
        if self.keys.is_empty() {
            return Err(IdentityError::NoSecret);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IdentityError::NotSigned);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| IdentityError::NotSigned)?;
        if header.alg != Algorithm::HS256 {
            return Err(IdentityError::NotSigned);
        }
        let fits = |key: &&IdentityKey| match (&header.kid, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            (Some(_), None) => false,
            (None, _) => true,
        };
        let claims = self
            .keys
            .iter()
            .filter(fits)
            .find_map(|key| signed_claims(token, &key.secret))
            .ok_or(IdentityError::NotSigned)?;
        read(&claims, project, now)
    }
}

/// The claims of a token that `secret` signed.
fn signed_claims(token: &str, secret: &Secret) -> Option<Map<String, Json>> {
    let mut validation = Validation::new(Algorithm::HS256);
    // The claims are checked here, against the time that the caller gives.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let key = DecodingKey::from_secret(secret.reveal().as_bytes());
    jsonwebtoken::decode::<Map<String, Json>>(token, &key, &validation).ok().map(|token| token.claims)
}

fn read(claims: &Map<String, Json>, project: &str, now: Moment) -> Result<Verified, IdentityError> {
    let seconds = now.0 / 1_000;
    let user = claims.get("sub").and_then(Json::as_str).and_then(|sub| UserId::new(sub).ok());
    // The name of an anonymous user is that user's secret, which nobody signs for.
    let user = user.filter(|user| !user.as_str().starts_with("anon-")).ok_or(IdentityError::Claim("sub"))?;
    let is_for_us = match claims.get("aud") {
        Some(Json::String(audience)) => audience == project,
        Some(Json::Array(audiences)) => audiences.iter().any(|audience| audience == project),
        _ => false,
    };
    if !is_for_us {
        return Err(IdentityError::Claim("aud"));
    }
    let expires = claims.get("exp").and_then(Json::as_u64).ok_or(IdentityError::Claim("exp"))?;
    if expires.saturating_add(LEEWAY_S) <= seconds {
        return Err(IdentityError::Expired);
    }
    if expires > seconds + MAX_LIFE_S + LEEWAY_S {
        return Err(IdentityError::Claim("exp"));
    }
    if claims.get("nbf").is_some_and(|begin| begin.as_u64().is_none_or(|begin| begin > seconds + LEEWAY_S)) {
        return Err(IdentityError::Claim("nbf"));
    }
    let token = match claims.get("jti") {
        None => None,
        Some(Json::String(id)) if !id.is_empty() && id.len() <= 200 => Some(id.clone()),
        Some(_) => return Err(IdentityError::Claim("jti")),
    };
    let issued = match claims.get("iat") {
        None => None,
        Some(issued) => Some(issued.as_u64().ok_or(IdentityError::Claim("iat"))?),
    };
    let moment = |seconds: u64| Moment(seconds.saturating_mul(1_000));
    let token = Token { id: token, issued: issued.map(moment), expires: moment(expires) };
    Ok(Verified { user, traits: traits(claims)?, token })
}

/// The traits of a token: its `attributes`, and `company`.
fn traits(claims: &Map<String, Json>) -> Result<Attributes, IdentityError> {
    let mut traits: Vec<(String, Value)> = Vec::new();
    match claims.get("attributes") {
        None => {}
        Some(Json::Object(attributes)) if attributes.len() <= MAX_ATTRIBUTES => {
            for (name, value) in attributes {
                let name = name.strip_prefix("user.").unwrap_or(name);
                if !is_attribute_name(name) {
                    return Err(IdentityError::Claim("attributes"));
                }
                traits.push((name.to_owned(), from_json(value)));
            }
        }
        Some(_) => return Err(IdentityError::Claim("attributes")),
    }
    match claims.get("company") {
        None => {}
        Some(company @ (Json::String(_) | Json::Object(_))) => traits.push(("company".to_owned(), from_json(company))),
        Some(_) => return Err(IdentityError::Claim("company")),
    }
    Ok(traits.into_iter().collect())
}

/// Signs a token for `user`, as the customer's server would: for development and for
/// load tests.
///
/// # Errors
/// When the claims cannot be signed.
pub fn sign(
    key: &IdentityKey,
    project: &str,
    user: &str,
    attributes: &Map<String, Json>,
    (now, life_s): (Moment, u64),
) -> Result<String, jsonwebtoken::errors::Error> {
    let header = Header { kid: key.id.clone(), ..Header::new(Algorithm::HS256) };
    let issued = now.0 / 1_000;
    let claims = json!({"sub": user, "aud": project, "iat": issued, "exp": issued + life_s, "attributes": attributes});
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(key.secret.reveal().as_bytes()))
}
