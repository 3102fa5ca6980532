//! A network of a few hundred numbers in a folder like a real one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};

pub const HIDDEN: usize = 8;
const INNER: usize = 16;
const PLACES: usize = 16;
const WORDS: [&str; 11] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "how", "do", "i", "export", "data", "cancel", "##s"];

/// The families that share one encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Bert,
    Roberta,
    DistilBert,
}

/// Writes the same network as a model of the family.
pub fn write(folder: &Path, family: Family) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.json"), config(family)).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer(&WORDS)).unwrap();
    candle_core::safetensors::save(&weights(family), folder.join("model.safetensors")).unwrap();
}

pub fn config(family: Family) -> String {
    let (words, kind) = (
        WORDS.len(),
        match family {
            Family::Bert => "bert",
            Family::Roberta => "xlm-roberta",
            Family::DistilBert => "distilbert",
        },
    );
    if family == Family::DistilBert {
        return format!(
            r#"{{"model_type":"{kind}","vocab_size":{words},"dim":{HIDDEN},"n_layers":2,"n_heads":2,"hidden_dim":{INNER},"activation":"gelu","max_position_embeddings":{PLACES},"pad_token_id":0}}"#
        );
    }
    let places = if family == Family::Roberta { PLACES + 1 } else { PLACES };
    format!(
        r#"{{"model_type":"{kind}","vocab_size":{words},"hidden_size":{HIDDEN},"num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":{INNER},"hidden_act":"gelu","max_position_embeddings":{places},"type_vocab_size":1,"layer_norm_eps":1e-12,"pad_token_id":0,"position_embedding_type":"absolute"}}"#
    )
}

pub fn tokenizer(words: &[&str]) -> String {
    let vocabulary: Vec<String> = words.iter().enumerate().map(|(id, word)| format!("\"{word}\":{id}")).collect();
    format!(
        r###"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
        "normalizer":{{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}},
        "pre_tokenizer":{{"type":"BertPreTokenizer"}},
        "post_processor":{{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}},
        "decoder":null,
        "model":{{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{{{}}}}}}}"###,
        vocabulary.join(",")
    )
}

/// Numbers that look random and are the same every time.
fn matrix(seed: usize, rows: usize, columns: usize) -> Tensor {
    let value = |at: usize| (((at + 1) * (seed * 7 + 3)) as f32 * 0.618).sin() * 0.5;
    let values: Vec<f32> = (0..rows * columns).map(value).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
}

fn bias(seed: usize, columns: usize) -> Tensor {
    matrix(seed, 1, columns).squeeze(0).unwrap().affine(0.1, 0.0).unwrap()
}

fn norm_scale(seed: usize) -> Tensor {
    bias(seed, HIDDEN).affine(1.0, 1.0).unwrap()
}

pub fn weights(family: Family) -> HashMap<String, Tensor> {
    let mut all = HashMap::new();
    let mut positions = matrix(2, PLACES, HIDDEN);
    if family == Family::Roberta {
        let unused = matrix(99, 1, HIDDEN);
        positions = Tensor::cat(&[unused, positions], 0).unwrap();
    }
    if family != Family::DistilBert {
        let zeros = Tensor::zeros((1, HIDDEN), candle_core::DType::F32, &Device::Cpu).unwrap();
        all.insert("embeddings.token_type_embeddings.weight".to_owned(), zeros);
    }
    all.insert("embeddings.word_embeddings.weight".to_owned(), matrix(1, WORDS.len(), HIDDEN));
    all.insert("embeddings.position_embeddings.weight".to_owned(), positions);
    all.insert("embeddings.LayerNorm.weight".to_owned(), norm_scale(3));
    all.insert("embeddings.LayerNorm.bias".to_owned(), bias(4, HIDDEN));
    let (layers, names) = match family {
        Family::Bert | Family::Roberta => (
            "encoder.layer",
            [
                "attention.self.query",
                "attention.self.key",
                "attention.self.value",
                "attention.output.dense",
                "attention.output.LayerNorm",
                "intermediate.dense",
                "output.dense",
                "output.LayerNorm",
            ],
        ),
        Family::DistilBert => (
            "transformer.layer",
            [
                "attention.q_lin",
                "attention.k_lin",
                "attention.v_lin",
                "attention.out_lin",
                "sa_layer_norm",
                "ffn.lin1",
                "ffn.lin2",
                "output_layer_norm",
            ],
        ),
    };
    for layer in 0..2 {
        for (number, name) in names.iter().enumerate() {
            let seed = 10 + layer * 20 + number;
            let (outputs, inputs) = match number {
                5 => (INNER, HIDDEN),
                6 => (HIDDEN, INNER),
                _ => (HIDDEN, HIDDEN),
            };
            let is_norm = matches!(number, 4 | 7);
            let weight = if is_norm { norm_scale(seed) } else { matrix(seed, outputs, inputs) };
            all.insert(format!("{layers}.{layer}.{name}.weight"), weight);
            all.insert(format!("{layers}.{layer}.{name}.bias"), bias(seed + 5, outputs));
        }
    }
    all
}
