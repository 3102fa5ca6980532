//! Which address a request comes from.
//!
//! The peer's, unless it is a proxy that the operator names: then the address before
//! it in `X-Forwarded-For`, and so on. What anyone else writes there counts for nothing.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// Where each proxy adds the address that it was called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the client; none for a program on this computer.
pub(crate) fn of_client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let forwarded = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev() {
        if !proxies.iter().any(|proxies| proxies.contains(&address)) {
            break;
        }
        let Ok(before) = hop.parse::<IpAddr>() else { break };
        address = before.to_canonical();
    }
    (!address.is_loopback()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_named_proxies_are_believed() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse::<IpNet>().expect("a network"));
        for (peer, forwarded, expected) in [
            ("192.0.2.1", "", Some("192.0.2.1")),
            ("192.0.2.1", "203.0.113.9", Some("192.0.2.1")),
            ("127.0.0.1", "", None),
            ("127.0.0.1", "203.0.113.9", Some("203.0.113.9")),
            ("127.0.0.1", "198.51.100.7, 203.0.113.9, 10.1.2.3", Some("203.0.113.9")),
            ("::ffff:10.0.0.9", "203.0.113.9", Some("203.0.113.9")),
            ("10.0.0.9", "nonsense", Some("10.0.0.9")),
            ("10.0.0.9", "203.0.113.9, nonsense", Some("10.0.0.9")),
            ("10.0.0.9", "2001:db8::1", Some("2001:db8::1")),
            ("::1", "203.0.113.9", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED_FOR, HeaderValue::from_static(forwarded));
            let found = of_client(peer.parse().expect("an address"), &headers, &proxies);
            assert_eq!(found, expected.map(|address| address.parse().expect("an address")), "{peer} {forwarded}");
        }
    }
}
