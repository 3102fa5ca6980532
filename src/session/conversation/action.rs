//! Actions of a conversation: offered, granted to one tab once, followed to their end.

use super::{Conversation, ConversationEffect};
use crate::agent::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::{Action, ActionKind, Navigate, OpenIn};
use crate::domain::attribute::{Attributes, Template};
use crate::domain::ids::{ActionId, ClientId, ExperienceId, PostId};
use crate::domain::project::Project;
use crate::protocol::action as wire;
use crate::protocol::action::{ActionResultCode, ActionState, ActionStatus, ActionUpdated};
use crate::protocol::convert::{Resolver, action as convert};
use crate::protocol::error_code::ErrorCode;
use crate::protocol::server_message::{Ack, CommandError, ServerMessage};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

use super::command::Report;

/// An action that was offered.
#[derive(Clone, Debug)]
pub struct OpenAction {
    id: ActionId,
    offered: OfferedAction,
    progress: Progress,
}

#[derive(Clone, Debug, PartialEq)]
enum Progress {
    Pending,
    Claimed { client: ClientId, until: Moment },
    Ended(ActionState),
}

impl OpenAction {
    /// An offer that a log tells of. What is launched or opened can be offered again;
    /// the rest needs the turn that offered it.
    pub(super) fn restored(requested: &wire::ActionRequested) -> Option<Self> {
        let (action, resolved_url) = match &requested.action {
            wire::Action::LaunchExperience { experience_id, .. } => {
                (Action::LaunchExperience(ExperienceId::new(experience_id).ok()?), None)
            }
            wire::Action::OpenPost { post_id } => (Action::OpenPost(PostId::new(post_id).ok()?), None),
            wire::Action::Navigate { url, open_in } => {
                let open_in = match open_in {
                    wire::OpenIn::SameTab => OpenIn::SameTab,
                    wire::OpenIn::NewTab => OpenIn::NewTab,
                };
                let navigate = Navigate { url: Template::parse(url).ok()?, open_in };
                (Action::Navigate(navigate), Some(url.clone()))
            }
            _ => return None,
        };
        let offered = OfferedAction {
            action,
            label: requested.label.clone(),
            resolved_url,
            arrives_at: None,
            origin: match requested.origin {
                wire::ActionOrigin::CustomAnswer => ActionOrigin::CustomAnswer,
                _ => ActionOrigin::Agent,
            },
            order: requested.order.unwrap_or(0),
        };
        Some(Self { id: ActionId::new(&requested.action_id).ok()?, offered, progress: Progress::Pending })
    }

    pub(super) fn id(&self) -> &ActionId {
        &self.id
    }

    /// What the log says became of it. A grant is not given back: whether its tab
    /// carried the action out is not known.
    pub(super) fn restore_state(&mut self, updated: &ActionUpdated) {
        self.progress = match updated.state {
            ActionState::Pending => Progress::Pending,
            ActionState::Claimed => match (&updated.client_id, &updated.expires_at) {
                (Some(client), Some(until)) => match (ClientId::new(client), Moment::parse(until)) {
                    (Ok(client), Some(until)) => Progress::Claimed { client, until },
                    _ => Progress::Ended(ActionState::Expired),
                },
                _ => Progress::Ended(ActionState::Expired),
            },
            ended => Progress::Ended(ended),
        };
    }
}

/// The wish of a tab to execute an action.
pub(super) struct Claim {
    pub(super) action: ActionId,
    pub(super) client: ClientId,
    pub(super) capabilities: Vec<ActionKind>,
    pub(super) preflight: Result<(), String>,
}

impl Conversation {
    /// The offer behind an identifier, as long as it may be claimed.
    pub fn pending_action(&self, id: &ActionId) -> Option<&OfferedAction> {
        let open = self.actions.iter().find(|open| open.id == *id)?;
        (open.progress == Progress::Pending).then_some(&open.offered)
    }

    pub(super) fn offer(
        &mut self,
        settings: &SessionSettings,
        offered: OfferedAction,
        project: &Project,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(run) = self.run.as_mut() else { return };
        if !run.capabilities.contains(&offered.action.kind()) {
            return;
        }
        // The address was resolved by the turn, with the user's attributes.
        let none = Attributes::new();
        let resolver = Resolver { attributes: &none, settings: &project.settings };
        let Some(action) = convert::offered(&offered.action, offered.resolved_url.as_deref(), project, resolver) else {
            return;
        };
        let ulid = run.id().as_str().trim_start_matches("run-").to_owned();
        let id = ActionId::new(&format!("action-{ulid}-{}", run.offered)).expect("a ULID makes an identifier");
        run.offered += 1;
        let requested = wire::ActionRequested {
            action_id: id.to_string(),
            run_id: Some(run.id().to_string()),
            message_id: Some(run.message.to_string()),
            batch_id: Some(format!("batch-{ulid}")),
            order: Some(offered.order),
            action,
            label: offered.label.clone(),
            execution: wire::Execution::Offer,
            target_client_id: run.client.to_string(),
            state: ActionState::Pending,
            expires_at: None,
            await_result: true,
            origin: match offered.origin {
                ActionOrigin::CustomAnswer => wire::ActionOrigin::CustomAnswer,
                ActionOrigin::Agent => wire::ActionOrigin::Model,
            },
        };
        self.make_room(settings, now, effects);
        self.actions.push_back(OpenAction { id, offered, progress: Progress::Pending });
        self.append(ServerMessage::ActionRequested(Box::new(requested)), None, now, effects);
    }

    /// Forgets the oldest ended action, else expires the oldest open one.
    fn make_room(&mut self, settings: &SessionSettings, now: Moment, effects: &mut Vec<ConversationEffect>) {
        if self.actions.len() < settings.open_actions.max(1) {
            return;
        }
        let ended = self.actions.iter().position(|open| matches!(open.progress, Progress::Ended(_)));
        if let Some(oldest) = self.actions.remove(ended.unwrap_or(0))
            && ended.is_none()
        {
            self.update(updated(&oldest.id, ActionState::Expired), now, effects);
        }
    }

    pub(super) fn claim(
        &mut self,
        settings: &SessionSettings,
        claim: Claim,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        let refused = |code, message: &str| Err(CommandError::new(code, message));
        let Some(open) = self.actions.iter_mut().find(|open| open.id == claim.action) else {
            return refused(ErrorCode::ActionExpired, "the action is not open in this conversation");
        };
        match open.progress {
            Progress::Pending => {}
            Progress::Claimed { .. } => {
                return refused(ErrorCode::ActionAlreadyClaimed, "the action was granted before");
            }
            Progress::Ended(ActionState::Expired) => {
                return refused(ErrorCode::ActionExpired, "the action is no longer open");
            }
            Progress::Ended(_) => return refused(ErrorCode::ActionAlreadyClaimed, "the action was carried out before"),
        }
        if !claim.capabilities.contains(&open.offered.action.kind()) {
            return refused(ErrorCode::ActionUnsupported, "the client did not declare this kind of action");
        }
        if let Err(reason) = claim.preflight {
            return Err(CommandError::new(ErrorCode::NotEligible, reason));
        }
        let until = now.plus(settings.action_result_ms);
        open.progress = Progress::Claimed { client: claim.client.clone(), until };
        let claimed = ActionUpdated {
            client_id: Some(claim.client.to_string()),
            expires_at: Some(until.text()),
            ..updated(&claim.action, ActionState::Claimed)
        };
        self.update(claimed, now, effects);
        effects.push(ConversationEffect::WakeAt(until));
        Ok(Ack::default())
    }

    pub(super) fn report(
        &mut self,
        report: Report,
        client: &ClientId,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) -> Result<Ack, CommandError> {
        self.expire_actions(now, effects);
        let refused = |code, message: &str| Err(CommandError::new(code, message));
        let Some(open) = self.actions.iter_mut().find(|open| open.id == report.action) else {
            return refused(ErrorCode::ActionExpired, "the action is not open in this conversation");
        };
        match &open.progress {
            Progress::Pending => match report.status {
                // What is turned down was never executed, so it needs no grant.
                ActionStatus::Declined | ActionStatus::Unsupported => {}
                ActionStatus::Succeeded | ActionStatus::Failed | ActionStatus::Blocked | ActionStatus::Expired => {
                    return refused(ErrorCode::BadRequest, "claim the action before it is carried out");
                }
            },
            Progress::Claimed { client: claimer, .. } => {
                if claimer != client {
                    return refused(ErrorCode::Forbidden, "the action was granted to another tab");
                }
            }
            Progress::Ended(state) => {
                return if *state == report.status.state() {
                    Ok(Ack { duplicate: true, ..Ack::default() })
                } else {
                    refused(ErrorCode::ActionExpired, "the action has ended before")
                };
            }
        }
        open.progress = Progress::Ended(report.status.state());
        let ended = ActionUpdated {
            client_id: Some(client.to_string()),
            code: report.code,
            detail: report.detail,
            duration_ms: report.duration_ms,
            ..updated(&report.action, report.status.state())
        };
        self.update(ended, now, effects);
        Ok(Ack::default())
    }

    pub(super) fn expire_actions(&mut self, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let mut expired = Vec::new();
        for open in &mut self.actions {
            if matches!(open.progress, Progress::Claimed { until, .. } if until <= now) {
                open.progress = Progress::Ended(ActionState::Expired);
                expired.push(open.id.clone());
            }
        }
        for id in expired {
            let event = ActionUpdated { code: Some(ActionResultCode::Timeout), ..updated(&id, ActionState::Expired) };
            self.update(event, now, effects);
        }
    }

    fn update(&mut self, event: ActionUpdated, now: Moment, effects: &mut Vec<ConversationEffect>) {
        self.append(ServerMessage::ActionUpdated(Box::new(event)), None, now, effects);
    }
}

fn updated(id: &ActionId, state: ActionState) -> ActionUpdated {
    ActionUpdated {
        action_id: id.to_string(),
        state,
        client_id: None,
        code: None,
        detail: None,
        duration_ms: None,
        expires_at: None,
    }
}
