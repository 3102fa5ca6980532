//! Cases of the splitter: a text, and the blocks that it becomes.

use proptest::prelude::*;

use super::{clean, clean_html, split};
use crate::domain::article::BlockKind;

/// One line for each section and block.
fn shown(markdown: &str) -> String {
    let mut lines = Vec::new();
    for section in split(markdown, Some("Title")).sections {
        if let Some(anchor) = &section.anchor {
            lines.push(format!("{} #{anchor}", section.heading_path.join(" > ")));
        }
        for block in section.blocks {
            let kind = match block.kind {
                BlockKind::Paragraph => "paragraph",
                BlockKind::ListItem => "item",
                BlockKind::Quote => "quote",
                BlockKind::Code => "code",
                BlockKind::Table => "table",
            };
            lines.push(format!("{kind}: {}", block.markdown.replace('\n', "⏎")));
        }
    }
    lines.join("\n")
}

#[track_caller]
fn check(markdown: &str, expected: &str) {
    assert_eq!(shown(markdown), expected, "\n{}", clean(markdown));
}

#[test]
fn headings_make_sections_with_paths_and_anchors() {
    check(
        "Intro.\n\n# Title\n\nA.\n\n## Set up {#setup}\n\nB.\n\n### `docent init`\n\nC.\n\n## Set up\n\nD.\n\n## Empty\n\n## Set up\n\nE.",
        "paragraph: Intro.\n #title\nparagraph: A.\nSet up #setup\nparagraph: B.\nSet up > docent init #docent-init\n\
         paragraph: C.\nSet up #set-up\nparagraph: D.\nSet up #set-up-1\nparagraph: E.",
    );
}

#[test]
fn the_first_heading_is_the_title_when_there_is_none() {
    let found = split("# Export\n\nText.\n\n## Formats\n\nCSV.", None);
    assert_eq!(found.title.as_deref(), Some("Export"));
    assert_eq!(found.sections[0].heading_path, Vec::<String>::new());
    assert_eq!(found.sections[1].heading_path, ["Formats"]);
}

#[test]
fn blocks_stay_whole() {
    check(
        "- One\n  more\n- Two\n  1. a\n  2. b\n\n     ```sh\n     x\n\n     y\n     ```\n\n> Quote\n>\n> - in it\n\n```rust\nfn main() {}\n\n// end\n```\n\n| A | B |\n|---|:-:|\n| `a\\|b` \\| c | [d](e) |",
        "item: - One⏎  more\nitem: - Two⏎  1. a⏎  2. b⏎⏎     ```sh⏎     x⏎     ⏎     y⏎     ```\n\
         quote: > Quote⏎> - in it\ncode: ```rust⏎fn main() {}⏎⏎// end⏎```\n\
         table: | A | B |⏎|---|---|⏎| `a\\|b` \\| c | [d](e) |",
    );
}

#[test]
fn links_keep_their_targets_and_images_their_text() {
    check(
        "See [the *guide*](../guide.md#top \"t\"), [ref], <https://a.example/x> and ![a picture](x.png).\n\n[ref]: /r \"title\"",
        "paragraph: See [the *guide*](../guide.md#top), [ref](/r), [https://a.example/x](https://a.example/x) and a picture.",
    );
    let text = &split("See [the **guide**](x) and `code`.", None).sections[0].blocks[0].text;
    assert_eq!(text, "See the guide and code.");
}

#[test]
fn a_picture_on_its_own_line_is_found_but_not_shown() {
    let sections =
        split("Press **Export**.\n![The export dialog](x.png)\n\n<img alt=\"A *picture*\" src=\"x.png\">", None)
            .sections;
    let blocks: Vec<_> =
        sections[0].blocks.iter().map(|block| (block.markdown.as_str(), block.text.as_str())).collect();
    assert_eq!(blocks, [("Press **Export**.", "Press Export. The export dialog"), ("", "A *picture*")]);
}

#[test]
fn what_mdx_leaves_is_cleaned() {
    check(
        "import X from '@x';\nimport {\n  A,\n  B,\n} from '../b';\n\nexport const meta = {\n  a: 1\n}\n\n{/* a comment */}\nText{' '}more.\n\n\
         <Tabs>\n  <TabItem value=\"js\" label=\"JavaScript\">\n    First.\n\n    ```js\n    a();\n    ```\n  </TabItem>\n</Tabs>\n\n\
         <CtaBox\n  title=\"x > y\"\n  onClick={() => { go('}') }}\n/>\n\nEnd. <!-- hidden\n\nstill --> Seen.",
        "paragraph: Text more.\nparagraph: **JavaScript**\nparagraph: First.\ncode: ```js⏎a();⏎```\nparagraph: End.  Seen.",
    );
}

#[test]
fn prose_that_looks_like_a_module_stays() {
    check("import your data from a file.\n\nexport const values carefully", "paragraph: import your data from a file.");
    check("export your data.", "paragraph: export your data.");
}

#[test]
fn admonitions_are_quotations() {
    check(
        ":::tip Use a <b>proxy</b>\nText with `code`.\n\n```sh\nx\n```\n:::\n\nAfter.\n\n:::warning\nCareful.\n:::",
        "quote: > **Use a proxy**⏎>⏎> Text with `code`.⏎>⏎> ```sh⏎> x⏎> ```\nparagraph: After.\nquote: > **Warning**⏎>⏎> Careful.",
    );
}

#[test]
fn html_becomes_markdown() {
    check(
        "<h2>Plans &amp; <em>more</em></h2>\n<p>Ten<br/>seats &lt;now&gt;</p>\n<ul>\n  <li>One <a href=\"/x\">link</a></li>\n  <li>Two</li>\n</ul>\n\
         <details><summary>More</summary>\n\nHidden **text**.\n</details>\n<script>alert('x')</script>\n<img alt=\"A *picture*\" src=\"x.png\">\n",
        "Plans & more #plans--more\nparagraph: Ten⏎seats \\<now>\nitem: - One [link](/x)\nitem: - Two\nparagraph: More\n\
         paragraph: Hidden **text**.\nparagraph: ",
    );
    check(
        "<table>\n<tr><th>A</th><th>B</th></tr>\n<tr>\n<td>\n  one\n  two\n</td><td><code>a|b</code></td></tr>\n</table>",
        "table: | A | B |⏎|---|---|⏎| one two | `a\\|b` |",
    );
    check("<pre><code class=\"x\">a &lt; b\n  <b>c</b></code></pre>", "code: ```⏎a < b⏎  c⏎```");
}

#[test]
fn placeholders_and_comparisons_stay() {
    check(
        "Open https://x.example/<your_domain> or <domain>, if a < b and c<d>.",
        "paragraph: Open https://x.example/\\<your_domain> or \\<domain>, if a \\< b and c\\<d>.",
    );
    check("Put `<script>` there, and <script> here.", "paragraph: Put `<script>` there, and \\<script> here.");
    check("A {name} and {{user.name}} stay.", "paragraph: A {name} and {{user.name}} stay.");
    check("<CodeBlock>\n{example(\"a\", {b: 1})}\n{NAME}\n</CodeBlock>\n\nA <hr / > B.", "paragraph: A\nparagraph: B.");
}

#[test]
fn code_is_never_cleaned() {
    check("```html\n<script>x</script>\n:::tip\n```", "code: ```html⏎<script>x</script>⏎:::tip⏎```");
    check("Text\n\n    <b>indented</b>", "paragraph: Text\ncode: ```⏎<b>indented</b>⏎```");
    check("`` a ` <b> ``", "paragraph: `` a ` <b> ``");
}

#[test]
fn long_repetitions_end_soon() {
    let started = std::time::Instant::now();
    for piece in [
        "<",
        "<a b={",
        "<!--",
        "`",
        "``` a",
        "{/*",
        "<x",
        "</x",
        "[",
        "![",
        "> ",
        "- ",
        "<div>",
        "<table><tr><td>",
        "<Foo>",
        "<a b=\"",
        "{`",
        "&",
        "*a ",
        "_a",
        "|",
        "# a\n",
        ":::a\n",
        "<b> ",
        "<script>",
        "<unknown>",
        "</unknown",
        "<pre>",
        "<li>",
        "<ul><li>",
    ] {
        split(&piece.repeat((1 << 17) / piece.len()), None);
        clean_html(&piece.repeat((1 << 17) / piece.len()));
    }
    // Quadratic work on any of them would take minutes.
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn no_text_panics(text in "([a-c é]|\n|\n\n|<[a-c/]|</?(div|ul|li|table|td|tr|script|pre|code|a|Tab|h2)>|[<>{}`*_|#:\\\\&;!\\[\\]()-]|:::tip|```|import x from 'y'|<!--|-->|\\{/\\*){0,60}") {
        let found = split(&text, None);
        for section in &found.sections {
            for block in &section.blocks {
                prop_assert!(!block.text.trim().is_empty() && !block.markdown.trim().is_empty());
            }
        }
        clean_html(&text);
    }

    #[test]
    fn no_characters_panic(text in any::<String>()) {
        split(&text, None);
        clean_html(&text);
    }

    #[test]
    fn anchors_of_an_article_are_unique(headings in proptest::collection::vec("[aB1 é-]{0,3}", 0..20)) {
        let text: String = headings.iter().map(|heading| format!("## {heading}\n\nText.\n\n")).collect();
        let mut anchors: Vec<_> = split(&text, Some("t")).sections.into_iter().filter_map(|section| section.anchor).collect();
        let count = anchors.len();
        anchors.sort();
        anchors.dedup();
        prop_assert_eq!(anchors.len(), count);
    }
}
