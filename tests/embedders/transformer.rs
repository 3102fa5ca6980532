//! What the transformer computes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use docent::adapters::embedding_gauge::EmbeddingGauge;
use docent::adapters::transformer::{TransformerEmbedder, TransformerSettings};
use docent::ports::embedder::{Embedder, Role};

use crate::tiny_model::{self, Family};

pub fn load(dir: &Path) -> TransformerEmbedder {
    let settings = TransformerSettings { dir: dir.to_owned(), ..TransformerSettings::default() };
    TransformerEmbedder::load(settings, Arc::new(EmbeddingGauge::default())).unwrap()
}

async fn vectors(embedder: &TransformerEmbedder, texts: &[&str], role: Role) -> Vec<Vec<f32>> {
    embedder.embed(texts, role).await.unwrap().iter().map(<[f32]>::to_vec).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[derive(serde::Deserialize)]
struct Expected {
    text: String,
    /// Components times 32,767 as 16-bit numbers, four hexadecimal digits each.
    vector: String,
}

/// `minilm.jsonl` holds texts of every kind with the vectors that an independent
/// implementation in another language gave for them.
#[tokio::test]
async fn vectors_agree_with_the_reference() {
    let Some(folder) = crate::minilm::folder() else { return };
    let embedder = load(folder);
    let expected: Vec<Expected> =
        include_str!("minilm.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(expected.len(), 200);
    let texts: Vec<&str> = expected.iter().map(|row| row.text.as_str()).collect();
    let together = vectors(&embedder, &texts, Role::Passage).await;
    for (row, vector) in expected.iter().zip(&together) {
        let wanted: Vec<f32> = row
            .vector
            .as_bytes()
            .chunks(4)
            .map(|digits| {
                let bits = u16::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
                f32::from(bits.cast_signed())
            })
            .collect();
        assert_eq!(wanted.len(), vector.len());
        let similarity = cosine(vector, &wanted);
        assert!(similarity > 1.0 - 1e-4, "{:?}: cosine {similarity}", row.text);
    }
    assert_eq!(embedder.dimension(), 384);
    assert!(embedder.knows("en") && !embedder.knows("de"), "its card names English");
    assert!(embedder.is_word("download") && !embedder.is_word("downlaod"));
}

#[tokio::test]
async fn families_differ_in_names_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for family in [Family::Bert, Family::Roberta, Family::DistilBert] {
        let dir = folder.path().join(format!("{family:?}"));
        tiny_model::write(&dir, family);
        let texts =
            ["how do I export data", "cancel", "", "how do I export data how do I export data how do I export data"];
        all.push(vectors(&load(&dir), &texts, Role::Passage).await);
    }
    for others in &all[1..] {
        for (vector, other) in all[0].iter().zip(others) {
            assert!(cosine(vector, other) > 1.0 - 1e-6);
        }
    }
    assert!(cosine(&all[0][0], &all[0][1]) < 0.999, "different texts have different vectors");
}

#[tokio::test]
async fn what_the_folder_says_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("tiny");
    tiny_model::write(&dir, Family::Bert);
    let plain = load(&dir);
    let text = "how do i export data";
    let mean = vectors(&plain, &[text], Role::Question).await.remove(0);
    assert_eq!(vectors(&plain, &[text], Role::Passage).await[0], mean, "without prompts roles are alike");

    fs::create_dir(dir.join("1_Pooling")).unwrap();
    fs::write(dir.join("1_Pooling/config.json"), r#"{"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false}"#)
        .unwrap();
    let first = load(&dir);
    assert!(cosine(&vectors(&first, &[text], Role::Passage).await[0], &mean) < 0.9999);
    assert_ne!(first.name(), plain.name(), "another model has another name, so no cache mixes them");

    fs::remove_dir_all(dir.join("1_Pooling")).unwrap();
    fs::write(dir.join("config_sentence_transformers.json"), r#"{"prompts":{"query":"cancel ","document":""}}"#)
        .unwrap();
    let prompted = load(&dir);
    let with_prompt = vectors(&plain, &["cancel how do i export data"], Role::Passage).await.remove(0);
    for role in [Role::Question, Role::Phrase] {
        assert!(cosine(&vectors(&prompted, &[text], role).await[0], &with_prompt) > 1.0 - 1e-6);
    }
    assert!(cosine(&vectors(&prompted, &[text], Role::Passage).await[0], &mean) > 1.0 - 1e-6);

    fs::remove_file(dir.join("config_sentence_transformers.json")).unwrap();
    fs::write(dir.join("sentence_bert_config.json"), r#"{"max_seq_length":8}"#).unwrap();
    let short = load(&dir);
    let [cut, whole] = ["how do i export data cancel", "how do i export data cancel cancel cancel"];
    assert!(
        cosine(&vectors(&short, &[cut], Role::Passage).await[0], &vectors(&short, &[whole], Role::Passage).await[0])
            > 1.0 - 1e-6
    );

    fs::write(dir.join("README.md"), "---\nlanguage:\n- de\n- multilingual\n---\n").unwrap();
    assert!(load(&dir).knows("de") && !load(&dir).knows("en"));
    let settings = TransformerSettings {
        dir,
        languages: Some(BTreeSet::from(["sv".to_owned()])),
        ..TransformerSettings::default()
    };
    assert!(TransformerEmbedder::load(settings, Arc::default()).unwrap().knows("sv"), "the setting wins");
}
