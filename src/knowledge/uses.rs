//! What a file refers to beyond itself, with places, for the checks across files.

use crate::diagnostic::Place;
use crate::domain::action::Action;
use crate::domain::action::availability::Context;
use crate::domain::attribute::Template;
use crate::domain::experience::ExperienceKind;
use crate::domain::ids::HandlerName;

use super::kind::Kind;

/// Everything that one file refers to.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// Other objects by their id.
    pub references: Vec<Reference>,
    /// Lists of actions.
    pub sites: Vec<ActionSite>,
    /// Attributes named in templates.
    pub attributes: Vec<AttributeUse>,
    /// Names that templates of this file may use beside attributes.
    pub arguments: Vec<String>,
    /// Addresses that navigation leads to.
    pub addresses: Vec<AddressUse>,
    /// Functions of the page that are called.
    pub handlers: Vec<(HandlerName, Place)>,
    /// Phrases of a Custom Answer.
    pub phrases: Vec<PhraseUse>,
}

/// An id of another object.
#[derive(Debug)]
pub(crate) struct Reference {
    /// What it should be the id of.
    pub kind: Kind,
    /// The id as it was written.
    pub id: String,
    /// Where.
    pub place: Place,
    /// What for.
    pub role: Role,
}

/// What an id of another object is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The object is started or opened, so it should be live for the same people.
    Launch,
    /// Its state or membership is asked for.
    Mention,
    /// It is shown inside, and must be a checklist.
    Checklist,
}

/// A list of actions and where it stands.
#[derive(Debug)]
pub(crate) struct ActionSite {
    /// The list as a whole.
    pub place: Place,
    /// The kind of place that it is.
    pub context: Context,
    /// The experience and step around it; absent outside experiences.
    pub inside: Option<Inside>,
    /// The actions, each with its own place.
    pub actions: Vec<(Action, Place)>,
    /// Whether Run JavaScript is told to go first.
    pub js_first: bool,
}

/// Where in an experience a list of actions stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inside {
    /// The kind of the experience.
    pub kind: ExperienceKind,
    /// Whether it is the first step, or there is only one.
    pub first_step: bool,
}

/// One attribute named in a template.
#[derive(Debug)]
pub(crate) struct AttributeUse {
    /// Its whole name.
    pub name: String,
    /// Whether the template says what stands there without it.
    pub has_fallback: bool,
    /// Its opening braces.
    pub place: Place,
}

/// An address that navigation leads to.
#[derive(Debug)]
pub(crate) struct AddressUse {
    /// The address.
    pub url: Template,
    /// Where it is written.
    pub place: Place,
}

/// A phrase of a Custom Answer.
#[derive(Debug)]
pub(crate) struct PhraseUse {
    /// As it was written.
    pub text: String,
    /// As phrases are compared.
    pub normal: String,
    /// Whether it must not match.
    pub negative: bool,
    /// Where.
    pub place: Place,
}
