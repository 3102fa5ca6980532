//! What the agent says: each kind of answer, composed but not yet sent.

use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::phrasing::Phrasing;
use super::turn_event::OfferedAction;
use super::{extractive, link};
use crate::domain::action::ActionKind;
use crate::domain::action::combination::{self, Strictness};
use crate::domain::action::order;
use crate::domain::article::Article;
use crate::domain::conversation::{AnswerKind, Choice, Citation, HandoverReason, Link, QuickReply};
use crate::domain::custom_answer::CustomAnswer;
use crate::domain::ids::AnswerId;
use crate::domain::project::{Project, Settings};
use crate::retrieval::passage::Passage;
use crate::retrieval::search::{ScoredPassage, SearchResult};
use crate::text::analysis::Analyzer;

/// Articles that an extractive answer links to beside its source.
const FURTHER_LINKS: usize = 2;

/// Least score of a passage that may be quoted instead of the best one of its
/// article, as a share of the best one's.
const QUOTED_SHARE: f32 = 0.9;

/// Articles that a missing answer links to.
const NEAREST_LINKS: usize = 3;

/// Least score of a linked article, as a share of the best one's.
const LINK_SHARE: f32 = 0.5;

/// Least score of a linked article: below it, nothing but a common word is shared.
const LINK_FLOOR: f32 = 0.3;

/// Characters of a snippet.
const SNIPPET_CHARS: usize = 180;

/// What would end the target of a Markdown link.
const LINK_TARGET: &AsciiSet =
    &CONTROLS.add(b' ').add(b'(').add(b')').add(b'<').add(b'>').add(b'\\').add(b'"').add(b'`');

/// A composed answer.
pub(super) struct Reply {
    pub(super) kind: AnswerKind,
    pub(super) answer: Option<AnswerId>,
    /// Markdown in the pieces in which it is sent, each with the citations that
    /// hold for it.
    pub(super) pieces: Vec<(String, Vec<u32>)>,
    pub(super) citations: Vec<Citation>,
    pub(super) quick_replies: Vec<(QuickReply, Option<Choice>)>,
    pub(super) actions: Vec<OfferedAction>,
    /// Why a person takes over.
    pub(super) handover: Option<HandoverReason>,
    /// Whether the pieces and citations have been sent.
    pub(super) is_shown: bool,
}

impl Reply {
    fn of(kind: AnswerKind, pieces: Vec<(String, Vec<u32>)>) -> Self {
        Self {
            kind,
            answer: None,
            pieces,
            citations: Vec::new(),
            quick_replies: Vec::new(),
            actions: Vec::new(),
            handover: None,
            is_shown: false,
        }
    }

    /// What a model wrote from articles.
    pub(super) fn written(
        pieces: Vec<(String, Vec<u32>)>,
        citations: Vec<Citation>,
        actions: Vec<OfferedAction>,
    ) -> Self {
        Self { citations, actions, ..Self::of(AnswerKind::Knowledge, pieces) }
    }
}

/// A question back in a model's words.
pub(super) fn question(text: &str) -> Reply {
    Reply::of(AnswerKind::Chips, vec![(text.to_owned(), Vec::new())])
}

/// Offers alone.
pub(super) fn offers(actions: Vec<OfferedAction>, phrasing: &Phrasing) -> Reply {
    Reply { actions, ..Reply::of(AnswerKind::Knowledge, vec![(phrasing.offer.to_owned(), Vec::new())]) }
}

/// A person takes over, in the author's words.
pub(super) fn handover(reason: HandoverReason, settings: &Settings, phrasing: &Phrasing) -> Reply {
    let text = settings.handover_message.clone().unwrap_or_else(|| phrasing.handover.to_owned());
    Reply { handover: Some(reason), ..Reply::of(AnswerKind::Handover, vec![(text, Vec::new())]) }
}

/// The first offers that may stand beside each other, each target once, in nominal
/// order.
pub(super) fn combined(offers: Vec<OfferedAction>, strictness: Strictness) -> Vec<OfferedAction> {
    let mut kept: Vec<OfferedAction> = Vec::new();
    for offer in offers {
        let kinds: Vec<ActionKind> = kept.iter().chain([&offer]).map(|offered| offered.action.kind()).collect();
        let is_new = kept.iter().all(|other| other.action != offer.action);
        if is_new && combination::first_conflict(&kinds, strictness).is_none() {
            kept.push(offer);
        }
    }
    numbered(kept)
}

/// In nominal order, and numbered by it.
fn numbered(mut actions: Vec<OfferedAction>) -> Vec<OfferedAction> {
    actions.sort_by_key(|offered| order::rank(offered.action.kind()));
    for (place, offered) in (0..).zip(&mut actions) {
        offered.order = place;
    }
    actions
}

/// The answers to several questions, one behind the other. The actions of a later
/// answer are left out when they cannot be offered beside the earlier ones.
pub(super) fn joined(replies: Vec<Reply>, strictness: Strictness) -> Option<Reply> {
    let mut replies = replies.into_iter();
    let mut all = replies.next()?;
    for reply in replies {
        let before = u32::try_from(all.citations.len()).unwrap_or(u32::MAX);
        let renumbered = |number: u32| number.saturating_add(before);
        all.pieces.push(("\n\n".to_owned(), Vec::new()));
        let pieces = reply.pieces.into_iter();
        all.pieces.extend(pieces.map(|(text, cites)| (text, cites.into_iter().map(renumbered).collect())));
        let citations = reply.citations.into_iter();
        all.citations.extend(citations.map(|citation| Citation { number: renumbered(citation.number), ..citation }));
        let kinds: Vec<ActionKind> =
            all.actions.iter().chain(&reply.actions).map(|offered| offered.action.kind()).collect();
        // A navigation changes where the rest of its own batch happens.
        let moves = kinds.contains(&ActionKind::Navigate) && !all.actions.is_empty();
        if !moves && combination::first_conflict(&kinds, strictness).is_none() {
            all.actions.extend(reply.actions);
        }
        all.answer = all.answer.or(reply.answer);
    }
    all.actions = numbered(all.actions);
    Some(all)
}

/// The author's words, as they are.
pub(super) fn custom_answer(answer: &CustomAnswer, actions: Vec<OfferedAction>) -> Reply {
    Reply {
        answer: Some(answer.id.clone()),
        actions,
        ..Reply::of(AnswerKind::CustomAnswer, vec![(answer.body.clone(), Vec::new())])
    }
}

/// With an automation that may be run, beside an answer or in place of none.
pub(super) fn with_automation(reply: Reply, offered: Vec<OfferedAction>, phrasing: &Phrasing) -> Reply {
    let Some(first) = offered.first() else { return reply };
    if reply.kind != AnswerKind::NoAnswer {
        return Reply { actions: offered, ..reply };
    }
    let text = format!("{} **{}**", phrasing.shall_i, plain_text(&first.label));
    Reply { actions: offered, ..Reply::of(AnswerKind::Automation, vec![(text, Vec::new())]) }
}

/// A question back, with one chip per answer.
pub(super) fn chips(answers: &[Arc<CustomAnswer>], phrasing: &Phrasing) -> Reply {
    let quick_replies = answers
        .iter()
        .filter_map(|answer| {
            let text = sentence_case(answer.phrases.first()?);
            let choice = Choice::Answer(answer.id.clone());
            Some((QuickReply { id: choice.name(), text }, Some(choice)))
        })
        .collect();
    Reply { quick_replies, ..Reply::of(AnswerKind::Chips, vec![(phrasing.did_you_mean.to_owned(), Vec::new())]) }
}

/// The sentences of the best passage that answer the question, with the
/// passage as their source and further articles.
pub(super) fn extractive(found: &SearchResult, terms: &[String], project: &Project, phrasing: &Phrasing) -> Reply {
    let quote = |scored: &ScoredPassage| {
        let passage = &scored.passage;
        let heading = passage.heading_path.last().map_or(passage.article.title.as_str(), String::as_str);
        let analyzer = Analyzer::of(passage.language);
        let quoted = extractive::quote(&passage.blocks, heading, terms, &scored.excerpts, &analyzer);
        (!quoted.markdown.is_empty()).then_some(quoted)
    };
    // A passage can be a mere title, which has nothing to quote.
    let mut quoted = found.passages.iter().filter_map(|scored| Some((scored, quote(scored)?)));
    let Some((best, first)) = quoted.next() else { return no_answer(found, project, phrasing) };
    // Of an article's passages that fit about as well, the one whose words say it.
    let rivals = quoted.filter(|(scored, _)| {
        scored.passage.article.id == best.passage.article.id && scored.fused >= QUOTED_SHARE * best.fused
    });
    let (chosen, quoted) =
        rivals.fold((best, first), |kept, rival| if rival.1.score > kept.1.score { rival } else { kept });
    let passage = &chosen.passage;
    let quoted = link::rewritten(&quoted.markdown, &passage.article, project);
    let mut pieces = vec![(quoted, vec![1])];
    let links = links(found, Some(passage), project, FURTHER_LINKS);
    if !links.is_empty() {
        pieces.push((format!("\n\n{} {}", phrasing.see_also, links.join(" · ")), Vec::new()));
    }
    Reply { citations: vec![citation(1, passage, project)], ..Reply::of(AnswerKind::Knowledge, pieces) }
}

/// An honest "I don't know", with the articles that come closest, and with the way to
/// a person where there is one.
pub(super) fn no_answer(found: &SearchResult, project: &Project, phrasing: &Phrasing) -> Reply {
    let mut text = phrasing.no_answer.to_owned();
    let links = links(found, None, project, NEAREST_LINKS);
    if !links.is_empty() {
        text.push(' ');
        text.push_str(phrasing.nearest);
        text.push('\n');
        for link in links {
            text.push_str("\n- ");
            text.push_str(&link);
        }
    }
    let quick_replies = match project.settings.handover_message {
        Some(_) => {
            let reply = QuickReply { id: Choice::Handover.name(), text: phrasing.talk_to_person.to_owned() };
            vec![(reply, Some(Choice::Handover))]
        }
        None => Vec::new(),
    };
    Reply { quick_replies, ..Reply::of(AnswerKind::NoAnswer, vec![(text, Vec::new())]) }
}

/// The best article, when its reader can be sent there.
pub(super) fn nearest(found: &SearchResult, project: &Project) -> Option<Link> {
    let article = &found.passages.first()?.passage.article;
    let url = address(article, &article.url, project)?.to_owned();
    Some(Link { title: article.title.clone(), url })
}

/// Links to the best articles other than `except`, each once; what is far
/// behind the best one is left out.
fn links(found: &SearchResult, except: Option<&Passage>, project: &Project, limit: usize) -> Vec<String> {
    let mut seen: Vec<&str> = except.iter().map(|passage| passage.article.id.as_str()).collect();
    let mut links = Vec::new();
    let floor = found.passages.first().map_or(0.0, |best| (best.fused * LINK_SHARE).max(LINK_FLOOR));
    for scored in found.passages.iter().filter(|scored| scored.fused >= floor) {
        let article = &scored.passage.article;
        if links.len() < limit && !seen.contains(&article.id.as_str()) {
            seen.push(article.id.as_str());
            links.push(match address(article, &article.url, project) {
                Some(url) => markdown_link(&article.title, url),
                None => plain_text(&article.title),
            });
        }
    }
    links
}

/// `url`, unless it leads to the server's own page of a restricted article,
/// which is shown to nobody.
pub(super) fn address<'a>(article: &Article, url: &'a str, project: &Project) -> Option<&'a str> {
    let own = &project.settings.articles_url;
    let hidden = article.audience.is_some() && own.starts_with('/') && url.starts_with(own.as_str());
    (!hidden).then_some(url)
}

pub(super) fn citation(number: u32, passage: &Passage, project: &Project) -> Citation {
    let url = address(&passage.article, &passage.url, project).unwrap_or_default().to_owned();
    let title = match passage.heading_path.last() {
        Some(heading) => format!("{} › {heading}", passage.article.title),
        None => passage.article.title.clone(),
    };
    let mut snippet: String = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = snippet.char_indices().nth(SNIPPET_CHARS) {
        snippet.truncate(at);
        snippet.push('…');
    }
    Citation { number, article: passage.article.id.clone(), title, url, snippet }
}

/// A Markdown link.
pub(crate) fn markdown_link(title: &str, url: &str) -> String {
    format!("[{}]({})", plain_text(title), link_target(url))
}

/// A text in which Markdown finds nothing but text.
pub(crate) fn plain_text(title: &str) -> String {
    let mut text = String::with_capacity(title.len());
    for c in title.chars() {
        if matches!(c, '\\' | '[' | ']' | '`' | '<' | '*' | '_' | '~') {
            text.push('\\');
        }
        text.push(if c.is_control() { ' ' } else { c });
    }
    text
}

/// The address with the characters encoded that would end a Markdown link.
pub(super) fn link_target(url: &str) -> String {
    utf8_percent_encode(url, LINK_TARGET).to_string()
}

fn sentence_case(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
