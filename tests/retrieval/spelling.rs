//! Words that users mistype.

use docent::retrieval::index::Index;

use crate::library::{article, builder, for_role, ids, index, project, search};

async fn corrections(index: &Index, query: &str) -> String {
    let found = search(index, query, None).await;
    let all = found.corrections.iter().map(|correction| format!("{}={}", correction.written, correction.meant));
    all.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_mistyped_word_finds_what_was_meant() {
    let index = index([
        article("export", "Exporting data", "Exports are written as spreadsheets. Contact the support team."),
        article("signing", "Webhooks", "Compare the signature of a webhook. The userId is in the payload."),
        article("rechnungen", "Rechnungen", "Die Rechnungen für alle Arbeitsbereiche liegen unter Zahlungen bereit."),
    ])
    .await;
    for (query, first, expected) in [
        ("how do I write spreadhseets", "export", "spreadhseets=spreadsheets"),
        ("where is the siganture of a webhok", "signing", "siganture=signature webhok=webhook"),
        ("WHERE IS THE SIGANTURE", "signing", "SIGANTURE=signature"),
        (
            "wo finde ich die Rechnugnen für Arbeitsbereihce",
            "rechnungen",
            "Rechnugnen=rechnungen Arbeitsbereihce=arbeitsbereiche",
        ),
        // A stopword can be mistyped as well.
        ("whree is the signature", "signing", "whree=where"),
        // Nothing tells that it is no other word of German, which the embedder does not know.
        ("wo stehen meiine Zahlungen", "rechnungen", ""),
        // These are words, names, codes and numbers, not mistakes.
        ("export of contracts", "export", ""),
        ("is useerId in the signature", "signing", ""),
        ("the signature of WEBHOKS", "signing", ""),
        ("signature 4O4", "signing", ""),
    ] {
        let found = search(&index, query, None).await;
        assert_eq!(ids(&found).first(), Some(&first), "{query}");
        assert_eq!(corrections(&index, query).await, expected, "{query}");
    }
    let (right, wrong) = ("how do I write spreadsheets", "how do I write spreadhseets");
    let score = async |query| search(&index, query, None).await.passages[0].fused;
    assert!(score(wrong).await < score(right).await);
}

#[tokio::test]
async fn what_was_meant_follows_the_articles() {
    let mut builder = builder();
    let old = article("a", "Invoices", "Every spreadsheet lists the invoices.");
    let before = builder.update(&project([old.clone()])).await.expect("an index");
    let new = article("b", "Pipelines", "A pipeline runs every night.");
    let both = builder.update(&project([old, new.clone()])).await.expect("an index");
    let after = builder.update(&project([new])).await.expect("an index");
    for (index, expected) in
        [(&before, ["spreadsheet", ""]), (&both, ["spreadsheet", "pipeline"]), (&after, ["", "pipeline"])]
    {
        for (query, meant) in ["spredsheet", "piepline"].iter().zip(expected) {
            let expected = if meant.is_empty() { String::new() } else { format!("{query}={meant}") };
            assert_eq!(corrections(index, query).await, expected);
        }
    }
}

#[tokio::test]
async fn no_word_is_taken_for_one_that_the_user_may_not_read() {
    let mut secret = article("secret", "Falcon", "The acquisition of Zorblatt is planned.");
    secret.audience = Some(for_role("admin"));
    let index = index([secret, article("open", "Plans", "Everything about plans.")]).await;
    assert_eq!(corrections(&index, "what is zorblat").await, "");
}

#[tokio::test]
async fn an_unknown_compound_finds_its_parts() {
    let index = index([
        article("export", "Export", "Der Export einer Rechnung steht im Menü der Zahlungen bereit."),
        article("andere", "Rechnungen", "Eine Rechnung wird jeden Monat verschickt, und zwar per Post."),
    ])
    .await;
    let found = search(&index, "Wo finde ich den Rechnungsexport?", Some("de")).await;
    assert_eq!(ids(&found), ["export"]);
    let expansion = &found.expansions[0];
    assert_eq!((expansion.written.as_str(), expansion.meant.as_str()), ("Rechnungsexport", "rechnung export"));
    assert_eq!(found.corrections, []);
}
