//! Pages of the customer's product, and rules that say which ones are meant.

use std::fmt;

use globset::GlobMatcher;
use regex::Regex;
use url::Url;

/// A page that a user looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its absolute address.
    pub url: Url,
    /// Its title.
    pub title: Option<String>,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// A desktop or laptop computer.
    Desktop,
    /// A tablet.
    Tablet,
    /// A telephone.
    Mobile,
}

/// Which pages are meant: at least one of `any` (when there are any), none of `none`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRule {
    /// One of these must match.
    pub any: Vec<UrlTest>,
    /// None of these may match.
    pub none: Vec<UrlTest>,
    /// The device must be one of these, when there are any.
    pub device: Vec<Device>,
}

impl PageRule {
    /// Whether `page` is meant. The device is the client's to check, since only
    /// the client knows it.
    pub fn matches(&self, page: &Url) -> bool {
        (self.any.is_empty() || self.any.iter().any(|test| test.matches(page)))
            && !self.none.iter().any(|test| test.matches(page))
    }
}

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlPart {
    /// Host name without the port.
    Host,
    /// Path from the first `/`.
    Path,
    /// Query without the `?`.
    Query,
    /// Fragment without the `#`.
    Hash,
}

/// A test of one part of an address.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlTest {
    /// The part that is tested; an absent part counts as empty.
    pub part: UrlPart,
    /// How.
    pub pattern: Pattern,
}

impl UrlTest {
    /// Whether the part of `url` passes.
    pub fn matches(&self, url: &Url) -> bool {
        self.pattern.matches(match self.part {
            UrlPart::Host => url.host_str().unwrap_or_default(),
            UrlPart::Path => url.path(),
            UrlPart::Query => url.query().unwrap_or_default(),
            UrlPart::Hash => url.fragment().unwrap_or_default(),
        })
    }
}

/// How a text is compared.
#[derive(Clone)]
pub enum Pattern {
    /// The whole text.
    Exact(String),
    /// The beginning.
    Prefix(String),
    /// Any part.
    Contains(String),
    /// `*` within a path segment, `**` across them.
    Glob(GlobMatcher),
    /// A regular expression of linear time, found anywhere.
    Regex(Regex),
}

impl Pattern {
    /// Whether `text` passes.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Exact(whole) => text == whole,
            Pattern::Prefix(start) => text.starts_with(start),
            Pattern::Contains(part) => text.contains(part),
            Pattern::Glob(glob) => glob.is_match(text),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Pattern::Exact(text) => ("exact", text),
            Pattern::Prefix(text) => ("prefix", text),
            Pattern::Contains(text) => ("contains", text),
            Pattern::Glob(glob) => ("glob", glob.glob().glob()),
            Pattern::Regex(regex) => ("regex", regex.as_str()),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, text) = self.parts();
        write!(f, "{kind}({text:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_needs_one_of_any_and_none_of_none() {
        let glob = |text: &str| {
            let glob = globset::GlobBuilder::new(text).literal_separator(true).build().expect("a glob");
            UrlTest { part: UrlPart::Path, pattern: Pattern::Glob(glob.compile_matcher()) }
        };
        let rule = PageRule { any: vec![glob("/projects/*")], none: vec![glob("/projects/new")], device: vec![] };
        let matches = |url: &str| rule.matches(&Url::parse(url).expect("a URL"));
        assert!(matches("https://app.example.com/projects/7?x=1"));
        assert!(!matches("https://app.example.com/projects/new"));
        assert!(!matches("https://app.example.com/projects/7/edit"));
        assert!(!matches("https://app.example.com/"));
    }
}
