//! What a request says about where it comes from.
//!
//! A server on loopback is reached by this computer's programs, and by every website
//! its user visits: a name of theirs can be made to lead to 127.0.0.1, and then their
//! page is of the server's own origin. The name in `Host` gives it away.

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HOST};
use url::{Host, Url};

use super::App;
use super::router::Refusal;

/// Whether a request was sent on this computer to this computer, as far as its head
/// tells: by a loopback name, and not through a proxy.
pub fn is_local(headers: &HeaderMap) -> bool {
    let is_forwarded = headers.keys().any(|name| *name == FORWARDED || name.as_str().starts_with("x-forwarded-"));
    !is_forwarded && name_of(headers).is_some_and(is_loopback)
}

/// Whether a socket may be opened by the name that the request uses.
pub(crate) fn check(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    if !app.is_on_loopback || is_known(headers, &app.settings.now().allowed_origins) {
        return Ok(());
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host: String = host.chars().take(200).collect();
    tracing::info!(http.host = host, "a connection was refused because its host is neither loopback nor of an origin");
    Err(Refusal::Host)
}

/// Whether a server on loopback knows the name by which it is called: a loopback
/// name, or the host of one of `origins`.
pub fn is_known(headers: &HeaderMap, origins: &[String]) -> bool {
    name_of(headers).is_some_and(|name| {
        is_loopback(name)
            || origins
                .iter()
                .filter_map(|origin| Url::parse(origin).ok())
                .any(|origin| origin.host_str().is_some_and(|host| host.eq_ignore_ascii_case(name)))
    })
}

/// The name in `Host`, without the port.
fn name_of(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let host = host.to_str().ok()?;
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(name),
        Some(_) | None => Some(host),
    }
}

fn is_loopback(name: &str) -> bool {
    match Host::parse(name) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in all.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn only_loopback_names_and_those_of_origins_are_known() {
        let origins = ["https://app.example.com".to_owned(), "http://other.example:81".to_owned()];
        for good in [
            "localhost",
            "LOCALHOST:8787",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8787",
            "app.example.com",
            "app.example.com:443",
            "other.example",
        ] {
            assert!(is_known(&headers(&[("host", good)]), &origins), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "10.0.0.1",
            "[::2]",
            "localhost:80:evil",
            "app.example.com.evil.example",
            ":80",
        ] {
            assert!(!is_known(&headers(&[("host", bad)]), &origins), "{bad}");
        }
        assert!(!is_known(&headers(&[]), &origins));
        assert!(!is_known(&headers(&[("host", "localhost"), ("host", "evil.example")]), &origins));
    }

    #[test]
    fn what_came_through_a_proxy_is_not_local() {
        assert!(is_local(&headers(&[("host", "127.0.0.1:8787")])));
        assert!(!is_local(&headers(&[("host", "app.example.com")])));
        for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
            assert!(!is_local(&headers(&[("host", "127.0.0.1:8787"), (header, "x")])), "{header}");
        }
    }
}
