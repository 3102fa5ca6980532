//! The languages that a model card names in its front matter.

use std::collections::BTreeSet;

/// The primary subtags under `language:`, in each of the forms that cards use: a
/// word, a list in brackets, a list of lines. Empty when the card names none.
pub(super) fn languages(card: &str) -> BTreeSet<String> {
    let mut lines = card.lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return BTreeSet::new();
    }
    let front = lines.take_while(|line| line.trim_end() != "---");
    let mut found = BTreeSet::new();
    let mut is_list = false;
    for line in front {
        if let Some(value) = line.strip_prefix("language:") {
            is_list = value.trim().is_empty();
            found.extend(value.trim().trim_matches(['[', ']']).split(',').filter_map(subtag));
        } else if let Some(item) = line.trim_start().strip_prefix("- ").filter(|_| is_list) {
            found.extend(subtag(item));
        } else {
            is_list = false;
        }
    }
    found
}

/// The primary subtag of a language tag; `multilingual` and the like are none.
fn subtag(tag: &str) -> Option<String> {
    let tag = tag.trim().trim_matches(['"', '\'']).to_lowercase();
    let primary = tag.split(['-', '_']).next()?;
    let is_subtag = matches!(primary.len(), 2 | 3) && primary.bytes().all(|byte| byte.is_ascii_lowercase());
    is_subtag.then(|| primary.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_found_in_each_form() {
        for (card, expected) in [
            ("---\nlanguage: en\nlicense: mit\n---\n# Model", vec!["en"]),
            (
                "---\nlicense: mit\nlanguage:\n- multilingual\n- de\n- zh-Hans\n- \"no\"\ntags:\n- fr\n---\n",
                vec!["de", "no", "zh"],
            ),
            ("---\nlanguage: [en, pt_BR]\n---\n", vec!["en", "pt"]),
            ("---\nlicense: mit\n---\nlanguage: en\n", vec![]),
            ("# language: en\n", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(languages(card).into_iter().collect::<Vec<_>>(), expected, "{card}");
        }
    }
}
