//! Front matter: the YAML between two `---` lines at the top of a Markdown file.

/// The two parts of a Markdown file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontMatter<'t> {
    /// The YAML between the fences; absent when the file does not begin with one.
    pub yaml: Option<&'t str>,
    /// The line of the file on which the YAML begins.
    pub yaml_line: u32,
    /// The text after it.
    pub body: &'t str,
    /// The line of the file on which the body begins.
    pub body_line: u32,
    /// Whether the opening fence has no closing one; then all after it is body.
    pub unclosed: bool,
}

/// Splits a text at its fences; a byte order mark before them is skipped.
///
/// The opening fence is `---` on the first line; the closing one is `---` or
/// `...` on a line of its own. Lines may end in CR LF.
pub fn split(text: &str) -> FrontMatter<'_> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole = FrontMatter { yaml: None, yaml_line: 1, body: text, body_line: 1, unclosed: false };
    let Some((first, rest)) = text.split_once('\n') else {
        return FrontMatter { unclosed: is_fence(text), ..whole };
    };
    if !is_fence(first) {
        return whole;
    }
    let start = text.len() - rest.len();
    let (mut offset, mut line) = (start, 2);
    for content in rest.split_inclusive('\n') {
        line += 1;
        let end = offset + content.len();
        let content = content.trim_end();
        if content == "---" || content == "..." {
            let (yaml, body) = (Some(&text[start..offset]), &text[end..]);
            return FrontMatter { yaml, yaml_line: 2, body, body_line: line, unclosed: false };
        }
        offset = end;
    }
    FrontMatter { body: rest, body_line: 2, unclosed: true, ..whole }
}

fn is_fence(line: &str) -> bool {
    line.trim_end() == "---"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_at_the_fences() {
        for (text, yaml, body, body_line) in [
            ("---\na: 1\n---\nText\n", Some("a: 1\n"), "Text\n", 4),
            ("\u{feff}---\r\na: 1\r\n---\r\nText", Some("a: 1\r\n"), "Text", 4),
            ("---\n---\nText", Some(""), "Text", 3),
            ("---\na: 1\n...\n", Some("a: 1\n"), "", 4),
            ("Text\n---\nmore", None, "Text\n---\nmore", 1),
            ("----\na", None, "----\na", 1),
            ("", None, "", 1),
        ] {
            let parts = split(text);
            assert_eq!((parts.yaml, parts.body, parts.body_line, parts.unclosed), (yaml, body, body_line, false));
        }
    }

    #[test]
    fn a_fence_that_is_never_closed_is_seen() {
        assert!(split("---\ntitle: x\nText").unclosed);
        assert!(split("---").unclosed);
        assert_eq!(split("---\ntitle: x\nText").body, "title: x\nText");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_parts_are_in_it(text in "(-{1,4}|\\.\\.\\.|[a\u{feff}é :]|\r?\n){0,30}") {
            let parts = split(&text);
            prop_assert!(text.ends_with(parts.body));
            prop_assert!(parts.body_line as usize <= text.matches('\n').count() + 2);
            prop_assert!(parts.yaml.is_none_or(|yaml| text.contains(yaml)));
        }
    }
}
