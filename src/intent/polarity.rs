//! Tells texts apart that differ in what they want done: "turn on" and "turn
//! off", "with" and "without", "2" and "3".
//!
//! Vectors and shared words put opposites close together, so nothing may match
//! on these alone. A text has a side on each axis that it mentions; a message
//! conflicts with an answer when it stands on the other side of an axis than all
//! its phrases, when it negates and none of them does, or the reverse, or when both
//! name numbers and the numbers differ.

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
    "not", "no", "never", "without", "dont", "don't", "avoid", "except", "nicht", "kein", "keine", "keinen", "ohne",
    "nie", "pas", "sans", "jamais", "sin", "nunca", "não", "sem", "non", "senza", "niet", "geen", "zonder", "不", "没",
    "没有", "无", "别",
];

/// Words that tell that something does not go.
const INABILITIES: &[&str] = &[
    "can't", "cant", "cannot", "won't", "wont", "doesn't", "doesnt", "isn't", "isnt", "unable", "didn't", "didnt",
    "couldn't", "couldnt",
];

/// Words that tell of trouble: "login fails" and "I can't log in" ask the same.
const TROUBLES: &[&str] = &[
    "fail",
    "fails",
    "failed",
    "failing",
    "error",
    "errors",
    "problem",
    "problems",
    "trouble",
    "issue",
    "issues",
    "broken",
    "stuck",
    "wrong",
    "refused",
    "denied",
    "impossible",
];

/// Words that ask for a reason: "why was it cancelled" is no wish to cancel.
const WHY: &[&str] = &["why", "warum", "wieso", "weshalb", "pourquoi", "waarom", "perché", "为什么"];

/// Words that ask for a person: "who cancelled it" is no wish to cancel either.
const WHO: &[&str] = &["who", "whose", "wer", "wessen", "qui", "quién", "chi", "谁"];

/// What a negation before it does not turn round: "I don't know how to export".
const IGNORANCE: &[&str] =
    &["know", "sure", "find", "figure", "see", "understand", "remember", "certain", "only", "just"];

/// What may stand between "from" and what is moved.
const ARTICLES: &[&str] = &["the", "a", "an", "my", "our", "your", "their", "its"];

/// Different numbers or places in an answer's phrases from which they are examples:
/// then another one asks for the same.
const EXAMPLES: usize = 3;
/// One phrase in so many must take a side for the answer to take it; one alone is
/// enough in an answer with fewer phrases than [`FEW_PHRASES`].
const TYPICAL_SHARE: usize = 5;
/// An answer with fewer phrases leaves open which of their words may change.
pub const FEW_PHRASES: usize = 8;

/// Where a text stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polarity {
    /// Bit `i`: it mentions the first side of axis `i`.
    first: u32,
    /// Bit `i`: it mentions the second side of axis `i`.
    second: u32,
    negated: bool,
    unable: bool,
    troubled: bool,
    asks_why: bool,
    asks_who: bool,
    numbers: BTreeSet<String>,
    /// The words behind "from" and "to".
    from: Option<String>,
    to: Option<String>,
}

impl Polarity {
    /// Where the text made of `words` stands; words are in lower case.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Self {
        let mut polarity = Self::default();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            for (i, (first, second)) in AXES.iter().enumerate() {
                polarity.first |= u32::from(first.contains(&word)) << i;
                polarity.second |= u32::from(second.contains(&word)) << i;
            }
            let admits_ignorance = words.peek().is_some_and(|next| IGNORANCE.contains(next));
            polarity.negated ^= NEGATIONS.contains(&word) && !admits_ignorance;
            polarity.unable |= INABILITIES.contains(&word) && !admits_ignorance;
            polarity.troubled |= TROUBLES.contains(&word);
            polarity.asks_why |= WHY.contains(&word);
            polarity.asks_who |= WHO.contains(&word);
            let next = || words.clone().find(|next| !ARTICLES.contains(next)).map(str::to_owned);
            match word {
                "from" => polarity.from = next(),
                "to" => polarity.to = next(),
                _ => {}
            }
            if word.starts_with(|c: char| c.is_ascii_digit()) {
                polarity.numbers.insert(word.trim_end_matches(['.', ',', '%']).to_owned());
            }
        }
        polarity
    }

    /// Whether it asks for two opposite things at once.
    pub fn is_both(&self) -> bool {
        self.first & self.second != 0
    }

    /// Why two texts ask for different things, when they do.
    pub fn conflict(&self, other: &Self) -> Option<&'static str> {
        let mut stance = Stance::default();
        stance.add(other);
        stance.conflict(self)
    }
}

/// What the phrases of one answer ask for, together: on a side that some of them
/// take, none can be opposed.
#[derive(Clone, Debug, Default)]
pub struct Stance {
    phrases: usize,
    /// How many phrases take the first side of each axis, and the second.
    sides: [[usize; 2]; 32],
    /// How many phrases are negated; are negated or tell that something does not
    /// go; do either or tell of trouble.
    negated: usize,
    unable: usize,
    troubled: usize,
    /// How many phrases ask for a reason, and for a person.
    asks_why: usize,
    asks_who: usize,
    /// What the phrases lead from and to.
    from: BTreeSet<String>,
    to: BTreeSet<String>,
    /// How many phrases name a number, and which.
    numbered: usize,
    numbers: BTreeSet<String>,
}

impl Stance {
    /// Takes in a phrase.
    pub fn add(&mut self, phrase: &Polarity) {
        self.phrases += 1;
        for (axis, [first, second]) in self.sides.iter_mut().enumerate() {
            *first += usize::from(phrase.first >> axis & 1 == 1);
            *second += usize::from(phrase.second >> axis & 1 == 1);
        }
        self.negated += usize::from(phrase.negated);
        self.unable += usize::from(phrase.negated || phrase.unable);
        self.troubled += usize::from(phrase.negated || phrase.unable || phrase.troubled);
        self.asks_why += usize::from(phrase.asks_why);
        self.asks_who += usize::from(phrase.asks_who);
        self.from.extend(phrase.from.clone());
        self.to.extend(phrase.to.clone());
        self.numbered += usize::from(!phrase.numbers.is_empty());
        self.numbers.extend(phrase.numbers.iter().cloned());
    }

    /// How many phrases it was taken from.
    pub fn phrases(&self) -> usize {
        self.phrases
    }

    /// Why `message` asks for something else, when it does.
    pub fn conflict(&self, message: &Polarity) -> Option<&'static str> {
        let (first, second) = (message.first & !message.second, message.second & !message.first);
        let opposed = self.sides.iter().enumerate().any(|(axis, sides)| {
            (first >> axis & 1 == 1 && sides[0] == 0 && self.is_typical(sides[1]))
                || (second >> axis & 1 == 1 && sides[1] == 0 && self.is_typical(sides[0]))
        });
        if opposed {
            return Some("it asks for the opposite");
        }
        let is_plain = !message.negated && !message.unable && !message.troubled;
        if self.phrases > 0 {
            if message.negated && self.negated == 0 {
                return Some("it is negated, and no phrase is");
            }
            if message.unable && self.troubled == 0 {
                return Some("it says that something does not go, and no phrase does");
            }
            if message.asks_why && self.asks_why == 0 && self.troubled == 0 {
                return Some("it asks for a reason, and no phrase does");
            }
            if message.asks_who && self.asks_who == 0 {
                return Some("it asks for a person, and no phrase does");
            }
            if is_plain && self.unable == self.phrases {
                return Some("it is not negated, and every phrase is");
            }
        }
        let comes_from = |place: &Option<String>, places: &BTreeSet<String>| {
            place.as_ref().is_some_and(|place| places.contains(place))
        };
        let is_reversed = comes_from(&message.from, &self.to) && !comes_from(&message.from, &self.from)
            || comes_from(&message.to, &self.from) && !comes_from(&message.to, &self.to);
        if is_reversed && self.from.len() < EXAMPLES && self.to.len() < EXAMPLES {
            return Some("it goes the other way");
        }
        let differ = !message.numbers.is_empty() && message.numbers.is_disjoint(&self.numbers);
        if differ && self.is_typical(self.numbered) && self.numbers.len() < EXAMPLES {
            return Some("the numbers differ");
        }
        None
    }

    /// Whether so many phrases have something that it belongs to what is asked for.
    fn is_typical(&self, phrases: usize) -> bool {
        phrases > 0 && (phrases * TYPICAL_SHARE >= self.phrases || self.phrases < FEW_PHRASES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(a: &str, b: &str) -> bool {
        let polarity = |text: &str| Polarity::of(text.split(' '));
        let (a, b) = (polarity(a), polarity(b));
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
            ("cancel my order", "cancel my order without a fee"),
            ("move from the us to europe", "move from europe to the us"),
            ("who cancelled my order", "cancel my order"),
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
            ("the login fails with an error", "i can't log in"),
            ("i don't know how to export", "export my data"),
        ] {
            assert!(!conflict(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn phrases_on_both_sides_leave_nothing_to_oppose() {
        let mut stance = Stance::default();
        for phrase in ["turn it on", "turn it off", "what is 5 plus 3", "what is 12 plus 40"] {
            stance.add(&Polarity::of(phrase.split(' ')));
        }
        for message in ["turn it off", "what is 7 plus 7"] {
            assert_eq!(stance.conflict(&Polarity::of(message.split(' '))), None, "{message}");
        }
        assert!(stance.conflict(&Polarity::of("do not turn it on".split(' '))).is_some());
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
