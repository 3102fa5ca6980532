//! Articles as pages, for those whose citations should lead somewhere.
//!
//! Only articles without an audience: a page has no user to test one against.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

use super::App;
use super::router::{Refusal, refusal};
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;

pub(crate) async fn article(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let project = app.answerer.published().project;
    let found = ArticleId::new(&id).ok().and_then(|id| project.articles.get(&id));
    match found.filter(|article| article.audience.is_none()) {
        Some(article) => {
            let language = article.locale.as_ref().unwrap_or(&project.settings.default_locale).as_str();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            ([(CONTENT_TYPE, html)], page(article, language)).into_response()
        }
        None => refusal(Refusal::NotFound),
    }
}

/// The article as a page.
pub fn page(article: &Article, language: &str) -> String {
    let title = escaped(&article.title);
    let mut body = String::new();
    for section in &article.sections {
        if let Some(heading) = section.heading_path.last() {
            let level = (section.heading_path.len() + 1).min(6);
            let anchor = section.anchor.as_deref().map(escaped).unwrap_or_default();
            let _ = writeln!(body, "<h{level} id=\"{anchor}\">{}</h{level}>", escaped(heading));
        }
        let markdown: Vec<&str> = section.blocks.iter().map(|block| block.markdown.as_str()).collect();
        body.push_str(&safe_html(&markdown.join("\n\n")));
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/article.css\">\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n\
         </body>\n</html>\n",
        escaped(language)
    )
}

/// Markdown as HTML without anything that a browser would run or fetch: raw HTML
/// and images are dropped, links lead only to http(s), mail or the same site.
fn safe_html(markdown: &str) -> String {
    let mut unlinked = 0_u32;
    let mut in_image = 0_u32;
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(
        |event| match event {
            Event::Html(_) | Event::InlineHtml(_) => None,
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => None,
            Event::Start(Tag::Image { .. }) => {
                in_image += 1;
                None
            }
            Event::End(TagEnd::Image) => {
                in_image = in_image.saturating_sub(1);
                None
            }
            Event::Start(Tag::Link { ref dest_url, .. }) if in_image > 0 || !is_safe_link(dest_url) => {
                unlinked += 1;
                None
            }
            Event::End(TagEnd::Link) if unlinked > 0 => {
                unlinked -= 1;
                None
            }
            event => Some(event),
        },
    );
    let mut out = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut out, events);
    out
}

fn is_safe_link(url: &str) -> bool {
    // What browsers strip before they read the scheme must not hide one.
    let plain: String = url.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let scheme_end = plain.find(':');
    let path_start = plain.find(['/', '?', '#']).unwrap_or(plain.len());
    match scheme_end {
        Some(end) if end < path_start => {
            matches!(plain[..end].to_ascii_lowercase().as_str(), "http" | "https" | "mailto")
        }
        Some(_) | None => true,
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_runs_or_fetches_survives() {
        let html = safe_html(
            "<script>alert(1)</script>\n\n# A <b onclick=x>b</b>\n\n[x](javascript:alert(1)) [y](JaVa\tscript:1) \
             ![pic](https://evil.example/p.png) [z](https://ok.example/?a=b:c) [m](/a:b) \
             [![i](http://e.example/i)](data:text/html,x) `<img src=x>`",
        );
        for bad in ["<script", "<b", "onclick=x>", "javascript:", "<img", "evil.example", "data:"] {
            assert!(!html.contains(bad), "{bad} in {html}");
        }
        assert!(html.contains("href=\"https://ok.example/?a=b:c\"") && html.contains("href=\"/a:b\""), "{html}");
    }
}
