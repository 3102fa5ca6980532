//! Minimal pairs: messages that differ from a phrase in little and mean something
//! else, beside messages that differ in as little, or in much, and mean the same.
//!
//! Ten products, a file each. A contrast fails when it gets the answer it stands
//! under; a paraphrase is kept when it gets its answer, or is asked about with it
//! among the chips.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use docent::adapters::static_embedder::StaticEmbedder;
use docent::domain::custom_answer::CustomAnswer;
use docent::domain::ids::AnswerId;
use docent::domain::locale::Locale;
use docent::domain::project::Settings;
use docent::intent::matcher::{self, Outcome};
use docent::intent::message::Message;
use docent::intent::phrases::{Phrases, Teaching};
use docent::intent::review::{Finding, review};
use docent::ports::embedder::{Embedder, Role};
use docent::text::language::{self, Language};

struct Product {
    answers: BTreeMap<String, Pairs>,
}

#[derive(Default)]
struct Pairs {
    phrases: Vec<String>,
    /// Messages that mean the answer, mostly in the words of a phrase.
    close: Vec<String>,
    /// Messages that mean the answer in other words.
    free: Vec<String>,
    /// Messages that do not mean it.
    other: Vec<String>,
}

impl Product {
    /// Reads a file: the product in the first line, then each answer in brackets
    /// with its phrases, `~` and `=` before what means it and `x` before what does not.
    fn read(text: &str) -> Self {
        let mut answers: BTreeMap<String, Pairs> = BTreeMap::new();
        let mut id = "";
        for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix('[') {
                id = name.strip_suffix(']').unwrap();
                continue;
            }
            let pairs = answers.entry(id.to_owned()).or_default();
            let (kind, text) = line.split_at(2);
            let list = match kind {
                "  " => &mut pairs.phrases,
                "~ " => &mut pairs.close,
                "= " => &mut pairs.free,
                "x " => &mut pairs.other,
                _ => panic!("{line}"),
            };
            list.push(text.to_owned());
        }
        Self { answers }
    }

    async fn learned(&self, embedder: &dyn Embedder) -> Phrases {
        let settings = Settings::default();
        let answers = self.answers.iter().map(|(id, pairs)| answer(id, pairs.phrases.clone()));
        let (phrases, failure) = Phrases::build(answers, teaching(&settings, embedder)).await;
        assert!(failure.is_none());
        phrases
    }
}

/// What became of the messages of one kind.
#[derive(Debug, Default)]
struct Tally {
    all: usize,
    /// Got the answer they stand under.
    matched: usize,
    /// Were asked about with that answer among the chips.
    asked: usize,
}

impl Tally {
    fn add(&mut self, outcome: &Outcome, id: &str) {
        let is_it = |answer: &Arc<CustomAnswer>| answer.id.as_str() == id;
        self.all += 1;
        match outcome {
            Outcome::Matched(answer) if is_it(answer) => self.matched += 1,
            Outcome::NearTie(answers) if answers.iter().any(is_it) => self.asked += 1,
            Outcome::Matched(_) | Outcome::NearTie(_) | Outcome::Abstained => {}
        }
    }

    fn kept(&self) -> usize {
        self.matched + self.asked
    }
}

#[tokio::test]
async fn contrasts_do_not_fire_and_paraphrases_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/intent/minimal_pairs");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut close, mut free, mut contrasts) = (Tally::default(), Tally::default(), Tally::default());
    for file in files {
        let product = Product::read(&fs::read_to_string(&file).unwrap());
        let embedder = StaticEmbedder::new();
        let phrases = product.learned(&embedder).await;
        for (id, pairs) in &product.answers {
            for (messages, tally) in
                [(&pairs.close, &mut close), (&pairs.free, &mut free), (&pairs.other, &mut contrasts)]
            {
                for text in messages {
                    tally.add(&outcome(&phrases, &embedder, text).await, id);
                }
            }
        }
    }
    println!("close paraphrases {close:?}\nfree paraphrases {free:?}\ncontrasts {contrasts:?}");
    assert!(close.all >= 240 && free.all >= 600 && contrasts.all >= 830);
    assert!(contrasts.matched * 100 <= contrasts.all, "contrasts fire: {contrasts:?}");
    assert!(close.kept() * 100 >= close.all * 94, "close paraphrases are lost: {close:?}");
    assert!(close.matched * 100 >= close.all * 60, "close paraphrases are only asked about: {close:?}");
    assert!(free.kept() * 100 >= free.all * 33, "free paraphrases are lost: {free:?}");
}

#[tokio::test]
async fn what_cannot_be_told_apart_is_reviewed() {
    let embedder = StaticEmbedder::new();
    let settings = Settings::default();
    let phrases = [
        ("stop", &["stop the server", "take the server down", "shut the server down"][..]),
        ("halt", &["please shut down the server", "how to stop the server", "can I take the server down"]),
        ("price", &["what does it cost"]),
        ("turn-on", &["turn on the alarm", "enable the alarm", "switch the alarm on"]),
        ("turn-off", &["turn off the alarm", "disable the alarm", "switch the alarm off"]),
    ];
    let answers = phrases.map(|(id, phrases)| answer(id, phrases.iter().map(|phrase| (*phrase).to_owned()).collect()));
    let teaching = teaching(&settings, &embedder);
    let (phrases, _) = Phrases::build(answers, teaching).await;
    let findings = review(&phrases, teaching).await.unwrap();
    let told = |id: &str| {
        let of = |answer: &AnswerId| answer.as_str() == id;
        findings.iter().any(|finding| match finding {
            Finding::Confusable { answer, .. } | Finding::Shadowed { answer, .. } => of(answer),
            Finding::FewPhrases { .. } => false,
        })
    };
    assert!(told("halt") || told("stop"), "{findings:?}");
    assert!(!told("turn-on") && !told("turn-off"), "opposites are told apart: {findings:?}");
    let few =
        |finding: &Finding| matches!(finding, Finding::FewPhrases { answer, phrases: 1 } if answer.as_str() == "price");
    assert!(findings.iter().any(few), "{findings:?}");
}

#[tokio::test]
async fn what_stands_under_not_never_fires() {
    let embedder = StaticEmbedder::new();
    let settings = Settings::default();
    let phrases = ["download my data", "export everything", "get a copy of my data"];
    let mut export = answer("export", phrases.map(str::to_owned).into());
    Arc::get_mut(&mut export).unwrap().not = vec!["download my data again".to_owned()];
    let (phrases, _) = Phrases::build([export], teaching(&settings, &embedder)).await;
    let fires = async |text: &str| !matches!(outcome(&phrases, &embedder, text).await, Outcome::Abstained);
    assert!(fires("download my data").await);
    assert!(!fires("download my data again").await);
    assert!(!fires("please download my data again").await);
}

/// What a text clearly is, and English otherwise.
fn language_of(text: &str) -> Language {
    let known = ["en", "de", "es"].map(|tag| Language::of_locale(&Locale::new(tag).unwrap()));
    let found = language::detect_question(text, None, Language::ENGLISH, &known);
    if found.confident { found.language } else { Language::ENGLISH }
}

fn answer(id: &str, phrases: Vec<String>) -> Arc<CustomAnswer> {
    let locale = Locale::new(language_of(&phrases.join(". ")).as_str());
    Arc::new(CustomAnswer {
        id: AnswerId::new(id).unwrap(),
        phrases,
        not: Vec::new(),
        audience: None,
        locale,
        actions: Vec::new(),
        body: String::new(),
    })
}

fn teaching<'a>(settings: &'a Settings, embedder: &'a dyn Embedder) -> Teaching<'a> {
    Teaching {
        default_locale: &settings.default_locale,
        embedder,
        headings: &[],
        max_wrong_match_rate: settings.max_wrong_match_rate,
    }
}

async fn outcome(phrases: &Phrases, embedder: &dyn Embedder, text: &str) -> Outcome {
    let said = phrases.corrected(text, |word| embedder.is_word(word)).unwrap_or_else(|| text.to_owned());
    let message = Message::read(&said, language_of(&said));
    let vector = embedder.embed(&[&said], Role::Question).await.unwrap().into_values();
    matcher::decide(phrases, &message, Some(&vector), embedder.words(), |_| true).outcome
}
