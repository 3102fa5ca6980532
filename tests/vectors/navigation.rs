//! Addresses to navigate to: only relative ones and http(s) to an allowed host pass.

use docent::domain::attribute::{Encoding, Template};
use docent::domain::project::{NavigationRefusal, Settings};
use docent::domain::value::Value;
use url::Url;

/// The page that a user looks at.
const PAGE: &str = "https://app.example.com/projects/7";

fn settings() -> Settings {
    let allowed_hosts = vec!["docs.example.com".to_owned(), "*.example.org".to_owned()];
    Settings { allowed_hosts, ..Settings::default() }
}

fn outcome(url: &str) -> &'static str {
    match settings().check_navigation(url) {
        Ok(()) => "passes",
        Err(NavigationRefusal::Scheme(_)) => "scheme",
        Err(NavigationRefusal::Host(_)) => "host",
        Err(NavigationRefusal::Malformed(_)) => "malformed",
    }
}

/// Where a browser on the page would go; `None` when nowhere.
fn arrival(url: &str) -> Option<Url> {
    Url::parse(PAGE).expect("a page").join(url).ok()
}

fn is_allowed(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let is_known = matches!(host, "app.example.com" | "docs.example.com") || host.ends_with(".example.org");
    is_known && matches!(url.scheme(), "http" | "https")
}

#[test]
fn only_safe_addresses_pass() {
    crate::watch_for_panics();
    let (mut refused, mut wrong) = (0, Vec::new());
    for vector in crate::read("navigation.jsonl") {
        let url = vector["url"].as_str().expect("an address");
        let came = outcome(url);
        if vector["expected"] != came {
            wrong.push(format!("{vector}: came {came}"));
        }
        refused += usize::from(came != "passes");
        if came == "passes" {
            let arrival = arrival(url).unwrap_or_else(|| panic!("{url:?} leads nowhere"));
            assert!(is_allowed(&arrival), "{url:?} leads to {arrival}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{refused} addresses refused");
    assert!(refused >= 200, "the set has {refused} addresses that must not pass");
    assert_eq!(crate::panics(), 0);
}

/// Each address of the set as the value of an attribute, where authors may put one: it
/// stays a part of the path or of the query.
#[test]
fn an_attribute_leads_nowhere_else() {
    crate::watch_for_panics();
    for vector in crate::read("navigation.jsonl") {
        let value = Value::Text(vector["url"].as_str().expect("an address").to_owned());
        for written in
            ["/go/{{user.next}}", "/go?next={{user.next}}", "https://docs.example.com/{{user.next}}#{{user.next}}"]
        {
            let template = Template::parse(written).expect("a template");
            let url = template.resolve(Encoding::Url, |_| Some(&value)).text;
            assert_eq!(outcome(&url), "passes", "{url:?}");
            let (arrival, expected) = (arrival(&url).expect("an address"), arrival(written).expect("an address"));
            assert_eq!(arrival.host(), expected.host(), "{url:?}");
            let stays = arrival.path().starts_with("/go") || arrival.host_str() == Some("docs.example.com");
            assert!(stays, "{url:?} leads to {arrival}");
        }
    }
    assert_eq!(crate::panics(), 0);
}
