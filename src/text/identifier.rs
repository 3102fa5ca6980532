//! Names as programs write them: `user_id`, `fooBar`, `HTTP2Server`, `docent.toml`.
//!
//! A reader may look for the whole or for a word in it, so both are terms. The
//! whole is joined without its separators: `userId`, `user_id` and `user-id`
//! are one name, as are `e-mail` and `email`.

use std::ops::Range;

/// Characters that join the parts of a name when they stand between letters or digits.
pub fn is_connector(c: char) -> bool {
    matches!(c, '_' | '-' | '.' | '&' | '\u{2010}' | '\u{2011}')
}

/// Calls `visit` with the byte range of each part of `name`, in order: between
/// connectors, before a capital that follows a small letter or a digit, and
/// before the last of several capitals that a small letter follows.
///
/// Digits stay with the letters before them (`oauth2`), and a plural `s` after
/// capitals stays too (`APIs`). Calls it once when there is nothing to split.
pub fn parts(name: &str, mut visit: impl FnMut(Range<usize>)) {
    let mut start = 0;
    let mut before: Option<char> = None;
    let mut chars = name.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if is_connector(c) || c == '\'' || c == '’' {
            if at > start {
                visit(start..at);
            }
            start = at + c.len_utf8();
            before = None;
            continue;
        }
        let next = chars.peek().map(|(_, next)| *next);
        if let Some(before) = before
            && at > start
            && c.is_uppercase()
            && (before.is_lowercase()
                || (before.is_numeric() && next.is_some_and(char::is_lowercase))
                || (before.is_uppercase() && next.is_some_and(char::is_lowercase) && !is_plural_ending(name, at)))
        {
            visit(start..at);
            start = at;
        }
        before = Some(c);
    }
    if start < name.len() {
        visit(start..name.len());
    }
}

/// Whether only a small `s` follows the capital at `at`.
fn is_plural_ending(name: &str, at: usize) -> bool {
    let mut rest = name[at..].chars();
    rest.next();
    rest.next() == Some('s') && rest.next().is_none_or(|c| !c.is_alphanumeric())
}

/// Whether a name is a number with separators, such as `1.2`, `10-20` or `2026-03-01`.
pub fn is_number(name: &str) -> bool {
    name.chars().all(|c| c.is_numeric() || is_connector(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_their_words() {
        for (name, expected) in [
            ("user_id", "user id"),
            ("fooBar", "foo Bar"),
            ("HTTP2Server", "HTTP2 Server"),
            ("HTTPServer", "HTTP Server"),
            ("getHTTPResponse", "get HTTP Response"),
            ("docent.toml", "docent toml"),
            ("two-factor", "two factor"),
            ("__init__", "init"),
            ("oauth2", "oauth2"),
            ("APIs", "APIs"),
            ("userIDs", "user IDs"),
            ("GitHub", "Git Hub"),
            ("macOS", "mac OS"),
            ("Word", "Word"),
            ("URL", "URL"),
            ("überGroß", "über Groß"),
            ("Q&A", "Q A"),
            ("v1.2.3", "v1 2 3"),
        ] {
            let mut split = Vec::new();
            parts(name, |range| split.push(&name[range]));
            assert_eq!(split.join(" "), expected, "{name}");
        }
    }
}
