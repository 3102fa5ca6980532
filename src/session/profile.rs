//! What one connection knows about its user, page and client.

use url::Url;

use super::conversation::tab::Visitor;
use super::identity::Token;
use super::settings::SessionSettings;
use crate::domain::action::ActionKind;
use crate::domain::attribute::Attributes;
use crate::domain::ids::{ClientId, UserId};
use crate::domain::locale::Locale;
use crate::domain::page::Page;
use crate::domain::user::{User, UserContext};
use crate::domain::value::Value;
use crate::protocol::context::{Attributes as WireAttributes, PageInfo};
use crate::protocol::convert::value::from_json;

/// Traits that the customer's server signed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignedTraits(pub Attributes);

/// Traits that the page claims, which anyone can set in a browser's console. They
/// never replace a signed one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimedTraits(pub Attributes);

/// What one connection knows about its user, page and client.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The user.
    pub user: UserId,
    /// The tab.
    pub client: ClientId,
    /// Traits from a verified token; none for an anonymous user.
    pub signed: SignedTraits,
    /// Traits from `hello` and `context.update`.
    pub claimed: ClaimedTraits,
    /// The language the user reads.
    pub locale: Option<Locale>,
    /// The page the user looks at.
    pub page: Option<Page>,
    /// What the client can carry out.
    pub capabilities: Vec<ActionKind>,
    /// Whether it gets traces.
    pub trace: bool,
    /// The token that says who the user is; none for an anonymous user.
    pub token: Option<Token>,
}

impl Profile {
    /// The tab, as its conversation knows it.
    pub fn visitor(&self) -> Visitor {
        Visitor { client: self.client.clone(), capabilities: self.capabilities.clone() }
    }

    /// What is known at the moment of a turn, with the attributes of the request.
    pub fn context(&self, request: &Attributes) -> UserContext {
        let traits = self.claimed.0.iter().chain(self.signed.0.iter());
        let traits: Attributes = traits.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let mut attributes: Attributes =
            self.claimed.0.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        for (name, value) in request.iter() {
            attributes.insert(name, value.clone());
        }
        UserContext {
            user: User { id: self.user.clone(), traits, locale: self.locale.clone() },
            page: self.page.clone(),
            attributes,
        }
    }

    /// Adds and removes claimed traits; `user.name` and `name` are the same one.
    ///
    /// # Errors
    /// What is wrong with them; then nothing is changed.
    pub fn claim(&mut self, wire: &WireAttributes, settings: &SessionSettings) -> Result<(), String> {
        let mut claimed: Vec<(String, Value)> =
            self.claimed.0.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        for (name, value) in wire {
            let name = name.strip_prefix("user.").unwrap_or(name);
            if !crate::domain::attribute::is_attribute_name(name) {
                let shown: String = name.chars().take(80).collect();
                return Err(format!("`{shown}` is not the name of an attribute"));
            }
            claimed.retain(|(known, _)| known != name);
            if !value.is_null() {
                claimed.push((name.to_owned(), from_json(value)));
            }
        }
        let bytes: usize = claimed.iter().map(|(name, value)| name.len() + size_of_value(value)).sum();
        if claimed.len() > settings.attributes || bytes > settings.attribute_bytes {
            return Err(format!(
                "a user has at most {} attributes of {} bytes together",
                settings.attributes, settings.attribute_bytes
            ));
        }
        self.claimed = ClaimedTraits(claimed.into_iter().collect());
        Ok(())
    }
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::Text(text) => text.len(),
        Value::List(values) => values.iter().map(size_of_value).sum::<usize>() + 8,
        Value::Map(values) => values.iter().map(|(name, value)| name.len() + size_of_value(value)).sum::<usize>() + 8,
    }
}

/// Longest address of a page, in bytes.
const MAX_PAGE_URL_BYTES: usize = 8 * 1024;

/// Reads a page.
///
/// # Errors
/// What is wrong with its address.
pub fn page(info: &PageInfo) -> Result<Page, String> {
    if info.url.len() > MAX_PAGE_URL_BYTES {
        return Err(format!("`page.url` has at most {MAX_PAGE_URL_BYTES} bytes"));
    }
    match Url::parse(&info.url) {
        Ok(url) => Ok(Page { url, title: info.title.as_ref().map(|title| title.chars().take(500).collect()) }),
        Err(error) => Err(format!("`page.url` is not an absolute URL: {error}")),
    }
}

/// Whether `text` is `anon-` and a UUID of version 4.
pub fn is_anonymous_id(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("anon-") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_traits_win_over_claimed_ones() {
        let mut profile = Profile {
            user: UserId::new("u1").expect("an id"),
            client: ClientId::new("c1").expect("an id"),
            signed: SignedTraits([("plan".to_owned(), Value::Text("free".to_owned()))].into_iter().collect()),
            claimed: ClaimedTraits::default(),
            locale: None,
            page: None,
            capabilities: Vec::new(),
            trace: false,
            token: None,
        };
        let wire = serde_json::json!({"user.plan": "pro", "name": "Ann", "gone": null});
        profile.claim(wire.as_object().expect("an object"), &SessionSettings::default()).expect("attributes");
        let context = profile.context(&Attributes::new());
        let all = context.template_attributes();
        assert_eq!(all.get("user.plan").map(ToString::to_string), Some("free".to_owned()));
        assert_eq!(all.get("user.name").map(ToString::to_string), Some("Ann".to_owned()));
        assert!(
            profile
                .claim(serde_json::json!({"a b": 1}).as_object().expect("an object"), &SessionSettings::default())
                .is_err()
        );
    }

    #[test]
    fn anonymous_ids_are_random_uuids() {
        assert!(is_anonymous_id("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a10"));
        for bad in [
            "",
            "anon-",
            "u1",
            "anon-1",
            "anon-9b2f7c1e-3f55-1c58-9d44-1f2f0e3b8a10",
            "anon-9b2f7c1e-3f55-4c58-1d44-1f2f0e3b8a10",
            "anon-9b2f7c1e3f554c589d441f2f0e3b8a10",
            "anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a1g",
        ] {
            assert!(!is_anonymous_id(bad), "{bad}");
        }
    }
}
