//! The user of `ask` and `chat`, read from a JSON file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::domain::ids::UserId;
use crate::domain::locale::Locale;
use crate::domain::user::UserContext;
use crate::protocol::convert::value::from_json;

/// A user as a file tells it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserFile {
    /// The user's id.
    pub(super) id: Option<String>,
    /// The language the user asks in.
    pub(super) locale: Option<String>,
    /// Traits such as `plan` or `email`.
    #[serde(default)]
    pub(super) traits: BTreeMap<String, Json>,
}

impl UserFile {
    /// Reads the file; without one, an unknown user.
    pub(super) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not a user such as {{\"id\": \"u1\", \"traits\": {{}}}}", path.display()))
    }

    /// The user as a turn sees them.
    pub(super) fn context(&self) -> anyhow::Result<UserContext> {
        let id = self.id.as_deref().unwrap_or("anon-00000000-0000-4000-8000-000000000000");
        let mut context = UserContext::new(UserId::new(id)?);
        if let Some(tag) = &self.locale {
            let locale = Locale::new(tag).with_context(|| format!("`{tag}` is not a language tag such as `en`"))?;
            context.user.locale = Some(locale);
        }
        for (name, value) in &self.traits {
            context.user.traits.insert(name.clone(), from_json(value));
        }
        Ok(context)
    }
}
