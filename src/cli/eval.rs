//! `docent eval`: quality, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::eprintln;
use clap::{Args, Subcommand, ValueEnum};

use super::exchanges::ExchangeArgs;
use super::models::{self, ChosenChat};
use super::{ProjectArgs, embedders, project, report};
use crate::domain::locale::Locale;
use crate::eval;
use crate::retrieval::search::Mode;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// A project's own cases; exit status 1 when one fails.
    Cases(CasesArgs),
    /// Matching of Custom Answers on labeled messages.
    Intents(IntentsArgs),
    /// Search on a data set in the BEIR layout.
    Retrieval(RetrievalArgs),
    /// Whether the confidence tells questions with an answer from those without.
    #[command(name = "noanswer")]
    NoAnswer(NoAnswerArgs),
}

/// Arguments of `docent eval intents`. Files are JSON Lines with `text` and
/// `label`; the label `oos` means none of the answers.
#[derive(Debug, Args)]
pub(super) struct IntentsArgs {
    /// Phrases to learn from; one Custom Answer a label.
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Messages to be matched.
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// Messages by which the threshold is chosen (most treated right), instead of
    /// the threshold that the server would use.
    #[arg(long, value_name = "FILE")]
    valid: Option<PathBuf>,
    /// Leave out the K-th of each N answers: messages that mean it then mean none,
    /// which is harder to tell than what is off the topic.
    #[arg(long, value_name = "K/N")]
    missing: Option<eval::missing::Missing>,
    #[command(flatten)]
    embedder: embedders::EmbedderArgs,
    /// Language of the phrases and messages.
    #[arg(long, value_name = "TAG", value_parser = locale)]
    language: Option<Locale>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `docent eval cases`.
#[derive(Debug, Args)]
pub(super) struct CasesArgs {
    /// File or folder with cases.
    #[arg(value_name = "PATH", default_value = "evals/cases")]
    path: PathBuf,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    exchanges: ExchangeArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `docent eval retrieval`, and of `docent eval noanswer` among others.
#[derive(Debug, Args)]
pub(super) struct RetrievalArgs {
    /// Folder with corpus.jsonl, queries.jsonl and qrels.tsv.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// What passages are compared by.
    #[arg(long, value_enum, default_value = "hybrid")]
    mode: ModeName,
    #[command(flatten)]
    embedder: embedders::EmbedderArgs,
    /// Language of the documents, when it should not be detected.
    #[arg(long, value_name = "TAG", value_parser = locale)]
    language: Option<Locale>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Arguments of `docent eval noanswer`. Each query has `answerable`, unless documents are
/// left out.
#[derive(Debug, Args)]
pub(super) struct NoAnswerArgs {
    /// Leave out the K-th of each N documents that answer a question, as qrels.tsv tells:
    /// what they answer then has no answer.
    #[arg(long, value_name = "K/N")]
    missing: Option<eval::missing::Missing>,
    #[command(flatten)]
    search: RetrievalArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// Words alone (BM25).
    Lexical,
    /// Meanings alone.
    Semantic,
    /// Both, as the agent searches.
    Hybrid,
}

fn locale(tag: &str) -> Result<Locale, String> {
    Locale::new(tag).ok_or_else(|| format!("`{tag}` is not a language tag such as `en`"))
}

pub(super) async fn run(command: EvalCommand) -> anyhow::Result<ExitCode> {
    match command {
        EvalCommand::Cases(args) => {
            let (cases, mistakes) = eval::cases::read(&args.path)?;
            for mistake in &mistakes {
                eprintln!("{mistake}");
            }
            if mistakes.iter().any(crate::diagnostic::Diagnostic::is_error) {
                return Ok(ExitCode::FAILURE);
            }
            let Some(agent) = project::open(&args.project).await? else { return Ok(ExitCode::FAILURE) };
            let mut chosen = ChosenChat::default();
            if args.exchanges.is_given() {
                chosen = models::of_config(&embedders::config(&args.project.embedder)?, None, &args.exchanges)?;
            }
            let agent = agent.with_chat(chosen.chat.take());
            let result = eval::cases::run(&agent, &cases, chosen.now()).await?;
            report::print(&result, args.json)?;
            chosen.check()?;
            Ok(if result.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        EvalCommand::Intents(args) => {
            let IntentsArgs { train, test, valid, missing, embedder, language, json } = args;
            let embedder = embedders::open(&embedder).await?.embedder();
            let options = eval::intents::Options { train, test, valid, missing, embedder, language };
            report::print(&eval::intents::run(&options).await?, json)?;
            Ok(ExitCode::SUCCESS)
        }
        EvalCommand::Retrieval(args) => {
            let json = args.json;
            report::print(&eval::retrieval::run(args.options().await?).await?, json)?;
            Ok(ExitCode::SUCCESS)
        }
        EvalCommand::NoAnswer(args) => {
            let NoAnswerArgs { missing, search } = args;
            let json = search.json;
            report::print(&eval::no_answer::run(search.options().await?, missing).await?, json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl RetrievalArgs {
    async fn options(self) -> anyhow::Result<eval::retrieval::Options> {
        let embedder = embedders::open(&self.embedder).await?.embedder();
        Ok(eval::retrieval::Options {
            dir: self.dir,
            mode: match self.mode {
                ModeName::Lexical => Mode::Lexical,
                ModeName::Semantic => Mode::Semantic,
                ModeName::Hybrid => Mode::Hybrid,
            },
            language: self.language,
            embedder: Some(embedder),
        })
    }
}
