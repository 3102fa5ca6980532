//! Which pages may open a socket.
//!
//! A filter, not authentication: browsers tell the truth about the origin, other
//! programs need not send one. There are no cookies, so a page that gets past it
//! gains nothing of the user's.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};

use super::App;
use super::router::Refusal;

/// Whether a page of the request's origin may open a socket, or do the same over HTTP.
pub(crate) fn check(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    if is_allowed(headers, &app.settings.now().allowed_origins) {
        return Ok(());
    }
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let origin: String = origin.chars().take(200).collect();
    tracing::info!(http.origin = origin, "a connection was refused because its origin is not allowed");
    Err(Refusal::Origin)
}

/// Whether a socket may be opened: no origin, the server's own, or one of `allowed`, exactly.
pub fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(_), Some(_)) => false,
        (Some(origin), None) => {
            let Ok(origin) = origin.to_str() else { return false };
            let host = headers.get(HOST).map(HeaderValue::to_str);
            allowed.iter().any(|one| one == origin) || matches!(host, Some(Ok(host)) if is_same_origin(origin, host))
        }
    }
}

/// The scheme is left out of the comparison: behind a proxy that ends TLS the page
/// is https and the server does not know it.
fn is_same_origin(origin: &str, host: &str) -> bool {
    let (authority, default_port) = if let Some(authority) = origin.strip_prefix("https://") {
        (authority, ":443")
    } else if let Some(authority) = origin.strip_prefix("http://") {
        (authority, ":80")
    } else {
        return false;
    };
    if authority.is_empty() || authority.contains(['/', '@', '?', '#', ' ']) {
        return false;
    }
    let without_default = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    without_default(authority) == without_default(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each origin against the host `app.example.com` and the allow-list below.
    #[test]
    fn only_exact_origins_pass() {
        let allowed = ["https://partner.example".to_owned(), "https://partner.example:8443".to_owned()];
        let check = |origin: Option<&str>, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("app.example.com"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_str(origin).expect("a header"));
            }
            assert_eq!(is_allowed(&headers, &allowed), expected, "{origin:?}");
        };
        check(None, true);
        for good in [
            "https://app.example.com",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://partner.example",
            "https://partner.example:8443",
        ] {
            check(Some(good), true);
        }
        for bad in [
            "null",
            "",
            "https://evil.example",
            "https://app.example.com.evil.example",
            "https://evilapp.example.com",
            "https://app.example.com:8443",
            "https://partner.example:444",
            "http://partner.example",
            "https://partner.example.",
            "https://app.example.com.",
            "https://sub.app.example.com",
            "https://app.example.com@evil.example",
            "https://xn--pp-example-com.example",
            "ftp://app.example.com",
            "https://app.example.com/",
            "//app.example.com",
            "app.example.com",
        ] {
            check(Some(bad), false);
        }
    }
}
