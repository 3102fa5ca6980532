//! The changelog: what a user may read, newest first, page by page.

use serde_json::{Value, json};

use crate::client::{Client, hello};
use crate::rig::Rig;

fn posts(page: &Value) -> Vec<(&str, bool)> {
    let posts = page["data"]["posts"].as_array().expect("posts");
    posts.iter().map(|post| (post["post_id"].as_str().expect("an id"), post["seen"] == true)).collect()
}

#[tokio::test]
async fn a_feed_has_what_the_user_may_read_newest_first() {
    let rig = Rig::start().await;
    let mut client = Client::join(rig.address).await;
    let all = client.call("feed.get", json!({"limit": 50})).await;
    let unseen = [("january-9", false), ("january-5", false), ("january-2", false), ("news", false)];
    assert_eq!((posts(&all), &all["data"]["has_more"]), (unseen.to_vec(), &json!(false)));

    client.call("post.get", json!({"post_id": "january-5"})).await;
    client.call("post.get", json!({"post_id": "draft"})).await;
    let first = client.call("feed.get", json!({"limit": 2})).await;
    assert_eq!(posts(&first), [("january-9", false), ("january-5", true)]);
    assert_eq!(first["data"]["has_more"], true);
    let second = client.call("feed.get", json!({"limit": 2, "before": "january-5"})).await;
    assert_eq!((posts(&second), &second["data"]["has_more"]), (unseen[2..].to_vec(), &json!(false)));
    assert_eq!(posts(&client.call("feed.get", json!({"limit": 0, "before": "news"})).await), []);
    for before in ["none", "draft", "pro", "", "a b"] {
        let refused = client.call("feed.get", json!({"limit": 2, "before": before})).await;
        assert_eq!(refused["data"]["code"], "post_not_found", "{before}");
    }

    // Seen is what the user has seen, wherever; and an audience opens what is for it.
    let mut other_tab = hello();
    other_tab["client_id"] = json!("tab-2");
    other_tab["attributes"] = json!({"plan": "pro"});
    let mut other_tab = Client::join_as(rig.address, other_tab).await;
    let page = other_tab.call("feed.get", json!({"limit": 50})).await;
    assert_eq!(posts(&page)[1..], [("january-5", true), ("january-2", false), ("news", false), ("pro", false)]);
    let mut stranger = hello();
    stranger["anonymous_id"] = json!("anon-9b2f7c1e-3f55-4c58-9d44-1f2f0e3b8a11");
    let mut stranger = Client::join_as(rig.address, stranger).await;
    assert_eq!(posts(&stranger.call("feed.get", json!({"limit": 50})).await), unseen);
}
