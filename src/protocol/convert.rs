//! From plain values to wire values and back.
//!
//! Templates are resolved on the way out, with one set of attributes, so nothing
//! that leaves the server still names one, except the message of a Launch Agent
//! action, which is resolved when it is launched.

pub mod action;
pub mod answer;
pub mod automation;
pub mod condition;
pub mod experience;
pub mod post;
pub mod value;

use crate::domain::attribute::{Attributes, Encoding, Template};
use crate::domain::project::Settings;

/// What templates are resolved with, and addresses checked against.
#[derive(Clone, Copy, Debug)]
pub struct Resolver<'a> {
    /// The attributes of the user, the page and the request, by their whole name.
    pub attributes: &'a Attributes,
    /// The project's settings.
    pub settings: &'a Settings,
}

impl Resolver<'_> {
    /// A text with its attributes filled in.
    pub fn text(&self, template: &Template) -> String {
        template.resolve(Encoding::Plain, |name| self.attributes.get(name)).text
    }

    /// An address with its attributes filled in; `None` when it may not be gone to.
    pub fn url(&self, template: &Template) -> Option<String> {
        let url = template.resolve(Encoding::Url, |name| self.attributes.get(name)).text;
        self.settings.check_navigation(&url).is_ok().then_some(url)
    }
}
