//! Languages of articles and users, as BCP 47 tags cut down to what matters here.

use std::fmt;

/// A language tag such as `en`, `pt-BR` or `zh-Hant`: the primary subtag in
/// lower case, kept with the rest of the tag as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale(String);

impl Locale {
    /// Reads a language tag; `_` counts as `-`.
    ///
    /// Returns `None` unless the primary subtag has two or three letters and the
    /// others one to eight letters or digits.
    pub fn new(tag: &str) -> Option<Self> {
        if tag.len() > 35 {
            return None;
        }
        let mut parts = tag.split(['-', '_']);
        let primary = parts.next()?;
        if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let mut normal = primary.to_ascii_lowercase();
        for part in parts {
            if part.is_empty() || part.len() > 8 || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return None;
            }
            normal.push('-');
            normal.push_str(part);
        }
        Some(Self(normal))
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The primary subtag, such as `pt` of `pt-BR`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locale({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_language_tags() {
        assert_eq!(
            Locale::new("PT_br").map(|l| (l.language().to_owned(), l.to_string())),
            Some(("pt".into(), "pt-br".into()))
        );
        for bad in ["", "e", "english-language", "12", "en--us", "en-"] {
            assert!(Locale::new(bad).is_none(), "{bad}");
        }
    }
}
