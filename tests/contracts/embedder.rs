//! What holds for every embedder.

use docent::adapters::static_embedder::StaticEmbedder;
use docent::ports::embedder::{Embedder, Role};

/// Largest difference between two vectors of the same text, by component: a
/// model may add up a batch in another order.
const TOLERANCE: f32 = 1e-4;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

async fn embedded(embedder: &dyn Embedder, texts: &[&str]) -> Vec<Vec<f32>> {
    let vectors = embedder.embed(texts, Role::Question).await.expect("vectors");
    assert_eq!(vectors.dimension(), embedder.dimension());
    assert_eq!(vectors.iter().len(), texts.len(), "one vector a text");
    vectors.iter().map(<[f32]>::to_vec).collect()
}

/// The whole contract, on an embedder that knows English.
async fn embedder_contract(embedder: &dyn Embedder) {
    assert!(!embedder.name().is_empty());
    assert!(embedder.dimension() > 0);
    assert!(embedder.knows("en"));
    assert!(!embedder.knows("") && !embedder.knows("xx"), "there is no such language");

    assert!(embedded(embedder, &[]).await.is_empty(), "no texts, no vectors");

    let texts =
        ["How do I export my data?", "", "Download everything as CSV", "The weather is nice today", "🙂", "  \n"];
    let vectors = embedded(embedder, &texts).await;
    for (text, vector) in texts.iter().zip(&vectors) {
        assert!(vector.iter().all(|value| value.is_finite()), "{text:?}");
        let length = cosine(vector, vector).sqrt();
        assert!(length == 0.0 || (length - 1.0).abs() < 1e-3, "{text:?} has a vector of length {length}");
    }
    for (text, vector) in texts.iter().zip(&vectors) {
        let alone = embedded(embedder, &[text]).await.remove(0);
        let is_same = alone.iter().zip(vector).all(|(a, b)| (a - b).abs() <= TOLERANCE);
        assert!(is_same, "{text:?} has another vector among others than alone");
    }
    let near = cosine(&vectors[0], &vectors[2]);
    let far = cosine(&vectors[0], &vectors[3]);
    assert!(near > far + 0.1, "exporting data is near downloading it ({near}), not near the weather ({far})");

    let long = "A long text about invoices. ".repeat(4_000);
    let many: Vec<&str> =
        (0..300).map(|at| if at % 100 == 0 { long.as_str() } else { texts[at % texts.len()] }).collect();
    let vectors = embedded(embedder, &many).await;
    for (at, vector) in vectors.iter().enumerate() {
        if at >= texts.len() && at % 100 != 0 && at % texts.len() != 0 {
            let first = vectors.iter().zip(&many).find(|(_, text)| **text == many[at]).expect("an earlier one").0;
            assert!(first.iter().zip(vector).all(|(a, b)| (a - b).abs() <= TOLERANCE), "order is kept");
        }
    }
}

#[tokio::test]
async fn the_static_embedder_keeps_the_contract() {
    embedder_contract(&StaticEmbedder::new()).await;
}
