//! Stems of words, where a stemmer for the language exists.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

use super::language::Language;

/// Longest word that is stemmed, in bytes; longer ones are no words of a language.
const MAX_STEMMED_BYTES: usize = 64;

/// Cuts words of one language down to their stems.
pub struct WordStemmer(Option<Stemmer>);

impl WordStemmer {
    /// The stemmer of a language; one that changes nothing where there is none.
    pub fn of(language: Language) -> Self {
        Self(algorithm(language).map(Stemmer::create))
    }

    /// The stem of a word in lower case. Short words and words with digits stay.
    pub fn stem<'a>(&self, word: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(stemmer)
                if (3..=MAX_STEMMED_BYTES).contains(&word.len()) && !word.bytes().any(|b| b.is_ascii_digit()) =>
            {
                stemmer.stem(word)
            }
            _ => Cow::Borrowed(word),
        }
    }
}

fn algorithm(language: Language) -> Option<Algorithm> {
    Some(match language.as_str() {
        "ar" => Algorithm::Arabic,
        "da" => Algorithm::Danish,
        "nl" => Algorithm::Dutch,
        "en" => Algorithm::English,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "no" => Algorithm::Norwegian,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "es" => Algorithm::Spanish,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem() {
        for (language, a, b) in [
            ("en", "exporting", "exports"),
            ("de", "rechnungen", "rechnung"),
            ("es", "facturas", "factura"),
            ("fr", "exportations", "exportation"),
            ("ru", "счета", "счет"),
        ] {
            let stemmer = WordStemmer::of(Language::new(language).unwrap());
            assert_eq!(stemmer.stem(a), stemmer.stem(b), "{language}");
        }
    }

    #[test]
    fn what_is_no_word_stays() {
        let stemmer = WordStemmer::of(Language::ENGLISH);
        for word in ["ids", "as", "s3buckets", "导出"] {
            assert_eq!(stemmer.stem(word), if word == "ids" { "id" } else { word });
        }
        let none = WordStemmer::of(Language::new("th").unwrap());
        assert_eq!(none.stem("exporting"), "exporting");
    }
}
