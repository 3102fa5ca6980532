//! Where vectors are searched: `[vectors]` and `[qdrant]` of the configuration.

use std::time::Duration;

use url::Url;

use super::setting::Reader;
use crate::adapters::qdrant::QdrantSettings;
use crate::domain::secret::Secret;

/// Longest name of a collection, in characters; a Qdrant server allows 255, and
/// the content of a version is named after it.
const MAX_COLLECTION_CHARS: usize = 200;

/// The Qdrant server, when vectors are searched there. Its settings are read in
/// any case, so that a mistake in them is found before they are needed.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<QdrantSettings> {
    let is_qdrant = reader.parse("vectors.store", "memory or qdrant", |text| match text {
        "memory" => Some(false),
        "qdrant" => Some(true),
        _ => None,
    });
    let settings = QdrantSettings {
        url: reader.parse("qdrant.url", "an address such as http://127.0.0.1:6334", |text| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            url.map(|_| text.to_owned())
        }),
        api_key: reader.given("qdrant.api_key").filter(|key| !key.is_empty()).map(Secret::new),
        collection: reader.parse("qdrant.collection", "a name of letters, digits, `-` and `_`", |text| {
            let is_name = (1..=MAX_COLLECTION_CHARS).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            is_name.then(|| text.to_owned())
        }),
        search_timeout: Duration::from_millis(reader.number("qdrant.timeout_ms", 1, 60_000)),
    };
    is_qdrant.then_some(settings)
}
