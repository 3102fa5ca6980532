//! Who is asking, and from where.

use super::attribute::Attributes;
use super::ids::UserId;
use super::locale::Locale;
use super::page::Page;
use super::value::Value;

/// A person using the customer's product.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The customer's id of the user, or `anon-` and a UUID.
    pub id: UserId,
    /// Traits by their bare name, such as `plan` or `email`.
    pub traits: Attributes,
    /// The language the user's client asks for.
    pub locale: Option<Locale>,
}

impl User {
    /// A user of whom only the id is known.
    pub fn new(id: UserId) -> Self {
        Self { id, traits: Attributes::new(), locale: None }
    }
}

/// What is known at the moment of one turn.
#[derive(Clone, Debug, PartialEq)]
pub struct UserContext {
    /// The user.
    pub user: User,
    /// The page that the user looks at, when the client told.
    pub page: Option<Page>,
    /// Attributes given with this request, by their whole name.
    pub attributes: Attributes,
}

impl UserContext {
    /// A user of whom only the id is known, on no page.
    pub fn new(id: UserId) -> Self {
        Self { user: User::new(id), page: None, attributes: Attributes::new() }
    }

    /// The attributes a template may name: `user.*` from the user's own traits,
    /// `page.*` from the page, and any other name from this request. What a
    /// request brings can add to a user's traits but never replace one.
    pub fn template_attributes(&self) -> Attributes {
        let mut all: Attributes =
            self.attributes.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        all.insert("user.id", Value::Text(self.user.id.to_string()));
        for (name, value) in self.user.traits.iter() {
            all.insert(format!("user.{name}"), value.clone());
        }
        if let Some(page) = &self.page {
            all.insert("page.url", Value::Text(page.url.to_string()));
            if let Some(title) = &page.title {
                all.insert("page.title", Value::Text(title.clone()));
            }
        }
        all
    }
}
