//! Words that are written together of several: German, Dutch and the Scandinavian
//! languages say `Rechnungsexport` for an export of invoices.

use super::language::Language;

/// Least letters of a part.
const PART_LETTERS: usize = 4;
/// What may stand between two parts.
const LINKS: [&str; 6] = ["", "s", "es", "n", "en", "er"];

/// Whether a language writes words together.
pub fn writes_together(language: Language) -> bool {
    matches!(language.as_str(), "de" | "nl" | "sv" | "da" | "no" | "nb" | "nn")
}

/// The pairs of words that a folded word may be made of, both of which `is_word` knows.
pub fn parts(word: &str, is_word: impl Fn(&str) -> bool) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let letters = |part: &str| part.chars().count();
    for (at, _) in word.char_indices().skip(PART_LETTERS) {
        let (first, second) = word.split_at(at);
        if letters(second) < PART_LETTERS {
            break;
        }
        if !is_word(second) {
            continue;
        }
        for link in LINKS {
            if let Some(first) = first.strip_suffix(link)
                && letters(first) >= PART_LETTERS
                && is_word(first)
            {
                pairs.push((first, second));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compounds_fall_into_words_that_are_known() {
        let known = ["rechnung", "export", "arbeit", "arbeits", "zeit", "größe", "porto"];
        for (word, expected) in [
            ("rechnungsexport", "rechnung+export"),
            ("arbeitszeit", "arbeits+zeit arbeit+zeit"),
            ("exportgröße", "export+größe"),
            ("rechnung", ""),
            ("zeitung", ""),
            ("exp", ""),
            ("", ""),
        ] {
            let found = parts(word, |part| known.contains(&part));
            let found: Vec<String> = found.into_iter().map(|(first, second)| format!("{first}+{second}")).collect();
            assert_eq!(found.join(" "), expected, "{word}");
        }
        let [german, english] = ["de", "en"].map(|code| Language::new(code).unwrap());
        assert!(writes_together(german) && !writes_together(english));
    }
}
