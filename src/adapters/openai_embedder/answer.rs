//! What an endpoint answers, checked before it is believed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ports::embedder::Vectors;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

/// The vectors of an answer to so many texts, in the order of the texts and of
/// length 1; else what is wrong with it.
pub(super) fn vectors(answer: &RawValue, texts: usize) -> Result<Vectors, String> {
    let read: Result<Answer, _> = serde_json::from_str(answer.get());
    let mut items = read.map_err(|_| "its answer is not a list of embeddings with numbers".to_owned())?.data;
    items.sort_by_key(|item| item.index);
    if items.len() != texts || items.iter().enumerate().any(|(at, item)| item.index != at) {
        return Err(format!("it answered with {} vectors for {texts} texts, or numbered them wrongly", items.len()));
    }
    let dimension = items.first().map_or(0, |item| item.embedding.len());
    let mut values = Vec::with_capacity(texts * dimension);
    for item in &items {
        if dimension == 0 || item.embedding.len() != dimension {
            return Err(format!("it answered with vectors of {dimension} and of {} components", item.embedding.len()));
        }
        let length = item.embedding.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_finite() || length <= 0.0 {
            return Err("it answered with a vector that has no direction".to_owned());
        }
        values.extend(item.embedding.iter().map(|value| value / length));
    }
    Ok(Vectors::new(dimension, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_put_in_order_and_to_length_1() {
        let answer = r#"{"data":[{"index":1,"embedding":[0,2]},{"index":0,"embedding":[3,4]}],"model":"m"}"#;
        let answer = serde_json::from_str(answer).expect("JSON");
        assert_eq!(vectors(answer, 2).expect("vectors").into_values(), [0.6, 0.8, 0.0, 1.0]);
    }

    #[test]
    fn what_cannot_be_believed_is_refused() {
        for answer in [
            "[]",
            "{}",
            r#"{"data":[]}"#,
            r#"{"data":[{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,0]},{"index":0,"embedding":[1,0]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,0]},{"index":2,"embedding":[1,0]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,0]},{"index":1,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1,null]},{"index":1,"embedding":[1,0]}]}"#,
            r#"{"data":[{"index":0,"embedding":[0,0]},{"index":1,"embedding":[1,0]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1e60,0]},{"index":1,"embedding":[1,0]}]}"#,
            r#"{"data":[{"index":0,"embedding":"AACAPw=="},{"index":1,"embedding":"AACAPw=="}]}"#,
        ] {
            assert!(vectors(serde_json::from_str(answer).expect("JSON"), 2).is_err(), "{answer}");
        }
    }
}
