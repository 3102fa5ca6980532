//! BM25F: one score over several fields of a passage.
//!
//! After Robertson, Zaragoza and Taylor, *Simple BM25 extension to multiple
//! weighted fields* (CIKM 2004): the frequencies of a term in the fields are
//! weighted and normalized by length field by field, added, and saturated once.
//! Adding up whole scores of fields instead would let a word in the title count
//! twice for saying the same.

/// A field that is searched.
///
/// The weights, the shares of length and [`SATURATION`] were chosen by `docent
/// eval retrieval --mode lexical` over the scifact, stackfaq and xquad sets: the
/// figures are flat around them (within 0.005 nDCG@10 for half or twice the value).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The title of the article.
    Title,
    /// The headings above the passage.
    Headings,
    /// The text of the passage.
    Body,
    /// What the author wants the article to be found by.
    Keywords,
}

/// The fields, in the order of their arrays.
pub const FIELDS: [Field; 4] = [Field::Title, Field::Headings, Field::Body, Field::Keywords];

impl Field {
    /// How much an occurrence counts beside one in the body.
    pub fn weight(self) -> f32 {
        match self {
            Self::Title => 2.5,
            Self::Headings => 1.5,
            Self::Body => 1.0,
            Self::Keywords => 2.0,
        }
    }

    /// How much the length of the field lowers the count, 0 to 1.
    pub fn length_share(self) -> f32 {
        match self {
            Self::Title => 0.4,
            Self::Headings => 0.4,
            Self::Body => 0.6,
            Self::Keywords => 0.2,
        }
    }
}

/// How soon more occurrences stop to matter.
pub const SATURATION: f32 = 1.2;

/// How much a term tells passages apart, when `frequency` of `count` passages have it.
pub fn inverse_document_frequency(count: usize, frequency: usize) -> f32 {
    let (count, frequency) = (count as f32, frequency as f32);
    (1.0 + (count - frequency + 0.5).max(0.0) / (frequency + 0.5)).ln()
}

/// The share of a term's weight for a weighted frequency, 0 to 1.
pub fn saturate(frequency: f32) -> f32 {
    frequency / (SATURATION + frequency)
}

/// What an occurrence counts in a field of `length` words where `average` is usual.
pub fn occurrence(field: Field, length: f32, average: f32) -> f32 {
    let share = field.length_share();
    field.weight() / (1.0 - share + share * length / average.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_terms_weigh_more_and_no_term_weighs_less_than_nothing() {
        assert!(inverse_document_frequency(100, 1) > inverse_document_frequency(100, 50));
        assert!(inverse_document_frequency(100, 100) > 0.0);
        // Deleted passages can leave a frequency above the count.
        assert!(inverse_document_frequency(10, 12) >= 0.0);
    }

    #[test]
    fn an_occurrence_counts_more_in_a_short_field() {
        assert!(occurrence(Field::Body, 50.0, 100.0) > occurrence(Field::Body, 200.0, 100.0));
        assert!((occurrence(Field::Body, 100.0, 100.0) - 1.0).abs() < 1e-6);
        assert!(saturate(1.0) < saturate(2.0) && saturate(1e9) <= 1.0);
    }
}
