//! An endpoint that works, fails, and lies.

use std::sync::Arc;
use std::time::Duration;

use docent::adapters::openai_embedder::{OpenAiEmbedder, OpenAiSettings};
use docent::ports::embedder::{EmbedError, Embedder, Role};

use crate::endpoint::{Act, Endpoint, KEY};

async fn connect(settings: OpenAiSettings) -> Result<OpenAiEmbedder, EmbedError> {
    OpenAiEmbedder::connect(settings, Arc::default()).await
}

#[tokio::test]
async fn texts_go_in_bounded_requests_with_key_and_model() {
    let endpoint = Endpoint::start().await;
    let settings = OpenAiSettings { passage_prompt: "passage: ".to_owned(), ..endpoint.settings() };
    let embedder = connect(settings).await.unwrap();
    endpoint.take_requests();
    let texts: Vec<String> =
        (0..150).map(|at| format!("text {at}")).chain([String::new(), "x".repeat(20_000)]).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = embedder.embed(&texts, Role::Passage).await.unwrap();
    assert_eq!(vectors.iter().len(), texts.len());
    assert!(vectors.iter().nth(150).unwrap().iter().all(|value| *value == 0.0), "an empty text is not sent");
    let requests = endpoint.take_requests();
    assert_eq!(requests.len(), 3);
    for (headers, body) in &requests {
        assert_eq!(headers["authorization"].to_str().unwrap(), format!("Bearer {KEY}"));
        assert_eq!(body["model"], "a-model");
        let sent: Vec<&str> = body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert!(sent.len() <= 64 && sent.iter().all(|text| text.starts_with("passage: ") && text.len() <= 8_000));
    }
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let endpoint = Endpoint::start().await;
    let embedder = connect(endpoint.settings()).await.unwrap();
    let passing = [
        Act::Status(429, None),
        Act::Status(429, Some(0)),
        Act::Status(500, None),
        Act::Status(503, None),
        Act::CutOff,
        Act::Hang,
        Act::Body(""),
        Act::Body("{\"data\":[]}"),
        Act::Body("<html>"),
        Act::Body("null"),
        Act::Body(r#"{"data":[{"index":0,"embedding":[null]}]}"#),
        Act::Body(r#"{"data":[{"index":0,"embedding":[NaN]}]}"#),
    ];
    for act in passing {
        endpoint.will([act.clone()]);
        assert!(embedder.embed(&["a text"], Role::Passage).await.is_ok(), "{act:?}");
        endpoint.take_requests();
        endpoint.will(std::iter::repeat_n(act.clone(), 3));
        let error = embedder.embed(&["a text"], Role::Passage).await.unwrap_err();
        assert!(matches!(error, EmbedError::Unavailable { .. }), "{act:?}: {error}");
        assert_eq!(endpoint.take_requests().len(), 3, "{act:?}: tries are bounded");
        assert!(!error.to_string().contains(KEY), "{error}");
    }
    endpoint.will([Act::Status(429, Some(3_600))]);
    let error = embedder.embed(&["a text"], Role::Passage).await.unwrap_err();
    assert!(matches!(error, EmbedError::Unavailable { .. }), "an hour is not waited");
}

#[tokio::test]
async fn what_lasts_is_not_tried_again() {
    let endpoint = Endpoint::start().await;
    let embedder = connect(endpoint.settings()).await.unwrap();
    endpoint.take_requests();
    for act in [
        Act::Status(401, None),
        Act::Status(404, None),
        Act::Status(400, None),
        Act::Status(302, None),
        Act::Body(r#"{"data":[{"index":0,"embedding":[1,0,0]}]}"#),
    ] {
        endpoint.will([act.clone()]);
        let error = embedder.embed(&["a text"], Role::Passage).await.unwrap_err();
        assert!(matches!(error, EmbedError::Refused { .. }), "{act:?}: {error}");
        assert_eq!(endpoint.take_requests().len(), 1, "{act:?}");
        assert!(!error.to_string().contains(KEY), "{error}");
    }
}

#[tokio::test]
async fn a_start_says_what_is_wrong() {
    let endpoint = Endpoint::start().await;
    for (act, told) in [(Act::Status(401, None), "embeddings.api_key"), (Act::Status(404, None), "embeddings.model")] {
        endpoint.will([act]);
        let error = connect(endpoint.settings()).await.err().expect("an error");
        assert!(matches!(error, EmbedError::Refused { .. }) && error.to_string().contains(told), "{error}");
    }
    endpoint.will([Act::Status(503, None)]);
    let error = connect(endpoint.settings()).await.err().expect("an error").to_string();
    assert!(error.contains("embeddings.dimensions"), "{error}");
    let known = OpenAiSettings { dimensions: Some(256), ..endpoint.settings() };
    endpoint.will([Act::Status(503, None)]);
    let embedder = connect(known.clone()).await.expect("it starts without the endpoint");
    assert!(embedder.embed(&["a text"], Role::Passage).await.is_ok(), "and uses it once it is back");
    let wrong = OpenAiSettings { dimensions: Some(100), ..known };
    assert!(connect(wrong).await.err().expect("an error").to_string().contains("256 components"));
}

#[tokio::test]
async fn a_question_waits_briefly_and_the_endpoint_gets_a_rest() {
    let endpoint = Endpoint::start().await;
    let mut settings = endpoint.settings();
    settings.waits.rest = Duration::from_secs(600);
    let embedder = connect(settings).await.unwrap();
    endpoint.take_requests();
    endpoint.will([Act::Hang]);
    assert!(embedder.embed(&["a question"], Role::Question).await.is_err());
    let error = embedder.embed(&["a question"], Role::Question).await.unwrap_err();
    assert!(error.to_string().contains("left alone"), "{error}");
    assert_eq!(endpoint.take_requests().len(), 1);
    assert!(embedder.embed(&["a passage"], Role::Passage).await.is_ok());
}

#[test]
fn a_key_is_never_shown() {
    let secret = docent::domain::secret::Secret::new(KEY);
    assert!(!format!("{secret:?}").contains(KEY));
}
