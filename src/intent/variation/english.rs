//! What English words are the same for a request, and which of them do not count.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Asks, Turn};
use crate::text::language::Language;
use crate::text::stem::WordStemmer;

/// Words around a request that are no part of it, beyond the stop words.
const LIGHT: &str = "able actually already anymore bit certain come coming currently doesn't don't easily good hi \
    instead like longer lot made make makes making maybe much must needed needing needs never no nor not now one ones \
    own pls plz probably put puts putting quite rather reason receive receives receiving set sets setting shouldn't simply \
    somehow still they'd thx today use used uses using way ways we'd without work works you'd";

/// Stop words that tell requests apart all the same: "cancel all orders" is not "cancel an order".
const COUNTED: &str = "all anybody anyone both each else herself himself myself out over same somebody someone \
    themselves yourself";

/// Words that ask for the same, a row each.
const SAME: &[&str] = &[
    "accident mistake",
    "activate enable on",
    "add create new",
    "admin administrator",
    "all complete each entire every everything whole",
    "another different other",
    "anybody anyone person somebody someone",
    "app application",
    "approve accept",
    "ask request",
    "begin launch start",
    "bill invoice",
    "buyer client customer",
    "cancel delete drop erase remove rid",
    "change convert modify swap switch turn",
    "choose pick select",
    "clone copy duplicate",
    "colleague coworker teammate",
    "connect attach link",
    "correct fix repair",
    "deactivate disable off",
    "decline deny refuse reject",
    "email mail",
    "employee worker",
    "end pause quit stop",
    "everybody everyone",
    "holiday vacation",
    "image photo picture",
    "login signin",
    "migrate move shift transfer",
    "buy purchase",
    "recover restore retrieve",
    "domain site website",
    "sms text",
    "view watch",
];

/// Forms of irregular verbs, each row with its base form first.
const IRREGULAR: &[&str] = &[
    "become became",
    "begin began begun",
    "break broke broken",
    "bring brought",
    "build built",
    "buy bought",
    "choose chose chosen",
    "come came",
    "cut cut",
    "draw drew drawn",
    "fall fell fallen",
    "find found",
    "forget forgot forgotten",
    "get got gotten",
    "give gave given",
    "go went gone",
    "grow grew grown",
    "hide hid hidden",
    "hold held",
    "keep kept",
    "know knew known",
    "leave left",
    "lend lent",
    "lose lost",
    "make made",
    "meet met",
    "pay paid",
    "run ran",
    "say said",
    "see saw seen",
    "sell sold",
    "send sent",
    "show showed shown",
    "speak spoke spoken",
    "spend spent",
    "stick stuck",
    "take took taken",
    "tell told",
    "think thought",
    "throw threw thrown",
    "understand understood",
    "withdraw withdrew withdrawn",
    "write wrote written",
];

static LIGHT_WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| LIGHT.split_whitespace().collect());
static COUNTED_WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| COUNTED.split_whitespace().collect());
static BASES: LazyLock<FxHashMap<&str, &str>> = LazyLock::new(|| {
    let forms = |row: &&'static str| {
        let mut forms = row.split_whitespace();
        let base = forms.next().unwrap_or_default();
        forms.map(move |form| (form, base)).collect::<Vec<_>>()
    };
    IRREGULAR.iter().flat_map(forms).collect()
});
static ROWS: LazyLock<FxHashMap<String, usize>> = LazyLock::new(|| {
    let stemmer = WordStemmer::of(Language::ENGLISH);
    let stems = |(row, words): (usize, &&'static str)| {
        words.split_whitespace().map(|word| (stemmer.stem(word).into_owned(), row)).collect::<Vec<_>>()
    };
    SAME.iter().enumerate().flat_map(stems).collect()
});

/// The words of a text that are part of what it asks for.
pub(super) struct Request<'a> {
    pub(super) words: Vec<&'a str>,
    pub(super) turn: Option<(Turn, usize)>,
}

/// Reads words, each with whether it is a stop word.
///
/// "Turn" and "switch" mean nothing without their "on" or "off", and "set up" is to create.
pub(super) fn request<'a>(spoken: &[(&'a str, bool)]) -> Request<'a> {
    let mut request = Request { words: Vec::with_capacity(spoken.len()), turn: None };
    let mut particle = None;
    let mut rest = spoken.iter().enumerate().peekable();
    while let Some((at, (word, is_stopword))) = rest.next() {
        let next = rest.peek().map(|(_, (next, _))| *next);
        match (*word, next) {
            ("instead", Some("of")) | ("rather", Some("than")) => {
                request.turn = Some((Turn::Instead, request.words.len()));
            }
            ("to" | "into", _) if !matches!(request.turn, Some((Turn::Instead, _))) => {
                request.turn = Some((Turn::To, request.words.len()));
            }
            ("set", Some("up")) => {
                rest.next();
                request.words.push("create");
                continue;
            }
            (turning, _) if TURNING.contains(&turning) => {
                let mut ahead = spoken.iter().enumerate().skip(at + 1).take(PARTICLE_DISTANCE);
                particle = ahead.find(|(_, (word, _))| matches!(*word, "on" | "off")).map(|(at, _)| at);
                if particle.is_some() {
                    continue;
                }
            }
            _ => {}
        }
        let is_light = LIGHT_WORDS.contains(word) || *is_stopword && !COUNTED_WORDS.contains(word);
        if !is_light || particle == Some(at) {
            request.words.push(word);
        }
    }
    request
}

/// What has its meaning from the "on" or "off" behind it.
const TURNING: &[&str] = &["turn", "turned", "turning", "turns", "switch", "switched", "switches", "switching"];
/// How many words behind it these may stand.
const PARTICLE_DISTANCE: usize = 5;

/// The base form of an irregular verb; any other word as it is.
pub(super) fn base(word: &str) -> &str {
    BASES.get(word).copied().unwrap_or(word)
}

/// The row of words that ask for the same as the one with this stem.
pub(super) fn row(stem: &str) -> Option<usize> {
    ROWS.get(stem).copied()
}

/// Endings that make another form of a word, not another word: "accounts" is
/// "account", and "accountant" is not.
const INFLECTIONS: &[&str] = &["", "'s", "ally", "d", "e", "ed", "en", "es", "ied", "ies", "ing", "ly", "n", "s", "y"];

/// Whether two words with the same stem are forms of one word. Irregular forms, which
/// begin alike in nothing, are.
pub(super) fn is_inflected(one: &str, other: &str) -> bool {
    let common = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let ending = |word: &str| {
        let end = word.get(common..).unwrap_or_default();
        let doubled = word.get(common.wrapping_sub(1)..common).filter(|last| end.starts_with(*last));
        INFLECTIONS.contains(&end) || doubled.is_some_and(|last| INFLECTIONS.contains(&&end[last.len()..]))
    };
    common < 3 || ending(one) && ending(other)
}

/// Words before a question that are no part of it.
const OPENINGS: &[&str] = &["and", "but", "hello", "hey", "hi", "ok", "okay", "please", "so", "well"];
/// What a question for a quantity goes on with.
const QUANTITIES: &[&str] = &["big", "far", "fast", "high", "large", "long", "many", "much", "often", "old", "soon"];

/// Words with which "what" asks for a quantity.
const PRICES: &[&str] = &["cost", "costs", "price", "prices"];
/// Words that ask for a fact, each for its own.
const FACTS: &[&str] = &["which", "when", "who", "whose", "whom"];

/// What kind of thing a text asks for, by how its clauses begin.
pub(super) fn asks(text: &str) -> Asks {
    let mut asks = Asks::Act;
    for clause in text.split([',', '.', ';', ':', '?', '!']) {
        let words: Vec<&str> = clause.split_whitespace().skip_while(|word| OPENINGS.contains(word)).collect();
        let starts = |beginning: &[&str]| words.starts_with(beginning);
        let after = |at: usize, among: &[&str]| words.get(at).is_some_and(|word| among.contains(word));
        let asks_way = words.iter().take(6).any(|word| matches!(*word, "way" | "ways"))
            || words.windows(3).take(2).any(|three| {
                matches!(
                    three,
                    ["do" | "must" | "should" | "can" | "have", "i" | "we", "do"]
                        | ["do" | "should", "i" | "we", "have" | "need"]
                )
            })
            || starts(&["is", "it", "possible"])
            || starts(&["is", "there"]);
        let first = words.first().copied().unwrap_or_default();
        let fact = match first {
            "which" | "when" | "who" | "whose" | "whom" => FACTS.iter().copied().find(|fact| *fact == first),
            "did" | "does" | "was" | "were" => Some("whether"),
            "is" if !asks_way => Some("whether"),
            "are" if !starts(&["are", "we", "able"]) => Some("whether"),
            "what" | "what's" | "whats" if words.iter().any(|word| PRICES.contains(word)) => Some("how many"),
            "what" | "what's" | "whats" if !asks_way => Some("what"),
            "where's" => Some("where"),
            "where" if after(1, &["is", "are", "was", "were", "did", "does"]) => Some("where"),
            "how" if after(1, QUANTITIES) => Some("how many"),
            _ => None,
        };
        let is_reason = words.first() == Some(&"why")
            || starts(&["how", "come"])
            || words.contains(&"reason") && words.iter().any(|word| word.starts_with("what"));
        if is_reason {
            return Asks::Reason;
        }
        asks = fact.map_or(asks, Asks::Fact);
    }
    asks
}
