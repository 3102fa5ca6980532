//! Minimal pairs: messages that differ from a phrase in little and mean something
//! else, beside messages that differ in much and mean the same.
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
use docent::domain::project::Settings;
use docent::intent::matcher::{self, Outcome};
use docent::intent::message::Message;
use docent::intent::phrases::{Phrases, Teaching};
use docent::intent::review::{Finding, review};
use docent::ports::embedder::{Embedder, Role};
use docent::text::language::Language;

struct Product {
    answers: BTreeMap<String, Pairs>,
}

#[derive(Default)]
struct Pairs {
    phrases: Vec<String>,
    /// Messages that mean the answer.
    same: Vec<String>,
    /// Messages that do not.
    other: Vec<String>,
}

impl Product {
    /// Reads a file: the product in the first line, then each answer in brackets
    /// with its phrases, `=` before what means it and `x` before what does not.
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
                "= " => &mut pairs.same,
                "x " => &mut pairs.other,
                _ => panic!("{line}"),
            };
            list.push(text.to_owned());
        }
        Self { answers }
    }
}

#[derive(Debug, Default)]
struct Tally {
    same: usize,
    matched: usize,
    asked: usize,
    other: usize,
    fired: usize,
    offered: usize,
}

#[tokio::test]
async fn contrasts_do_not_fire_and_paraphrases_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/intent/minimal_pairs");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut tally = Tally::default();
    for file in files {
        let product = Product::read(&fs::read_to_string(&file).unwrap());
        judge(&product, &mut tally).await;
    }
    println!("{tally:?}");
    // With three phrases an answer and no language model most paraphrases are asked
    // about rather than matched; evals/README.md tells how far this is from the goal.
    assert!(tally.same >= 600 && tally.other >= 590, "{tally:?}");
    assert!(tally.fired * 100 <= tally.other * 6, "contrasts fire: {tally:?}");
    assert!((tally.matched + tally.asked) * 100 >= tally.same * 40, "paraphrases are lost: {tally:?}");
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

fn answer(id: &str, phrases: Vec<String>) -> Arc<CustomAnswer> {
    Arc::new(CustomAnswer {
        id: AnswerId::new(id).unwrap(),
        phrases,
        not: Vec::new(),
        audience: None,
        locale: None,
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

async fn judge(product: &Product, tally: &mut Tally) {
    let embedder = StaticEmbedder::new();
    let settings = Settings::default();
    let answers = product.answers.iter().map(|(id, pairs)| answer(id, pairs.phrases.clone()));
    let teaching = teaching(&settings, &embedder);
    let (phrases, failure) = Phrases::build(answers, teaching).await;
    assert!(failure.is_none());
    for (id, pairs) in &product.answers {
        for text in &pairs.same {
            tally.same += 1;
            match outcome(&phrases, &embedder, text).await {
                Outcome::Matched(answer) if answer.id.as_str() == id => tally.matched += 1,
                Outcome::NearTie(answers) if answers.iter().any(|answer| answer.id.as_str() == id) => tally.asked += 1,
                Outcome::Matched(_) | Outcome::NearTie(_) | Outcome::Abstained => {}
            }
        }
        for text in &pairs.other {
            tally.other += 1;
            match outcome(&phrases, &embedder, text).await {
                Outcome::Matched(answer) if answer.id.as_str() == id => {
                    println!("`{text}` fires {id}");
                    tally.fired += 1;
                }
                Outcome::NearTie(answers) if answers.iter().any(|answer| answer.id.as_str() == id) => {
                    tally.offered += 1;
                }
                Outcome::Matched(_) | Outcome::NearTie(_) | Outcome::Abstained => {}
            }
        }
    }
}

async fn outcome(phrases: &Phrases, embedder: &dyn Embedder, text: &str) -> Outcome {
    let message = Message::read(text, Language::ENGLISH);
    let vector = embedder.embed(&[text], Role::Question).await.unwrap().into_values();
    matcher::decide(phrases, &message, Some(&vector), embedder.words(), |_| true).outcome
}
