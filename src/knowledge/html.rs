//! HTML files as articles.

use super::markdown;

/// The text of an HTML file as Markdown; its title becomes the first heading
/// when it has no heading of level one.
pub(crate) fn to_markdown(html: &str) -> String {
    let body = markdown::clean_html(html);
    let lower = html.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|open| {
        let start = open + lower[open..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(html[start..end].split_whitespace().collect::<Vec<_>>().join(" "))
    });
    match title {
        Some(title) if !title.is_empty() && !lower.contains("<h1") => format!("# {title}\n\n{body}"),
        Some(_) | None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::to_markdown;

    #[test]
    fn elements_become_markdown() {
        let html = "<!DOCTYPE html>\n<html><head><title>Plans &amp; prices</title><style>p {}</style></head>\n<body>\n\
                    <h2>Pro</h2>\n   <p>Ten\n   <b>seats</b>, 2*3_4.</p><ul><li>One</li><li>Two <a href=\"/x\">link</a></li></ul>\
                    <pre><code>a &lt; b\n  c</code></pre><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2|3</td></tr></table>";
        let markdown = to_markdown(html);
        let squeezed: Vec<&str> = markdown.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(
            squeezed,
            [
                "# Plans &amp; prices",
                "## Pro",
                "Ten seats, 2\\*3\\_4.",
                "- One",
                "- Two [link](</x>)",
                "```",
                "a < b",
                "c",
                "```",
                "| A | B |",
                "|---|---|",
                "| 1 | 2\\|3 |",
            ]
        );
    }
}
