//! Who may read what.

use docent::domain::condition::{Condition, Facts};
use docent::domain::ids::UserId;
use docent::domain::user::User;
use docent::domain::value::Value;
use docent::retrieval::audience::AudienceSet;
use docent::retrieval::search::{Mode, SearchRequest};
use proptest::prelude::*;

use crate::library::{article, for_role, ids, index, search};

const ROLES: [&str; 3] = ["admin", "billing", "support"];

fn user(role: Option<&str>) -> User {
    let mut user = User::new(UserId::new("u1").expect("an id"));
    if let Some(role) = role {
        user.traits.insert("role", Value::Text(role.to_owned()));
    }
    user
}

fn audience(at: usize) -> Option<Condition> {
    match at {
        0 => None,
        1..=3 => Some(for_role(ROLES[at - 1])),
        4 => Some(Condition::Any(vec![for_role(ROLES[0]), for_role(ROLES[1])])),
        5 => Some(Condition::Not(Box::new(for_role(ROLES[2])))),
        // Past events are not known here, so nobody may read it.
        _ => Some(Condition::Experience(
            docent::domain::ids::ExperienceId::new("tour").expect("an id"),
            docent::domain::condition::ExperienceState::Seen,
        )),
    }
}

fn may_read(at: usize, role: Option<&str>) -> bool {
    match at {
        0 => true,
        1..=3 => role == Some(ROLES[at - 1]),
        4 => role == Some(ROLES[0]) || role == Some(ROLES[1]),
        5 => role != Some(ROLES[2]),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_search_ever_finds_what_the_user_may_not_read(
        audiences in prop::collection::vec(0_usize..7, 1..25),
        role in prop::option::of(0_usize..3),
        query in prop_oneof![Just("secret invoice export"), Just("invoices"), Just("how do I export"), Just("zzz")],
        limit in 1_usize..40,
    ) {
        let articles = audiences.iter().enumerate().map(|(at, kind)| {
            let mut article = article(&format!("a{at}"), "Secret invoice export", "How to export a secret invoice.");
            article.audience = audience(*kind);
            article
        });
        let role = role.map(|at| ROLES[at]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let index = index(articles).await;
            let user = user(role);
            let segments = Default::default();
            let now = "2026-03-01T00:00:00Z".parse().expect("a time");
            let allowed = index.allowed(Facts { user: &user, page: None, segments: &segments, now });
            for mode in [Mode::Lexical, Mode::Semantic, Mode::Hybrid] {
                let request = SearchRequest { query, locale: None, audiences: &allowed, mode, limit };
                let found = index.search(request).await;
                for id in ids(&found) {
                    let at: usize = id[1..].parse().expect("a number");
                    assert!(may_read(audiences[at], role), "{id} was found for {role:?}");
                }
                let readable = audiences.iter().filter(|kind| may_read(**kind, role)).count();
                if query != "zzz" {
                    assert_eq!(found.passages.len(), readable.min(limit), "nothing readable is missing");
                }
            }
        });
    }
}

#[tokio::test]
async fn without_facts_only_the_open_articles_are_found() {
    let mut secret = article("secret", "Invoices for admins", "Admins export invoices here.");
    secret.audience = Some(for_role("admin"));
    let index = index([secret, article("open", "Invoices", "Export invoices here.")]).await;
    assert_eq!(ids(&search(&index, "export invoices", None).await), ["open"]);
}

#[tokio::test]
async fn a_set_of_an_earlier_snapshot_holds_for_a_later_one() {
    let mut builder = crate::library::builder();
    let restricted = |id: &str, role: &str| {
        let mut article = article(id, "Invoices", "Export invoices here.");
        article.audience = Some(for_role(role));
        article
    };
    let first = builder.update(&crate::library::project([restricted("a", "admin")])).await.expect("an index");
    let user = user(Some("admin"));
    let segments = Default::default();
    let now = "2026-03-01T00:00:00Z".parse().expect("a time");
    let allowed: AudienceSet = first.allowed(Facts { user: &user, page: None, segments: &segments, now });
    let articles = [restricted("a", "support"), restricted("b", "billing"), restricted("c", "admin")];
    let second = builder.update(&crate::library::project(articles)).await.expect("an index");
    let request = SearchRequest { query: "invoices", locale: None, audiences: &allowed, mode: Mode::Hybrid, limit: 10 };
    assert_eq!(ids(&second.search(request).await), ["c"]);
}
