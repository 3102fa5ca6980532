//! Snapshots: immutable, and up to date.

use std::sync::Arc;

use crate::library::{article, builder, ids, index, project, search};

#[tokio::test]
async fn an_old_snapshot_answers_as_before_an_update() {
    let mut builder = builder();
    let start: Vec<_> = (0..40)
        .map(|at| article(&format!("a{at}"), &format!("Topic {at}"), &format!("Everything about widget number{at}.")))
        .collect();
    let old = builder.update(&project(start.clone())).await.expect("an index");
    let before = search(&old, "widget number7", None).await;
    assert_eq!(ids(&before)[0], "a7");

    for round in 0..12 {
        let mut changed = start.clone();
        changed[7] = article("a7", "Moved", &format!("Now about gadgets, round{round}."));
        changed.remove(20);
        let new = builder.update(&project(changed)).await.expect("an index");
        assert_eq!(ids(&search(&new, &format!("gadgets round{round}"), None).await)[0], "a7");
        assert_ne!(ids(&search(&new, "widget number7", None).await).first(), Some(&"a7"));
        assert!(!ids(&search(&new, "widget number20", None).await).contains(&"a20"));
        assert_eq!((new.article_count(), new.passage_count()), (39, 39));
    }

    let after = search(&old, "widget number7", None).await;
    assert_eq!(ids(&after), ids(&before));
    let scores = |result: &docent::retrieval::search::SearchResult| {
        result.passages.iter().map(|scored| (scored.lexical, scored.semantic, scored.fused)).collect::<Vec<_>>()
    };
    assert_eq!(scores(&after), scores(&before));
    assert_eq!(after.confidence, before.confidence);
    assert_eq!(old.article_count(), 40);
}

#[tokio::test]
async fn an_update_finds_what_a_fresh_index_finds() {
    let mut builder = builder();
    let articles = |from: usize, to: usize| -> Vec<_> {
        (from..to)
            .map(|at| article(&format!("a{at}"), "Widgets", &format!("Part{at} of a widget, part{at}.")))
            .collect()
    };
    builder.update(&project(articles(0, 30))).await.expect("an index");
    builder.update(&project(articles(10, 50))).await.expect("an index");
    let updated = builder.update(&project(articles(20, 40))).await.expect("an index");
    let fresh = index(articles(20, 40)).await;
    for at in 20..40 {
        let query = format!("what is part{at}");
        let (updated, fresh) = (search(&updated, &query, None).await, search(&fresh, &query, None).await);
        assert_eq!(ids(&updated)[0], ids(&fresh)[0]);
        assert_eq!(updated.passages.len(), fresh.passages.len());
    }
}

#[tokio::test]
async fn passages_of_unchanged_articles_are_shared_between_snapshots() {
    let mut builder = builder();
    let mut project = project([article("a", "Exports", "Export here."), article("b", "Imports", "Import here.")]);
    let first = builder.update(&project).await.expect("an index");
    let changed = Arc::new(article("b", "Imports", "Import there."));
    project.articles.insert(changed.id.clone(), changed);
    let second = builder.update(&project).await.expect("an index");
    let passage = |index: &docent::retrieval::index::Index, id: &str| {
        Arc::clone(index.passages().find(|passage| passage.article.id.as_str() == id).expect("a passage"))
    };
    assert!(Arc::ptr_eq(&passage(&first, "a"), &passage(&second, "a")));
    assert!(!Arc::ptr_eq(&passage(&first, "b"), &passage(&second, "b")));
}

#[tokio::test]
async fn nothing_is_found_in_nothing() {
    let empty = index([]).await;
    for query in ["", "export", "???", "的"] {
        let result = search(&empty, query, None).await;
        assert!(result.passages.is_empty() && result.confidence < 0.1, "{query}");
    }
    let some = index([article("a", "Exports", "Export here.")]).await;
    for query in ["", "   ", "???", "\u{0}", "🙂"] {
        let result = search(&some, query, None).await;
        assert!(result.confidence < 0.1, "{query:?}: {}", result.confidence);
    }
}
