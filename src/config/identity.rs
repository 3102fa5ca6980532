//! Settings of signed identity.

use super::setting::Reader;
use crate::domain::secret::Secret;
use crate::session::identity::{Identity, IdentityKey, MIN_SECRET_BYTES};

/// Reads the secrets and how strictly tokens are taken.
pub(super) fn read(reader: &mut Reader<'_>) -> Identity {
    let mut keys = Vec::new();
    for (secret, id) in
        [("identity.secret", "identity.key_id"), ("identity.previous_secret", "identity.previous_key_id")]
    {
        let Some(given) = reader.given(secret).filter(|given| !given.is_empty()).map(Secret::new) else { continue };
        if given.reveal().len() < MIN_SECRET_BYTES {
            let message = format!("the secret has fewer than {MIN_SECRET_BYTES} bytes");
            reader.mistake(secret, &message, "make one with `openssl rand -base64 48`");
        }
        let id = reader.given(id).filter(|id| !id.is_empty()).map(str::to_owned);
        keys.push(IdentityKey { id, secret: given });
    }
    let enforce: bool = reader.parse("identity.enforce", "true or false", |text| text.parse().ok());
    Identity { keys, lenient: !enforce }
}
