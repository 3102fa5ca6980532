//! Small projects to search in.

use std::sync::Arc;

use docent::adapters::static_embedder::StaticEmbedder;
use docent::domain::article::{Article, Block, BlockKind, Section};
use docent::domain::condition::{Audience, Comparison, Condition, PropertyTest};
use docent::domain::ids::ArticleId;
use docent::domain::locale::Locale;
use docent::domain::project::Project;
use docent::domain::value::Value;
use docent::retrieval::audience::AudienceSet;
use docent::retrieval::index::Index;
use docent::retrieval::index::builder::IndexBuilder;
use docent::retrieval::search::{Mode, SearchRequest, SearchResult};

pub(crate) fn article(id: &str, title: &str, text: &str) -> Article {
    let blocks = text
        .split("\n\n")
        .map(|text| Block { kind: BlockKind::Paragraph, markdown: text.to_owned(), text: text.to_owned() })
        .collect();
    Article {
        id: ArticleId::new(id).expect("an id"),
        title: title.to_owned(),
        url: format!("/articles/{id}"),
        locale: None,
        audience: None,
        keywords: Vec::new(),
        sections: vec![Section { heading_path: Vec::new(), anchor: None, blocks }],
    }
}

pub(crate) fn project(articles: impl IntoIterator<Item = Article>) -> Project {
    let articles = articles.into_iter().map(|article| (article.id.clone(), Arc::new(article))).collect();
    Project { articles, ..Project::default() }
}

pub(crate) fn for_role(role: &str) -> Audience {
    let comparison = Comparison::Eq(Value::Text(role.to_owned()));
    Condition::Trait(PropertyTest { name: "role".to_owned(), comparison })
}

pub(crate) fn builder() -> IndexBuilder {
    IndexBuilder::new(Some(Arc::new(StaticEmbedder::new()))).expect("a builder")
}

pub(crate) async fn index(articles: impl IntoIterator<Item = Article>) -> Arc<Index> {
    builder().update(&project(articles)).await.expect("an index")
}

pub(crate) async fn search(index: &Index, query: &str, locale: Option<&str>) -> SearchResult {
    let locale = locale.and_then(Locale::new);
    let audiences = AudienceSet::everyone();
    let request =
        SearchRequest { query, locale: locale.as_ref(), audiences: &audiences, mode: Mode::Hybrid, limit: 10 };
    index.search(request).await
}

pub(crate) fn ids(result: &SearchResult) -> Vec<&str> {
    result.passages.iter().map(|scored| scored.passage.article.id.as_str()).collect()
}
