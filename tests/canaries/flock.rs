//! The canaries: by kind, a text that must not be heard.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// What they are; each text is made from its place in this list.
const KINDS: [&str; 53] = [
    "identity secret",
    "previous identity secret",
    "embeddings key",
    "qdrant key",
    "chat key",
    "fallback chat key",
    "handover secret",
    "user id",
    "token id",
    "signed email",
    "signed name",
    "signed phone",
    "signed address",
    "company id",
    "company name",
    "token",
    "forged token",
    "expired token",
    "refreshed token",
    "token of another user",
    "no token at all",
    "claimed email",
    "claimed name",
    "claimed phone",
    "nested attribute",
    "attribute set later",
    "attribute in vain",
    "page query",
    "page path",
    "page title",
    "page set later",
    "page in vain",
    "page credentials",
    "client name",
    "message",
    "message that panics nobody",
    "message too long",
    "message of the wrong type",
    "launch template",
    "launch attribute",
    "quick reply",
    "feedback reason",
    "feedback comment",
    "feedback of the wrong type",
    "action detail",
    "event property",
    "survey answer",
    "frame that is no JSON",
    "command that nobody knows",
    "path",
    "query",
    "authorization header",
    "cookie",
];

/// All canaries, and which of them were let fly.
#[derive(Default)]
pub(crate) struct Flock {
    /// Further texts that stand for a kind, such as an encoded form.
    heard_as: Mutex<BTreeMap<&'static str, Vec<String>>>,
}

impl Flock {
    /// The text of a kind.
    pub(crate) fn text(&self, kind: &str) -> String {
        let at = KINDS.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("`{kind}` has no row"));
        let core = format!("cnry{at:02}zq");
        self.heard_as.lock().expect("no panic").entry(KINDS[at]).or_default().push(core.clone());
        match kind {
            "identity secret" | "previous identity secret" => format!("{core}-a-secret-that-is-long-enough-to-be-one"),
            "embeddings key" | "qdrant key" | "chat key" | "fallback chat key" | "handover secret" => {
                format!("sk-{core}-0123456789abcdef")
            }
            "signed phone" | "claimed phone" => format!("+49 170 {core} 55"),
            "signed email" | "claimed email" => format!("{core}@example.com"),
            _ => core,
        }
    }

    /// Lets a text stand for a kind, as in another encoding.
    pub(crate) fn also(&self, kind: &str, text: &str) {
        self.text(kind);
        let kind = KINDS.iter().find(|known| **known == kind).expect("a kind");
        self.heard_as.lock().expect("no panic").entry(kind).or_default().push(text.to_owned());
    }

    pub(crate) fn len(&self) -> usize {
        KINDS.len()
    }

    /// Checks that every canary was let fly.
    pub(crate) fn assert_complete(&self) {
        let flown = self.heard_as.lock().expect("no panic");
        let caged: Vec<_> = KINDS.iter().filter(|kind| !flown.contains_key(*kind)).collect();
        assert!(caged.is_empty(), "no flow brings {caged:?}");
    }

    /// Checks that none is in a text.
    pub(crate) fn assert_silent(&self, place: &str, text: &str) {
        for (kind, texts) in self.heard_as.lock().expect("no panic").iter() {
            for heard in texts {
                assert!(!text.contains(heard.as_str()), "{place} repeats the {kind}: {text}");
            }
        }
    }
}
