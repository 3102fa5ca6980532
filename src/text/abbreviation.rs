//! Abbreviations that a text explains: "single sign-on (SSO)", "SSO (single sign-on)".

/// Characters of an abbreviation.
const LETTERS: std::ops::RangeInclusive<usize> = 2..=8;
/// Words with more letters than this are named by a letter of the abbreviation.
const SMALL_WORD: usize = 3;

/// Calls `visit` with each abbreviation that `text` explains and with the words that it
/// stands for.
///
/// The words are found as Schwartz and Hearst do (*A simple algorithm for identifying
/// abbreviation definitions in biomedical text*, PSB 2003): backwards, each letter of
/// the abbreviation in its order, the first one at the beginning of a word. Beyond that
/// every longer word must begin with one of the letters.
pub fn explained<'a>(text: &'a str, mut visit: impl FnMut(&'a str, &'a str)) {
    for (open, _) in text.match_indices('(') {
        let Some((inside, _)) = text[open + 1..].split_once(')') else { break };
        let (before, inside) = (text[..open].trim_end(), inside.trim());
        if is_short(inside) {
            if let Some(long) = meant(inside, before) {
                visit(inside, long);
            }
        } else {
            let short = before.rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
            if is_short(short) && meant(short, inside) == Some(inside) {
                visit(short, inside);
            }
        }
    }
}

fn is_short(text: &str) -> bool {
    LETTERS.contains(&text.chars().count())
        && text.chars().all(char::is_alphanumeric)
        && text.chars().filter(|c| c.is_uppercase()).count() > 1
}

/// The words at the end of `before` that `short` abbreviates.
fn meant<'a>(short: &str, before: &'a str) -> Option<&'a str> {
    let letters: Vec<char> = short.chars().flat_map(char::to_lowercase).collect();
    let most = (2 * letters.len()).min(letters.len() + 5);
    let clause = before.rsplit(['.', ',', ';', ':', '(', ')', '\n']).next().unwrap_or_default();
    let words = clause.split_whitespace().rev().take(most).last()?;
    let clause = &clause[words.as_ptr() as usize - clause.as_ptr() as usize..];
    let mut rest = clause;
    for (at, letter) in letters.iter().enumerate().rev() {
        loop {
            let (place, c) = rest.char_indices().next_back()?;
            rest = &rest[..place];
            let begins = !rest.ends_with(char::is_alphanumeric);
            if c.to_lowercase().eq([*letter]) && (at > 0 || begins) {
                break;
            }
        }
    }
    let long = &clause[rest.len()..];
    let begins = |word: &str| word.chars().next().is_some_and(|c| c.to_lowercase().all(|c| letters.contains(&c)));
    let mut long_words = long.split_whitespace().filter(|word| word.chars().count() > SMALL_WORD);
    let is_several = long.contains(|c: char| !c.is_alphanumeric());
    (is_several && long_words.all(begins)).then_some(long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_texts_explain() {
        for (text, expected) in [
            ("Turn on single sign-on (SSO) for everyone.", "SSO=single sign-on"),
            ("SSO (single sign-on) is free.", "SSO=single sign-on"),
            (
                "Read the Terms of Service (ToS). We use HyperText Transfer Protocol (HTTP).",
                "ToS=Terms of Service HTTP=HyperText Transfer Protocol",
            ),
            (
                "A System for Cross-domain Identity Management (SCIM)",
                "SCIM=System for Cross-domain Identity Management",
            ),
            ("Die Datenschutz-Grundverordnung (DSGVO)", "DSGVO=Datenschutz-Grundverordnung"),
            ("Please see the notes (PST).", ""),
            ("Choose a format (CSV) and a place (here).", ""),
            ("Ask us (by e-mail), or not (OK", ""),
            ("", ""),
        ] {
            let mut found = Vec::new();
            explained(text, |short, long| found.push(format!("{short}={long}")));
            assert_eq!(found.join(" "), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_words_hold_the_letters_in_their_order(text in "([A-C]{2,3}|[a-c]{1,6}|[ (),.ß]){0,40}") {
            explained(&text, |short, long| {
                let mut letters = long.chars().flat_map(char::to_lowercase);
                assert!(short.chars().flat_map(char::to_lowercase).all(|letter| letters.any(|c| c == letter)));
            });
        }
    }
}
