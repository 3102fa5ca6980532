//! The pipeline of one turn: Custom Answers first, then search, then an honest
//! "I don't know".

use std::sync::Arc;

use tokio::sync::mpsc;

use super::phrasing::Phrasing;
use super::preflight::Preflight;
use super::reply::{self, Reply};
use super::snapshot::KnowledgeSnapshot;
use super::trace::{InputTrace, QuestionTrace, Stopwatch, TurnTrace};
use super::turn_event::{ActionOrigin, AgentMessage, OfferedAction, Phase, TurnEvent, TurnFinish};
use super::turn_request::TurnRequest;
use super::{instead, intent_trace, questions, retrieval_trace};
use crate::domain::attribute::Attributes;
use crate::domain::conversation::{AnswerKind, Outcome};
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::locale::Locale;
use crate::intent::matcher::{self, Decision};
use crate::intent::message::Message;
use crate::ports::embedder::{Embedder, Role};
use crate::retrieval::confidence::ANSWER_THRESHOLD;
use crate::retrieval::search::{Mode, SearchRequest};
use crate::text::language;
use crate::text::normalize::normalize_phrase;

/// Passages that a turn looks at.
const PASSAGES: usize = 8;

/// Runs a turn to its end.
pub(super) async fn run(
    snapshot: &KnowledgeSnapshot,
    embedder: &dyn Embedder,
    request: &TurnRequest,
    events: &mpsc::Sender<TurnEvent>,
) {
    let mut turn = Turn {
        snapshot,
        request,
        attributes: request.context.template_attributes(),
        trace: TurnTrace { knowledge_version: snapshot.version, ..TurnTrace::default() },
        watch: Stopwatch::start(),
        degraded: false,
    };
    let mut reply = match turn.chosen() {
        Some(reply) => reply,
        None => turn.answer(embedder, events).await,
    };
    if !reply.actions.is_empty() {
        instead::prepare(snapshot, request, &mut reply).await;
        turn.watch.lap("prepare for failure");
    }
    turn.finish(reply, events).await;
}

struct Turn<'a> {
    snapshot: &'a KnowledgeSnapshot,
    request: &'a TurnRequest,
    attributes: Attributes,
    trace: TurnTrace,
    watch: Stopwatch,
    degraded: bool,
}

/// A text as it is matched and searched for.
struct Reading {
    /// With its typing mistakes put right.
    said: String,
    message: Message,
    corrected: Option<String>,
}

impl Turn<'_> {
    /// The answer of the chip that was clicked, if the user may still have it.
    fn chosen(&mut self) -> Option<Reply> {
        let id = self.request.chosen_answer.as_ref()?;
        let answer = Arc::clone(self.snapshot.project.answers.get(id)?);
        self.trace.input = self.input(self.language(), None);
        self.may_have(&answer).then(|| self.custom_answer(&answer))
    }

    async fn answer(&mut self, embedder: &dyn Embedder, events: &mpsc::Sender<TurnEvent>) -> Reply {
        let whole = self.read(&self.request.message, embedder);
        self.trace.input = self.input(whole.message.language, whole.corrected.clone());
        self.watch.lap("read");
        let (decision, reason) = self.decide(&whole, embedder).await;
        self.trace.intent = Some(intent_trace::of(&decision, reason));
        let matched = match decision.outcome {
            matcher::Outcome::Matched(ref answer) => Some(Arc::clone(answer)),
            matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => self.matched_plain(embedder).await,
        };
        self.watch.lap("match");
        // A phrase that its author wrote with two questions is one question.
        if !decision.is_exact()
            && let Some(reply) = self.answer_apart(embedder, events).await
        {
            return reply;
        }
        if let Some(answer) = matched {
            return self.custom_answer(&answer);
        }
        let phrasing = self.phrasing(whole.message.language);
        if let matcher::Outcome::NearTie(answers) = &decision.outcome
            && answers.len() > 1
        {
            return reply::chips(answers, phrasing);
        }
        let found = self.search(&whole.said, &whole.message, events).await;
        match &decision.outcome {
            // One answer that is only likely is asked about when articles say nothing.
            matcher::Outcome::NearTie(answers) if found.kind == AnswerKind::NoAnswer => reply::chips(answers, phrasing),
            _ => found,
        }
    }

    fn read(&self, text: &str, embedder: &dyn Embedder) -> Reading {
        let language = self.language();
        let corrected = embedder
            .knows(language.as_str())
            .then(|| self.snapshot.phrases.corrected(text, |word| embedder.is_word(word)))
            .flatten();
        let said = corrected.clone().unwrap_or_else(|| text.to_owned());
        Reading { message: Message::read(&said, language), said, corrected }
    }

    /// What the matcher says, and why meanings were not compared.
    async fn decide(&mut self, reading: &Reading, embedder: &dyn Embedder) -> (Decision, Option<String>) {
        let (vector, reason) = self.embed(&reading.message, &reading.said, embedder).await;
        self.watch.lap("embed");
        let decision =
            matcher::decide(&self.snapshot.phrases, &reading.message, vector.as_deref(), embedder.words(), |answer| {
                self.may_have(answer)
            });
        (decision, reason)
    }

    /// The answer that a launch's message means without the values put into it.
    async fn matched_plain(&mut self, embedder: &dyn Embedder) -> Option<Arc<CustomAnswer>> {
        let plain = self.read(self.request.plain.as_deref()?, embedder);
        match self.decide(&plain, embedder).await.0.outcome {
            matcher::Outcome::Matched(answer) => Some(answer),
            matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => None,
        }
    }

    /// The answers to the questions of a message that asks several, when at least
    /// two of them have one.
    async fn answer_apart(&mut self, embedder: &dyn Embedder, events: &mpsc::Sender<TurnEvent>) -> Option<Reply> {
        let questions = questions::of(&self.request.message);
        if questions.len() < 2 {
            return None;
        }
        let mut replies: Vec<Reply> = Vec::new();
        let mut traces = Vec::new();
        for question in questions {
            let reading = self.read(question, embedder);
            let (decision, _) = self.decide(&reading, embedder).await;
            let reply = match &decision.outcome {
                matcher::Outcome::Matched(answer) => self.custom_answer(answer),
                matcher::Outcome::NearTie(_) | matcher::Outcome::Abstained => {
                    self.search(&reading.said, &reading.message, events).await
                }
            };
            traces.push(QuestionTrace {
                text: question.to_owned(),
                kind: reply.kind.name(),
                answer_id: reply.answer.as_ref().map(ToString::to_string),
            });
            let is_new = reply.answer.is_none() || replies.iter().all(|other| other.answer != reply.answer);
            if reply.kind != AnswerKind::NoAnswer && is_new {
                replies.push(reply);
            }
        }
        self.trace.questions = traces;
        let strictness = self.snapshot.project.settings.combination;
        (replies.len() > 1).then(|| reply::joined(replies, strictness)).flatten()
    }

    fn language(&self) -> language::Language {
        self.snapshot.language_of(&self.request.message, self.request.context.user.locale.as_ref())
    }

    fn input(&self, language: language::Language, corrected: Option<String>) -> InputTrace {
        InputTrace {
            text: self.request.message.clone(),
            normalized: normalize_phrase(&self.request.message),
            language: language.as_str().to_owned(),
            corrected,
        }
    }

    async fn embed(
        &mut self,
        message: &Message,
        said: &str,
        embedder: &dyn Embedder,
    ) -> (Option<Vec<f32>>, Option<String>) {
        if self.snapshot.phrases.is_empty() {
            return (None, Some("there are no Custom Answers".to_owned()));
        }
        if !embedder.knows(message.language.as_str()) {
            let reason =
                format!("the embedder `{}` does not know the language `{}`", embedder.name(), message.language);
            return (None, Some(reason));
        }
        match embedder.embed(&[said], Role::Question).await {
            Ok(vectors) => (Some(vectors.into_values()), None),
            Err(error) => {
                self.degraded = true;
                tracing::warn!(embedder.name = embedder.name(), %error, "a message could not be embedded");
                (None, Some("the embedder failed".to_owned()))
            }
        }
    }

    fn may_have(&self, answer: &CustomAnswer) -> bool {
        let facts = self.snapshot.facts(&self.request.context, self.request.now);
        KnowledgeSnapshot::admits(answer.audience.as_ref(), facts)
    }

    fn custom_answer(&mut self, answer: &CustomAnswer) -> Reply {
        let preflight = Preflight {
            project: &self.snapshot.project,
            facts: self.snapshot.facts(&self.request.context, self.request.now),
            attributes: &self.attributes,
            capabilities: &self.request.capabilities,
        };
        let (offered, traces) = preflight.check_list(&answer.actions, ActionOrigin::CustomAnswer);
        self.trace.actions.extend(traces);
        self.watch.lap("check actions");
        reply::custom_answer(answer, offered)
    }

    async fn search(&mut self, said: &str, message: &Message, events: &mpsc::Sender<TurnEvent>) -> Reply {
        let _ = events.send(TurnEvent::Status(Phase::Retrieving)).await;
        let facts = self.snapshot.facts(&self.request.context, self.request.now);
        let audiences = self.snapshot.index.allowed(facts);
        let found = self
            .snapshot
            .index
            .search(SearchRequest {
                query: said,
                locale: self.request.context.user.locale.as_ref(),
                audiences: &audiences,
                mode: Mode::Hybrid,
                limit: PASSAGES,
            })
            .await;
        self.degraded |= found.degraded;
        self.trace.retrieval = Some(retrieval_trace::of(&found));
        self.watch.lap("retrieve");
        let phrasing = self.phrasing(message.language);
        if found.confidence < ANSWER_THRESHOLD {
            return reply::no_answer(&found, &self.snapshot.project, phrasing);
        }
        let _ = events.send(TurnEvent::Status(Phase::Answering)).await;
        let meant = (found.question != said).then(|| Message::read(&found.question, message.language));
        let terms = &meant.as_ref().unwrap_or(message).terms;
        let reply = reply::extractive(&found, terms, &self.snapshot.project, phrasing);
        self.watch.lap("compose");
        reply
    }

    fn phrasing(&self, language: language::Language) -> &'static Phrasing {
        let spoken = Locale::new(language.as_str());
        Phrasing::of(spoken.as_ref(), &self.snapshot.project.settings.default_locale)
    }

    /// Sends what the reply consists of, in the order in which a client shows it.
    async fn finish(self, reply: Reply, events: &mpsc::Sender<TurnEvent>) {
        let mut trace = self.trace;
        trace.timings = self.watch.finish();
        let finish = TurnFinish {
            kind: Some(reply.kind),
            answer: reply.answer.clone(),
            outcome: Outcome::Completed,
            degraded: self.degraded,
        };
        for event in events_of(reply) {
            if events.send(event).await.is_err() {
                return;
            }
        }
        if self.request.trace {
            match serde_json::to_value(&trace) {
                Ok(value) => drop(events.send(TurnEvent::Trace(Arc::new(value))).await),
                Err(error) => tracing::error!(%error, "a trace could not be written"),
            }
        }
        let _ = events.send(TurnEvent::Finished(finish)).await;
    }
}

fn events_of(reply: Reply) -> Vec<TurnEvent> {
    let mut events = Vec::with_capacity(reply.pieces.len() * 2 + reply.actions.len() + 1);
    for citation in &reply.citations {
        events.push(TurnEvent::Citation(citation.clone()));
    }
    let text: String = reply.pieces.iter().map(|(text, _)| text.as_str()).collect();
    for (text, cites) in reply.pieces {
        events.push(TurnEvent::Delta { text, cites });
    }
    events.push(TurnEvent::Message(AgentMessage {
        text,
        citations: reply.citations,
        quick_replies: reply.quick_replies,
    }));
    events.extend(reply.actions.into_iter().map(|action: OfferedAction| TurnEvent::Action(action)));
    events
}
