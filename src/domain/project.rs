//! A project: everything its authors wrote.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::action::ActionKind;
use super::action::combination::Strictness;
use super::article::Article;
use super::automation::Automation;
use super::condition::Condition;
use super::custom_answer::CustomAnswer;
use super::experience::Experience;
use super::ids::{AnswerId, ArticleId, AutomationId, ExperienceId, HandlerName, PostId, SegmentId, TriggerId};
use super::locale::Locale;
use super::post::Post;
use super::segment::Segment;
use super::trigger::Trigger;

/// Everything the authors of one product wrote, checked and typed.
///
/// The entries are shared: a changed file makes a new project that holds the
/// same values for all other files.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// `project.yaml`.
    pub settings: Arc<Settings>,
    /// `articles/`.
    pub articles: BTreeMap<ArticleId, Arc<Article>>,
    /// `answers/`.
    pub answers: BTreeMap<AnswerId, Arc<CustomAnswer>>,
    /// `experiences/`.
    pub experiences: BTreeMap<ExperienceId, Arc<Experience>>,
    /// `posts/`.
    pub posts: BTreeMap<PostId, Arc<Post>>,
    /// `automations/`.
    pub automations: BTreeMap<AutomationId, Arc<Automation>>,
    /// `segments/`.
    pub segments: BTreeMap<SegmentId, Arc<Segment>>,
    /// `triggers/`.
    pub triggers: BTreeMap<TriggerId, Arc<Trigger>>,
}

impl Project {
    /// The conditions of the saved segments, as conditions are tested against.
    pub fn segment_conditions(&self) -> BTreeMap<SegmentId, Condition> {
        self.segments.iter().map(|(id, segment)| (id.clone(), segment.condition.clone())).collect()
    }
}

/// What an author may change about the whole project.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The agent's name.
    pub name: String,
    /// Who the agent is, for a model.
    pub persona: Option<String>,
    /// How the agent speaks, for a model.
    pub tone: Option<String>,
    /// What the agent says before the first message.
    pub greeting: Option<String>,
    /// Questions shown before the first message.
    pub suggestions: Vec<String>,
    /// The language of what names none.
    pub default_locale: Locale,
    /// What article addresses begin with when they name none of their own.
    pub articles_url: String,
    /// Hosts that navigation may lead to beside the page's own: exact, or `*.` and a domain.
    pub allowed_hosts: Vec<String>,
    /// What the agent says when it hands over, when handover is set up.
    pub handover_message: Option<String>,
    /// Names of custom attributes that templates may use.
    pub attributes: Vec<String>,
    /// Functions that Run JavaScript may call; absent when it is switched off.
    pub run_js: Option<Vec<HandlerName>>,
    /// Largest share of wrong answers among matches, 0 to 1.
    pub max_wrong_match_rate: f64,
    /// How lists of actions are checked.
    pub combination: Strictness,
    /// What the agent may do with each kind of action; offers when absent.
    pub action_policy: BTreeMap<ActionKind, Policy>,
    /// Most turns of one user in a day; no limit when absent.
    pub daily_turns_per_user: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "Assistant".to_owned(),
            persona: None,
            tone: None,
            greeting: None,
            suggestions: Vec::new(),
            default_locale: Locale::new("en").expect("`en` is a language tag"),
            articles_url: "/articles/".to_owned(),
            allowed_hosts: Vec::new(),
            handover_message: None,
            attributes: Vec::new(),
            run_js: None,
            max_wrong_match_rate: 0.01,
            combination: Strictness::default(),
            action_policy: BTreeMap::new(),
            daily_turns_per_user: None,
        }
    }
}

impl Settings {
    /// Whether navigation may lead to `host`.
    pub fn allows_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.allowed_hosts.iter().any(|allowed| match allowed.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => *allowed == host,
        })
    }

    /// Checks where a resolved address leads.
    ///
    /// # Errors
    /// When it is neither relative nor http(s) to an allowed host.
    pub fn check_navigation(&self, url: &str) -> Result<(), NavigationRefusal> {
        let refused = |reason: fn(String) -> NavigationRefusal, text: &str| Err(reason(text.to_owned()));
        if url.is_empty() || url.chars().any(|c| c.is_control() || c == '\\') || url.trim() != url {
            return refused(NavigationRefusal::Malformed, url);
        }
        match Url::parse(url) {
            Ok(absolute) => {
                match (absolute.scheme(), absolute.host_str()) {
                    ("http" | "https", Some(host))
                        if absolute.username().is_empty() && absolute.password().is_none() =>
                    {
                        if self.allows_host(host) { Ok(()) } else { refused(NavigationRefusal::Host, host) }
                    }
                    ("http" | "https", _) => refused(NavigationRefusal::Malformed, url),
                    (scheme, _) => refused(NavigationRefusal::Scheme, scheme),
                }
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                let base = Url::parse("https://page.invalid/").expect("a constant URL");
                match base.join(url) {
                    Ok(joined) if joined.host_str() == Some("page.invalid") && !url.starts_with("//") => Ok(()),
                    Ok(joined) => refused(NavigationRefusal::Host, joined.host_str().unwrap_or_default()),
                    Err(_) => refused(NavigationRefusal::Malformed, url),
                }
            }
            Err(_) => refused(NavigationRefusal::Malformed, url),
        }
    }
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NavigationRefusal {
    /// Another scheme than http and https.
    #[error("navigation with the scheme `{0}:` is refused")]
    Scheme(String),
    /// A host that is not on the allow-list.
    #[error("navigation to the host `{0}` is not allowed")]
    Host(String),
    /// Not an address, or one that browsers and people read differently.
    #[error("`{0}` is not a plain http(s) or relative URL")]
    Malformed(String),
}

/// What the agent may do with a kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Start it without a click, where nothing is changed.
    Allow,
    /// Offer it.
    Offer,
    /// Never mention it.
    Deny,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigation_stays_on_the_page_or_the_allow_list() {
        let settings = Settings {
            allowed_hosts: vec!["docs.example.com".to_owned(), "*.example.org".to_owned()],
            ..Settings::default()
        };
        for good in [
            "/billing",
            "billing?x=1#y",
            "./a",
            "#top",
            "https://docs.example.com/a",
            "http://a.example.org",
            "https://DOCS.example.com./",
        ] {
            assert_eq!(settings.check_navigation(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " /a",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "//evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "https://evil.com",
            "https://docs.example.com@evil.com",
            "https://docs.example.com.evil.com",
            "https://example.org",
            "https://xexample.org",
            "https:///evil.com",
            "mailto:a@b.c",
            "file:///etc/passwd",
            "https://u:p@docs.example.com/",
            "blob:https://docs.example.com/x",
            "///evil.com",
            "https://",
        ] {
            assert!(settings.check_navigation(bad).is_err(), "{bad}");
        }
    }
}
