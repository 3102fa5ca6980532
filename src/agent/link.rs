//! Links within quoted text, made to lead where they led in their article.

use percent_encoding::percent_decode_str;
use pulldown_cmark::{Event, LinkType, Parser, Tag};
use url::Url;

use super::reply::link_target;
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;
use crate::domain::project::Project;

/// Rewrites the relative links of a text quoted from `article`: to another
/// article's address, or to the article's own for a mere fragment. A relative
/// link that leads to no article becomes its text.
pub(super) fn rewritten(markdown: &str, article: &Article, project: &Project) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut copied = 0;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        let Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, .. }) = event else { continue };
        let link = &markdown[range.clone()];
        let Some(text) = link.rfind("](").map(|middle| &link[1..middle]) else { continue };
        out.push_str(&markdown[copied..range.start]);
        match destination(&dest_url, article, project) {
            Some(url) => out.push_str(&format!("[{text}]({url})")),
            None => out.push_str(text),
        }
        copied = range.end;
    }
    out.push_str(&markdown[copied..]);
    out
}

/// Where a link leads, or `None` when that cannot be told here.
fn destination(target: &str, article: &Article, project: &Project) -> Option<String> {
    if let Ok(absolute) = Url::parse(target) {
        return matches!(absolute.scheme(), "http" | "https" | "mailto").then(|| link_target(target));
    }
    if target.starts_with('/') {
        return Some(link_target(target));
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
            ("`handlers[name](event)` is [called](#x)", "`handlers[name](event)` is [called](/articles/docs/2fa#x)"),
            ("> ```js\n> handlers[name](event)\n> ```", "> ```js\n> handlers[name](event)\n> ```"),
            ("[x](javascript:alert)", "x"),
        ] {
            assert_eq!(rewritten(written, &quoted, &project), expected, "{written}");
        }
    }
}
