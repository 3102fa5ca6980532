//! Tells texts apart that differ in what they want done: "turn on" and "turn
//! off", "with" and "without", "2" and "3".
//!
//! Vectors and shared words put opposites close together, so nothing may match
//! on these alone. A text has a side on each axis that it mentions; two texts
//! conflict when they stand on opposite sides of one axis, when one negates and
//! the other does not, or when both name numbers and the numbers differ.

use std::collections::BTreeSet;

/// Word pairs that ask for opposite things. Each line is one axis: the words on
/// the two sides, in the forms in which people write them.
const AXES: &[(&[&str], &[&str])] = &[
    (
        &["on", "enable", "enabled", "enabling", "activate", "activated", "activating", "reactivate"],
        &["off", "disable", "disabled", "disabling", "deactivate", "deactivated", "deactivating"],
    ),
    (
        &["add", "added", "adding", "create", "created", "creating", "new", "make"],
        &[
            "remove",
            "removed",
            "removing",
            "delete",
            "deleted",
            "deleting",
            "cancel",
            "canceled",
            "cancelled",
            "erase",
            "drop",
        ],
    ),
    (
        &["import", "imported", "importing", "upload", "uploading"],
        &["export", "exported", "exporting", "download", "downloading"],
    ),
    (&["upgrade", "upgraded", "upgrading"], &["downgrade", "downgraded", "downgrading"]),
    (
        &["start", "started", "starting", "begin", "launch", "resume", "resumed", "unpause"],
        &["stop", "stopped", "stopping", "end", "pause", "paused", "pausing", "quit"],
    ),
    (&["subscribe", "subscribed", "subscribing"], &["unsubscribe", "unsubscribed", "unsubscribing"]),
    (&["show", "shown", "showing", "unhide", "display"], &["hide", "hidden", "hiding"]),
    (&["lock", "locked", "locking"], &["unlock", "unlocked", "unlocking"]),
    (&["block", "blocked", "blocking", "ban"], &["unblock", "unblocked", "unblocking", "unban"]),
    (&["open", "opened", "opening"], &["close", "closed", "closing"]),
    (&["increase", "raise", "more", "higher"], &["decrease", "lower", "reduce", "less", "fewer"]),
    (&["accept", "approve", "allow", "allowed", "permit"], &["decline", "reject", "deny", "forbid", "disallow"]),
    (&["connect", "connected", "connecting", "link", "attach"], &["disconnect", "disconnected", "unlink", "detach"]),
    (&["install", "installing"], &["uninstall", "uninstalling"]),
    (&["archive", "archived"], &["unarchive", "unarchived", "restore", "restored"]),
    (&["publish", "published", "publishing"], &["unpublish", "unpublished", "unpublishing"]),
    (&["login", "signin"], &["logout", "signout"]),
    (&["before", "earlier"], &["after", "later"]),
    (&["first", "oldest"], &["last", "newest", "latest"]),
    (&["buy", "purchase"], &["sell", "refund"]),
    (&["mute", "muted", "silence"], &["unmute", "unmuted"]),
    (&["assign", "assigned"], &["unassign", "unassigned"]),
    (&["public"], &["private"]),
    (&["encrypt", "encrypted"], &["decrypt", "decrypted"]),
];

/// Words that turn a request round.
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "without", "dont", "don't", "doesn't", "doesnt", "can't", "cant", "cannot", "won't", "wont",
    "isn't", "isnt", "avoid", "except", "unable", "nicht", "kein", "keine", "keinen", "ohne", "nie", "pas", "sans",
    "jamais", "sin", "nunca", "não", "sem", "non", "senza", "niet", "geen", "zonder", "不", "没", "没有", "无", "别",
];

/// Where a text stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polarity {
    /// Bit `i`: it mentions the first side of axis `i`.
    first: u32,
    /// Bit `i`: it mentions the second side of axis `i`.
    second: u32,
    negated: bool,
    numbers: BTreeSet<String>,
}

impl Polarity {
    /// Where the text made of `words` stands; words are in lower case.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut polarity = Self::default();
        for word in words {
            for (i, (first, second)) in AXES.iter().enumerate() {
                polarity.first |= u32::from(first.contains(&word)) << i;
                polarity.second |= u32::from(second.contains(&word)) << i;
            }
            polarity.negated ^= NEGATIONS.contains(&word);
            if word.starts_with(|c: char| c.is_ascii_digit()) {
                polarity.numbers.insert(word.trim_end_matches(['.', ',', '%']).to_owned());
            }
        }
        polarity
    }

    /// Why two texts ask for different things, when they do.
    pub fn conflict(&self, other: &Self) -> Option<&'static str> {
        let only = |polarity: &Self| (polarity.first & !polarity.second, polarity.second & !polarity.first);
        let ((first, second), (other_first, other_second)) = (only(self), only(other));
        if first & other_second != 0 || second & other_first != 0 {
            return Some("it asks for the opposite");
        }
        if self.negated != other.negated {
            return Some("one is negated and the other is not");
        }
        if !self.numbers.is_empty() && !other.numbers.is_empty() && self.numbers != other.numbers {
            return Some("the numbers differ");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(a: &str, b: &str) -> bool {
        let polarity = |text: &str| Polarity::of(text.split(' '));
        let (a, b) = (polarity(a), polarity(b));
        assert_eq!(a.conflict(&b).is_some(), b.conflict(&a).is_some(), "a conflict has no direction");
        a.conflict(&b).is_some()
    }

    #[test]
    fn opposites_conflict() {
        for (a, b) in [
            ("turn on two-factor authentication", "turn off two-factor authentication"),
            ("how do i add a user", "how do i delete a user"),
            ("import contacts", "export contacts"),
            ("pay with a card", "pay without a card"),
            ("why can i log in", "why can't i log in"),
            ("plan for 5 seats", "plan for 10 seats"),
        ] {
            assert!(conflict(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn paraphrases_do_not() {
        for (a, b) in [
            ("turn on two-factor authentication", "enable 2fa"),
            ("delete my account", "remove the account"),
            ("turn it off and on again", "turn it on"),
            ("what does it cost", "what does it cost for 5 seats"),
            ("i don't want emails without a reason", "i want emails with a reason"),
        ] {
            assert!(!conflict(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn every_word_stands_on_one_side_and_axes_fit_the_bits() {
        assert!(AXES.len() <= 32);
        let mut seen = BTreeSet::new();
        for (first, second) in AXES {
            for word in first.iter().chain(*second) {
                assert!(seen.insert(word), "`{word}` stands on two axes or sides");
            }
        }
    }
}
