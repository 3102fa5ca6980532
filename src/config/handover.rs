//! Where handovers to people are told.

use super::embeddings::address;
use super::setting::Reader;
use crate::adapters::webhook_desk::WebhookSettings;
use crate::domain::secret::Secret;

/// The webhook, when it has an address.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<WebhookSettings> {
    let url = reader.optional("handover.webhook_url", "an address such as https://desk.example.com/handovers", address);
    let secret = reader.given("handover.webhook_secret").filter(|secret| !secret.is_empty()).map(Secret::new);
    Some(WebhookSettings { url: url?, secret })
}
