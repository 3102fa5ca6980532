//! What is said when an action fails: why, and what is left.

use super::action::OpenAction;
use super::{Conversation, ConversationEffect, push_bounded};
use crate::agent::phrasing::Phrasing;
use crate::agent::reply::{markdown_link, plain_text};
use crate::domain::ids::{ActionId, MessageId};
use crate::protocol::action::{ActionResultCode, ActionState};
use crate::protocol::message::{FinishReason, MessageCompleted, MessageStarted, QuickReply, Role};
use crate::protocol::server_message::ServerMessage;
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

/// Offers that are named when another one of their batch has failed.
const LABELS: usize = 3;

/// Something whole that the agent says.
pub(super) struct Told {
    pub(super) message: MessageId,
    pub(super) text: String,
    pub(super) quick_replies: Vec<QuickReply>,
    /// The run that it belongs to; absent when the agent says it by itself.
    pub(super) run_id: Option<String>,
}

impl Conversation {
    /// Says once for each batch that an action of it has failed, with what is left of
    /// the batch, else with a page that serves instead. Nothing is offered anew, so one
    /// failure never leads to the next.
    pub(super) fn tell_of_failure(
        &mut self,
        settings: &SessionSettings,
        failed: &ActionId,
        state: ActionState,
        code: Option<ActionResultCode>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(open) = self.actions.iter().find(|open| open.id == *failed) else { return };
        let Some(language) = &open.offered.language else { return };
        let batch = open.batch.as_deref().unwrap_or(failed.as_str());
        let Ok(message) = MessageId::new(&format!("failure-{}", batch.trim_start_matches("batch-"))) else { return };
        if self.answers.iter().any(|(answer, _)| *answer == message) {
            return;
        }
        let phrasing = Phrasing::in_language(language);
        let mut text = phrasing.did_not_work.replace("{}", &plain_text(&open.offered.label));
        for sentence in [reason(phrasing, state, code).map(str::to_owned), self.what_is_left(open, code, phrasing)] {
            text.extend(sentence.into_iter().flat_map(|sentence| [" ".to_owned(), sentence]));
        }
        self.tell(settings, Told { message, text, quick_replies: Vec::new(), run_id: None }, now, effects);
    }

    fn what_is_left(&self, failed: &OpenAction, code: Option<ActionResultCode>, phrasing: &Phrasing) -> Option<String> {
        let left = self.actions.iter().filter(|open| open.batch == failed.batch && open.is_pending());
        let labels: Vec<String> = left.take(LABELS).map(|open| plain_text(&open.offered.label)).collect();
        if failed.batch.is_some() && !labels.is_empty() {
            return Some(format!("{} {}", phrasing.you_can_still, labels.join(" · ")));
        }
        let offered = &failed.offered;
        let address = offered.resolved_url.as_deref().filter(|_| code != Some(ActionResultCode::UrlNotAllowed));
        let link = match (address, &offered.instead) {
            (Some(url), _) => markdown_link(&offered.label, url),
            (None, Some(link)) => markdown_link(&link.title, &link.url),
            (None, None) => return None,
        };
        Some(format!("{} {link}", phrasing.see_instead))
    }

    /// The agent says something whole, within a run or by itself.
    pub(super) fn tell(
        &mut self,
        settings: &SessionSettings,
        told: Told,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Told { message, text, quick_replies, run_id } = told;
        let message_id = message.to_string();
        let started =
            MessageStarted { message_id: message_id.clone(), role: Role::Agent, run_id: run_id.clone(), rev: None };
        let is_answer = run_id.is_some();
        let begun = self.append(ServerMessage::MessageStarted(started), None, now, effects);
        let completed = MessageCompleted {
            message_id,
            role: Role::Agent,
            text,
            citations: Vec::new(),
            quick_replies,
            finish_reason: FinishReason::Complete,
            from_seq: is_answer.then_some(begun),
            run_id,
        };
        let seq = self.append(ServerMessage::MessageCompleted(Box::new(completed)), None, now, effects);
        push_bounded(&mut self.answers, (message, seq), settings.remembered_answers);
    }
}

/// Why an action or a step failed, when there is more to say than that it did.
pub(super) fn reason(phrasing: &Phrasing, state: ActionState, code: Option<ActionResultCode>) -> Option<&'static str> {
    match (code, state) {
        (
            Some(
                ActionResultCode::NotEligible
                | ActionResultCode::NotFound
                | ActionResultCode::UrlNotAllowed
                | ActionResultCode::JsDisabled
                | ActionResultCode::SnoozeLimit
                | ActionResultCode::NoRuntime,
            ),
            _,
        )
        | (None, ActionState::Unsupported) => Some(phrasing.not_available),
        (Some(ActionResultCode::ElementMissing), _) => Some(phrasing.element_missing),
        (Some(ActionResultCode::PopupBlocked | ActionResultCode::CspBlocked), _) | (None, ActionState::Blocked) => {
            Some(phrasing.not_allowed)
        }
        (Some(ActionResultCode::Timeout), _) | (None, ActionState::Expired) => Some(phrasing.too_late),
        (None, _) => None,
    }
}
