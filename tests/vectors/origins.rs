//! Origins of pages that open a socket, over the wire: only exact ones pass.

use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::client::{Client, request};
use crate::rig::{Rig, settings};

#[tokio::test]
async fn only_exact_origins_may_open_a_socket() {
    let mut settings = settings();
    settings.allowed_origins = vec!["https://app.example.com".to_owned(), "https://münchen.example".to_owned()];
    let rig = Rig::with(settings).await;
    let vectors = crate::read("origins.jsonl");
    for vector in &vectors {
        let passes = vector["passes"].as_bool().expect("whether it passes");
        let mut request = request(rig.address);
        if let Some(origin) = vector["origin"].as_str() {
            let origin = origin.replace("$self", &rig.address.to_string());
            let bytes = origin.as_bytes();
            request.headers_mut().insert("origin", HeaderValue::from_bytes(bytes).expect("a header"));
        }
        match Client::open_with(rig.address, request).await {
            Ok(_) => assert!(passes, "{vector} passed"),
            Err(error) => {
                assert!(!passes, "{vector} was refused: {error}");
                assert!(error.to_string().contains("403"), "{vector}: {error}");
            }
        }
    }
    let refused = vectors.iter().filter(|vector| vector["passes"] == false).count();
    println!("{} origins, {refused} of them refused", vectors.len());
    assert!(refused >= 14, "the set has {refused} origins that must not pass");
}
