//! Links within quoted text, made to lead where they led in their article.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::domain::article::Article;
use crate::domain::ids::ArticleId;
use crate::domain::project::Project;

/// Rewrites the relative links of a text quoted from `article`: to another
/// article's address, or to the article's own for a mere fragment. A relative
/// link that leads to no article becomes its text.
pub(super) fn rewritten(markdown: &str, article: &Article, project: &Project) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(middle) = rest.find("](") {
        let Some(end) = rest[middle + 2..].find(')').map(|at| middle + 2 + at) else { break };
        let target = rest[middle + 2..end].trim_matches(['<', '>']);
        match destination(target, article, project) {
            Some(url) => {
                out.push_str(&rest[..middle + 2]);
                out.push_str(&url);
                out.push(')');
            }
            None => match opening(&rest[..middle]) {
                Some(start) => {
                    out.push_str(&rest[..start]);
                    out.push_str(&rest[start + 1..middle]);
                }
                None => out.push_str(&rest[..=end]),
            },
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Where a link leads, or `None` when that cannot be told here.
fn destination(target: &str, article: &Article, project: &Project) -> Option<String> {
    if target.starts_with('/') || Url::parse(target).is_ok() {
        return Some(target.to_owned());
    }
    let (path, fragment) = target.split_once('#').map_or((target, None), |(path, fragment)| (path, Some(fragment)));
    let url = if path.is_empty() {
        article.url.clone()
    } else {
        let base = Url::parse("project:/").ok()?.join(article.id.as_str()).ok()?;
        let joined = base.join(path).ok()?;
        let decoded = percent_decode_str(joined.path()).decode_utf8().ok()?;
        let id = decoded.trim_matches('/');
        let id = id.strip_suffix(".mdx").or_else(|| id.strip_suffix(".md")).unwrap_or(id);
        project.articles.get(&ArticleId::new(id).ok()?)?.url.clone()
    };
    Some(match fragment {
        Some(fragment) => format!("{url}#{fragment}"),
        None => url,
    })
}

/// The bracket that opens the link text at the end of `text`.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().rev().find_map(|(at, c)| {
        match c {
            ']' => depth += 1,
            '[' if depth == 0 => return Some(at),
            '[' => depth -= 1,
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn article(id: &str) -> Arc<Article> {
        Arc::new(Article {
            id: ArticleId::new(id).expect("an id"),
            title: String::new(),
            url: format!("/articles/{id}"),
            locale: None,
            audience: None,
            keywords: Vec::new(),
            sections: Vec::new(),
        })
    }

    #[test]
    fn links_lead_where_they_led_in_their_article() {
        let quoted = article("docs/2fa");
        let mut project = Project::default();
        for one in [article("docs/users-roles"), article("start")] {
            project.articles.insert(one.id.clone(), one);
        }
        for (written, expected) in [
            ("See [how to *create* one](users-roles.md).", "See [how to *create* one](/articles/docs/users-roles)."),
            (
                "[a](../start.md#top) and [b](./users-roles)",
                "[a](/articles/start#top) and [b](/articles/docs/users-roles)",
            ),
            ("[here](#codes)", "[here](/articles/docs/2fa#codes)"),
            (
                "[x](https://a.example/y) [z](/z) [m](mailto:a@b.example)",
                "[x](https://a.example/y) [z](/z) [m](mailto:a@b.example)",
            ),
            ("[gone [really]](gone.md) stays", "gone [really] stays"),
            ("a](b) and [c", "a](b) and [c"),
        ] {
            assert_eq!(rewritten(written, &quoted, &project), expected, "{written}");
        }
    }
}
