//! How phrases are compared here: letters and digits alone, in lower case.
//!
//! Two phrases with the same normal form are the same to any matcher. Phrases
//! that merely resemble each other are the matcher's own check.

use unicode_normalization::UnicodeNormalization;

/// The normal form of a phrase; empty when it has no letters or digits.
pub(crate) fn normalize(phrase: &str) -> String {
    let mut normal = String::with_capacity(phrase.len());
    for c in phrase.nfkc().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() || is_mark(c) {
            normal.push(c);
        } else if !matches!(c, '\'' | '’') && !normal.ends_with(' ') {
            normal.push(' ');
        }
    }
    normal.trim().to_owned()
}

/// Combining marks belong to their letter.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn case_space_and_punctuation_do_not_matter() {
        assert_eq!(normalize("  How do I EXPORT my data?! "), "how do i export my data");
        assert_eq!(normalize("what's new"), normalize("What’s  new?"));
        assert_eq!(normalize("如何导出？"), "如何导出");
        assert_eq!(normalize("?!"), "");
    }
}
