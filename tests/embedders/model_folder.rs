//! Model folders that cannot be used.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use docent::adapters::transformer::{TransformerEmbedder, TransformerSettings};

use crate::tiny_model::{self, Family};

type Damage = fn(&Path);

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(from));
    fs::write(folder.join(file), text.replace(from, to)).unwrap();
}

#[test]
fn every_damage_is_told_with_its_place() {
    let damages: &[(&str, Damage, &[&str])] = &[
        (
            "no files",
            |dir| fs::remove_dir_all(dir).unwrap(),
            &["lacks config.json, tokenizer.json, model.safetensors", "docent model fetch"],
        ),
        ("no tokenizer", |dir| fs::remove_file(dir.join("tokenizer.json")).unwrap(), &["lacks tokenizer.json"]),
        (
            "a missing part of the weights",
            |dir| {
                fs::remove_file(dir.join("model.safetensors")).unwrap();
                fs::write(dir.join("model.safetensors.index.json"), r#"{"weight_map":{"a":"model-1.safetensors"}}"#)
                    .unwrap();
            },
            &["lacks model-1.safetensors"],
        ),
        (
            "cut-off weights",
            |dir| {
                let bytes = fs::read(dir.join("model.safetensors")).unwrap();
                fs::write(dir.join("model.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
            },
            &["model.safetensors cannot be used", "fetch the model again"],
        ),
        (
            "empty weights",
            |dir| fs::write(dir.join("model.safetensors"), "").unwrap(),
            &["model.safetensors cannot be used"],
        ),
        (
            "another architecture",
            |dir| fs::write(dir.join("config.json"), r#"{"model_type":"gpt2"}"#).unwrap(),
            &["not supported", "`gpt2`"],
        ),
        ("no architecture", |dir| fs::write(dir.join("config.json"), "{}").unwrap(), &["does not name its kind"]),
        ("a broken config", |dir| fs::write(dir.join("config.json"), "{").unwrap(), &["config.json cannot be used"]),
        (
            "impossible sizes",
            |dir| replace(dir, "config.json", "\"num_attention_heads\":2", "\"num_attention_heads\":3"),
            &["sizes make no network"],
        ),
        ("relative places", |dir| replace(dir, "config.json", "absolute", "relative_key"), &["relative_key"]),
        (
            "a layer too many",
            |dir| replace(dir, "config.json", "\"num_hidden_layers\":2", "\"num_hidden_layers\":3"),
            &["do not fit", "encoder.layer.2"],
        ),
        (
            "another width",
            |dir| replace(dir, "config.json", "\"intermediate_size\":16", "\"intermediate_size\":24"),
            &["do not fit", "[16, 8]", "[24, 8]"],
        ),
        (
            "a tokenizer with more words",
            |dir| {
                let words: Vec<String> = (0..20)
                    .map(|at| format!("word{at}"))
                    .chain(["[UNK]".to_owned(), "[CLS]".to_owned(), "[SEP]".to_owned()])
                    .collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                fs::write(dir.join("tokenizer.json"), tiny_model::tokenizer(&words)).unwrap();
            },
            &["do not fit", "23 tokens", "11 rows"],
        ),
        (
            "a tokenizer with far fewer words",
            |dir| {
                fs::write(dir.join("tokenizer.json"), tiny_model::tokenizer(&["[UNK]", "a", "[CLS]", "[SEP]"])).unwrap()
            },
            &["do not fit", "4 tokens"],
        ),
        (
            "no tokenizer in its file",
            |dir| fs::write(dir.join("tokenizer.json"), "[]").unwrap(),
            &["tokenizer.json cannot be used"],
        ),
        (
            "another pooling",
            |dir| {
                fs::create_dir(dir.join("1_Pooling")).unwrap();
                fs::write(dir.join("1_Pooling/config.json"), r#"{"pooling_mode_max_tokens":true}"#).unwrap();
            },
            &["another pooling than mean or cls"],
        ),
        (
            "a further module",
            |dir| {
                fs::write(
                    dir.join("modules.json"),
                    r#"[{"type":"sentence_transformers.models.Dense","path":"2_Dense"}]"#,
                )
                .unwrap()
            },
            &["`Dense`"],
        ),
        (
            "weights that are no numbers",
            |dir| {
                let mut weights = tiny_model::weights(Family::Bert);
                let bad =
                    candle_core::Tensor::new(vec![f32::NAN; tiny_model::HIDDEN], &candle_core::Device::Cpu).unwrap();
                weights.insert("embeddings.LayerNorm.bias".to_owned(), bad);
                candle_core::safetensors::save(&weights, dir.join("model.safetensors")).unwrap();
            },
            &["no numbers"],
        ),
    ];
    for (what, damage, told) in damages {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("model");
        tiny_model::write(&dir, Family::Bert);
        damage(&dir);
        let settings = TransformerSettings { dir, ..TransformerSettings::default() };
        let Err(error) = TransformerEmbedder::load(settings, Arc::default()) else { panic!("{what} was accepted") };
        let error = error.to_string();
        for part in *told {
            assert!(error.contains(part), "{what}: {error}");
        }
    }
}
