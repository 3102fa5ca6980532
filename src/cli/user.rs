//! Users from the command line: tokens, revocations, and what is stored of them.

use std::process::ExitCode;

use anstream::{eprintln, println};
use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::{Map, Value as Json};

use crate::adapters::conversation_database::user_data;
use crate::adapters::revocation_file::RevocationFile;
use crate::adapters::webhook_desk::handovers;
use crate::config::{self, Config, Overrides};
use crate::domain::revocation::{Revocation, Revoked};
use crate::server::clock::Clock;
use crate::session::identity::{MAX_LIFE_S, sign};

/// Arguments of `docent token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    /// The user's id.
    #[arg(long, value_name = "ID")]
    user: String,
    /// A signed attribute, such as plan=pro; JSON values are taken as such.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, Json)>,
    /// Minutes until it ends, at most 60.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: u64,
}

/// Arguments of `docent revoke`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct RevokeArgs {
    /// A user: every token signed until now.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// A token, by its `jti`.
    #[arg(long, value_name = "ID")]
    token_id: Option<String>,
}

fn attribute(text: &str) -> Result<(String, Json), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Json::String(value.to_owned()))))
}

/// Arguments of `docent export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The user's id.
    #[arg(long, value_name = "ID")]
    user: String,
}

/// Arguments of `docent erase`.
#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// The user's id.
    #[arg(long, value_name = "ID")]
    user: String,
    /// Do it; without this, nothing is erased.
    #[arg(long)]
    yes: bool,
}

/// Prints everything that is stored of a user, one JSON object a line.
pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let folder = configuration()?.data;
    user_data::export(&folder, &args.user, |event| println!("{}", serde_json::json!(event)))?;
    for post in user_data::seen_posts(&folder, &args.user)? {
        println!("{}", serde_json::json!(post));
    }
    for handover in handovers::export(&folder, &args.user)? {
        println!("{handover}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Erases everything that is stored of a user.
pub(super) fn erase(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    let folder = configuration()?.data;
    if !args.yes {
        let mut events = 0;
        user_data::export(&folder, &args.user, |_| events += 1)?;
        eprintln!("{events} events would be erased; add --yes to erase them for good");
        return Ok(ExitCode::FAILURE);
    }
    // The conversations first: with them goes what a run of theirs wants to hand over.
    let erased = user_data::erase(&folder, &args.user)?;
    handovers::erase(&folder, &args.user).context("the handovers that wait cannot be erased")?;
    eprintln!("erased {} conversations of the user", erased.conversations);
    Ok(ExitCode::SUCCESS)
}

/// Prints a token that the configured secret signs, for development.
pub(super) fn token(args: &TokenArgs) -> anyhow::Result<ExitCode> {
    let config = configuration()?;
    let key = config
        .identity
        .keys
        .first()
        .context("there is no identity secret: set `identity.secret` in docent.toml, or DOCENT_IDENTITY_SECRET")?;
    let attributes: Map<String, Json> = args.attributes.iter().cloned().collect();
    let life = (Clock::start().now(), (args.minutes * 60).min(MAX_LIFE_S));
    println!("{}", sign(key, &config.project_key, &args.user, &attributes, life)?);
    Ok(ExitCode::SUCCESS)
}

/// Revokes a user's tokens or one token; a running server closes their sockets.
pub(super) fn revoke(args: &RevokeArgs) -> anyhow::Result<ExitCode> {
    let config = configuration()?;
    let what = match (&args.user, &args.token_id) {
        (Some(user), _) => Revoked::User(user.clone()),
        (None, Some(token)) => Revoked::Token(token.clone()),
        (None, None) => return Err(anyhow!("name a user or a token")),
    };
    RevocationFile::new(&config.data)
        .add(&Revocation { what, at_ms: Clock::start().now().0 })
        .with_context(|| format!("`{}` cannot be written", config.data.display()))?;
    eprintln!("revoked; servers that use {} close the sockets within seconds", config.data.display());
    Ok(ExitCode::SUCCESS)
}

fn configuration() -> anyhow::Result<Config> {
    config::load(None, &Overrides::new()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("the configuration has mistakes\n{}", mistakes.join("\n"))
    })
}
