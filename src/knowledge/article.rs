//! Reading articles: Markdown or HTML, with front matter or without.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;

use super::reading::{Mapping, Reading};
use super::yaml::{Node, NodeKind};
use super::{front_matter, heading, html, markdown};

/// Most words of an article before it should be split.
pub(crate) const MAX_WORDS: usize = 50_000;

/// What the article stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// A project: its front matter is written for Docent.
    Project,
    /// A plain folder: its front matter is written for another tool.
    PlainFolder,
}

/// What is told about an article beside itself, for checks across files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digest {
    /// Hash of its text; absent when it has none.
    pub text: Option<u64>,
    /// Hash of its address.
    pub url: u64,
}

/// Reads an article whose path without its extension is `default_id`.
pub(crate) fn article(
    default_id: &str,
    articles_url: &str,
    setting: Setting,
    reading: &mut Reading<'_>,
) -> Option<(Article, Digest)> {
    let text = reading.text_of_file();
    let is_html = reading.path().ends_with(".html") || reading.path().ends_with(".htm");
    let converted = is_html.then(|| html::to_markdown(text));
    let parts = front_matter::split(converted.as_deref().unwrap_or(text));
    if parts.unclosed && !is_html {
        let message = "the front matter that begins here is never closed";
        let place = Place::at(reading.path().clone(), crate::diagnostic::Position::START);
        let hint = "add a line `---` after it";
        reading.report(match setting {
            Setting::Project => Diagnostic::error("front-matter", place, message).hint(hint),
            Setting::PlainFolder => Diagnostic::warning("front-matter", place, message).hint(hint),
        });
    }
    let before = reading.diagnostics.len();
    let root = parts.yaml.and_then(|yaml| reading.yaml(yaml, parts.yaml_line)).filter(|root| !root.is_null());
    let front = front(root.as_ref(), default_id, setting, reading);
    if setting == Setting::PlainFolder {
        soften(reading, before);
    }
    let front = front?;
    let split = markdown::split(parts.body, front.title.as_deref());
    let file_title = || reading.default_id().replace(['-', '_'], " ");
    let title = front.title.or(split.title).unwrap_or_else(file_title);
    if split.words == 0 {
        reading.report(
            Diagnostic::warning("empty-article", Place::file(reading.path().clone()), "this article has no text")
                .hint("write it below the front matter, or remove the file"),
        );
    } else if split.words > MAX_WORDS {
        let message = format!("this article has {} words; beyond {MAX_WORDS} it is slow to search", split.words);
        reading.report(
            Diagnostic::warning("long-article", Place::file(reading.path().clone()), message)
                .hint("split it into several articles"),
        );
    }
    let url = front.url.unwrap_or_else(|| format!("{articles_url}{}", front.id));
    let article = Article {
        id: front.id,
        title,
        url,
        locale: front.locale,
        audience: front.audience,
        keywords: front.keywords,
        sections: split.sections,
    };
    let digest = Digest { text: (split.words > 0).then(|| text_hash(&article)), url: hash(&article.url) };
    Some((article, digest))
}

/// What the front matter says.
struct Front {
    id: ArticleId,
    title: Option<String>,
    url: Option<String>,
    locale: Option<crate::domain::locale::Locale>,
    audience: Option<crate::domain::condition::Audience>,
    keywords: Vec<String>,
}

fn front(root: Option<&Node>, default_id: &str, setting: Setting, reading: &mut Reading<'_>) -> Option<Front> {
    let mut mapping = root
        .and_then(|root| Mapping::open(root, "the front matter", reading))
        .unwrap_or_else(|| Mapping::empty("the front matter"));
    let id = match setting {
        Setting::Project => article_id(&mut mapping, default_id, reading),
        Setting::PlainFolder => None,
    };
    let id = match id {
        Some(id) => id,
        None => default_article_id(default_id, reading)?,
    };
    let title = mapping.get("title").and_then(|node| reading.text(node));
    let url = mapping.get("url").and_then(|node| url(node, reading));
    let locale = mapping.get("locale").and_then(|node| reading.locale(node));
    let audience = match setting {
        Setting::Project => heading::audience(&mut mapping, reading),
        Setting::PlainFolder => None,
    };
    let keywords = mapping.get("keywords").map(|node| keywords(node, setting, reading)).unwrap_or_default();
    match setting {
        Setting::Project => mapping.close_with_warnings(reading),
        Setting::PlainFolder => mapping.close_partly(reading),
    }
    Some(Front { id, title, url, locale, audience, keywords })
}

fn article_id(mapping: &mut Mapping<'_>, default_id: &str, reading: &mut Reading<'_>) -> Option<ArticleId> {
    let node = mapping.get("id")?;
    let id = reading.id(node, ArticleId::new);
    reading.own_id(id.as_ref().map_or(default_id, ArticleId::as_str), Some(node.position));
    id
}

/// The path as an identifier: what identifiers may not have becomes `-`.
fn default_article_id(path: &str, reading: &mut Reading<'_>) -> Option<ArticleId> {
    let clean: String = path
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c) { '-' } else { c })
        .collect();
    match ArticleId::new(&clean) {
        Ok(id) => {
            reading.own_id(&clean, None);
            Some(id)
        }
        Err(error) => {
            let message = format!("the path is not an identifier: {error}");
            reading.file_error("invalid-id", message, "give the file a shorter name");
            None
        }
    }
}

fn url(node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let text = reading.text(node)?;
    let web = text.starts_with("https://") || text.starts_with("http://");
    let path = text.starts_with('/') && !text.starts_with("//");
    if (web && url::Url::parse(&text).is_ok()) || (path && !text.contains(['\\', ' '])) {
        return Some(text);
    }
    let hint = "write a path such as `/guide/export`, or an address that begins with `https://`";
    reading.error_with_hint("article-url", node.position, format!("`{text}` is not where readers can find it"), hint);
    None
}

fn keywords(node: &Node, setting: Setting, reading: &mut Reading<'_>) -> Vec<String> {
    match (&node.kind, setting) {
        (NodeKind::Scalar { text, .. }, Setting::PlainFolder) => {
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        }
        (NodeKind::Scalar { .. } | NodeKind::Sequence(_) | NodeKind::Mapping(_), _) => {
            reading.texts(node, "a list of keywords")
        }
    }
}

/// Front matter written for another tool is no mistake of this project.
fn soften(reading: &mut Reading<'_>, from: usize) {
    for diagnostic in reading.diagnostics.iter_mut().skip(from).filter(|diagnostic| diagnostic.code != "invalid-id") {
        diagnostic.severity = Severity::Warning;
    }
}

fn text_hash(article: &Article) -> u64 {
    let mut hasher = FxHasher::default();
    for section in &article.sections {
        section.heading_path.hash(&mut hasher);
        for block in &section.blocks {
            block.text.split_whitespace().for_each(|word| word.hash(&mut hasher));
        }
    }
    hasher.finish()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
