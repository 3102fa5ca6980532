//! Fragments that lead to headings, as GitHub makes them.

use rustc_hash::FxHashMap;

/// The anchors given so far in one article, each with how often it was asked for.
#[derive(Debug, Default)]
pub(crate) struct Anchors(FxHashMap<String, usize>);

impl Anchors {
    /// An anchor for a heading that no other heading of the article has.
    pub(crate) fn unique(&mut self, heading: &str) -> String {
        let slug = slug(heading);
        let Some(mut number) = self.0.get(&slug).copied() else {
            self.0.insert(slug.clone(), 0);
            return slug;
        };
        loop {
            number += 1;
            let anchor = format!("{slug}-{number}");
            if !self.0.contains_key(&anchor) {
                self.0.insert(anchor.clone(), 0);
                self.0.insert(slug, number);
                return anchor;
            }
        }
    }
}

/// Letters and digits of any script in lower case, `-` for each space.
fn slug(heading: &str) -> String {
    let mut slug = String::with_capacity(heading.len());
    for c in heading.trim().chars() {
        match c {
            '-' | '_' => slug.push(c),
            c if c.is_whitespace() => slug.push('-'),
            c if c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c) => {
                slug.extend(c.to_lowercase());
            }
            _ => {}
        }
    }
    if slug.is_empty() { "section".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn anchors_are_as_on_github() {
        let mut anchors = Anchors::default();
        for (heading, anchor) in [
            ("Export one project", "export-one-project"),
            ("What's new? (2026)", "whats-new-2026"),
            ("导出 数据", "导出-数据"),
            ("Über uns", "über-uns"),
            ("`run_js`", "run_js"),
            ("Export one project", "export-one-project-1"),
            ("Export one project 1", "export-one-project-1-1"),
            ("!?", "section"),
        ] {
            assert_eq!(anchors.unique(heading), anchor, "{heading}");
        }
    }

    proptest! {
        #[test]
        fn anchors_are_unique(headings in proptest::collection::vec("[ab1 -]{0,4}", 0..40)) {
            let mut anchors = Anchors::default();
            let mut all: Vec<_> = headings.iter().map(|heading| anchors.unique(heading)).collect();
            all.sort();
            all.dedup();
            prop_assert_eq!(all.len(), headings.len());
        }
    }
}
