//! The command line: the composition root, and the only place that joins
//! adapters to the core.

mod ask;
mod bench;
mod chat;
mod check;
mod conformance;
mod doctor;
mod embedders;
mod eval;
mod exchanges;
mod explain;
mod init;
mod log;
mod model;
mod models;
mod progress;
mod project;
mod report;
mod serve;
mod user;
mod user_file;

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::eprintln;
use clap::{Args, Parser, Subcommand};

/// A self-hosted conversational backend for a product's own in-app agent.
#[derive(Debug, Parser)]
#[command(name = "docent", version, propagate_version = true, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a project to chat widgets and other websocket clients.
    Serve(serve::ServeArgs),
    /// Talk to a running server in the terminal.
    Chat(chat::ChatArgs),
    /// Run one turn in process and print the answer.
    Ask(ask::AskArgs),
    /// Report every mistake in a project.
    Check(check::CheckArgs),
    /// Find out what the configured endpoints can do.
    Doctor(doctor::DoctorArgs),
    /// Write a small project to start from.
    Init(init::InitArgs),
    /// Measure quality: of a project's own cases, or of a public data set.
    #[command(subcommand)]
    Eval(eval::EvalCommand),
    /// Sign a token for a user, for development.
    Token(user::TokenArgs),
    /// Revoke a user's tokens, or one token.
    Revoke(user::RevokeArgs),
    /// Print everything that is stored of a user, one JSON object a line.
    Export(user::ExportArgs),
    /// Erase everything that is stored of a user.
    Erase(user::EraseArgs),
    /// Check that a running server speaks the protocol as its golden transcripts say.
    Conformance(conformance::ConformanceArgs),
    /// Get models for the transformer.
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Measure speed, memory and scale.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

/// Where the project is.
#[derive(Clone, Debug, Args)]
struct ProjectArgs {
    /// Folder with the project's knowledge.
    #[arg(long, value_name = "DIR", default_value = "knowledge")]
    knowledge: PathBuf,
    /// Folder with the prompts [default: `prompts` beside the knowledge].
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
    #[command(flatten)]
    embedder: embedders::EmbedderArgs,
}

/// Reads the command line, runs the command and reports what went wrong.
///
/// Exit status: 0 when all went well, 1 when the command found or met a fault,
/// 2 when the command line itself is wrong.
pub fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(command_line.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Chat(args) => chat::run(args).await,
        Command::Ask(args) => ask::run(args).await,
        Command::Check(args) => check::run(&args).await,
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Init(args) => init::run(&args),
        Command::Eval(command) => eval::run(command).await,
        Command::Token(args) => user::token(&args),
        Command::Revoke(args) => user::revoke(&args),
        Command::Export(args) => user::export(&args),
        Command::Erase(args) => user::erase(&args),
        Command::Conformance(args) => conformance::run(args).await,
        Command::Model(command) => model::run(command).await,
        Command::Bench(command) => bench::run(command).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::CommandLine::command().debug_assert();
    }
}
