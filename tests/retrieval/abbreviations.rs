//! Abbreviations that the articles explain.

use docent::retrieval::index::Index;

use crate::library::{article, builder, for_role, ids, index, project, search};

async fn expansions(index: &Index, query: &str) -> String {
    let found = search(index, query, None).await;
    let all = found.expansions.iter().map(|expansion| format!("{}={}", expansion.written, expansion.meant));
    all.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_abbreviation_finds_what_it_stands_for_and_the_other_way_round() {
    let index = index([
        article("words", "Words we use", "Single sign-on (SSO) lets people in with one account."),
        article("switch", "Security", "Turn on SSO below Security, for administrators."),
        article("provider", "Providers", "Choose the provider of single sign-on in the settings."),
        article("other", "Colors", "Choose the color of a single button, and sign it."),
        article("recovery", "Recovery point objective", "Backups are written every hour."),
    ])
    .await;
    for (query, first, expected) in [
        ("which provider for SSO", "provider", "SSO=Single sign-on"),
        ("where do administrators turn on single sign-on", "switch", "Single sign-on=SSO"),
        ("what is our RPO", "recovery", "RPO=Recovery point objective"),
        ("what is our rpo", "recovery", "rpo=Recovery point objective"),
        ("sign a single button", "other", ""),
    ] {
        let found = search(&index, query, None).await;
        assert_eq!(expansions(&index, query).await, expected, "{query}");
        assert_eq!(ids(&found).first(), Some(&first), "{query}");
        assert!(found.passages[0].lexical > 0.0, "{query}");
    }
}

#[tokio::test]
async fn what_an_abbreviation_means_is_told_by_the_articles_that_a_user_may_read() {
    let mut builder = builder();
    let mut secret = article("secret", "Plans", "The Falcon Acquisition Plan (FAP) is ready.");
    secret.audience = Some(for_role("admin"));
    let open = article("open", "Goals", "A service level agreement (SLA) says how fast we answer.");
    let before = builder.update(&project([secret, open.clone()])).await.expect("an index");
    assert_eq!(expansions(&before, "when is the FAP").await, "");
    assert_eq!(expansions(&before, "what is the SLA").await, "SLA=service level agreement");
    let after = builder.update(&project([article("open", "Goals", "The SLA says how fast.")])).await.expect("an index");
    assert_eq!(expansions(&after, "what is the SLA").await, "");
    assert_eq!(expansions(&before, "what is the SLA").await, "SLA=service level agreement");
}
