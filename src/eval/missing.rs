//! What is left out of a data set, so that questions about it have no answer.

use std::collections::BTreeSet;
use std::str::FromStr;

/// One of each so many, in their order; written `1/4` to `4/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which of them, from 1.
    nth: usize,
    of: usize,
}

impl FromStr for Missing {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(nth, of)| Some((nth.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((nth, of)) if 1 <= nth && nth <= of && of > 1 => Ok(Self { nth, of }),
            _ => Err("expected K/N, such as 1/4 for the first of each four"),
        }
    }
}

impl Missing {
    /// Those of `all` that are left out.
    pub fn of<'a>(self, all: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let all: BTreeSet<&str> = all.into_iter().collect();
        all.into_iter().skip(self.nth - 1).step_by(self.of).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_so_many_is_missing() {
        let missing = |text: &str| text.parse::<Missing>().map(|missing| missing.of(["b", "a", "c", "a", "d"]));
        assert_eq!(missing("2/2"), Ok(BTreeSet::from(["b".to_owned(), "d".to_owned()])));
        assert_eq!(missing("1/3"), Ok(BTreeSet::from(["a".to_owned(), "d".to_owned()])));
        for wrong in ["4", "0/4", "5/4", "1/1", "a/b", "-1/2"] {
            assert!(missing(wrong).is_err(), "{wrong}");
        }
    }
}
