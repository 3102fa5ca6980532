//! Actions on their way to the tabs: who may start them, and how many stay open.

use super::action::{OpenAction, Progress, updated};
use super::{Conversation, ConversationEffect};
use crate::agent::turn_event::{ActionOrigin, OfferedAction};
use crate::domain::action::ActionKind;
use crate::domain::attribute::Attributes;
use crate::domain::ids::ActionId;
use crate::domain::project::{Policy, Project};
use crate::protocol::action as wire;
use crate::protocol::action::{ActionState, Execution};
use crate::protocol::convert::{Resolver, action as convert};
use crate::protocol::server_message::ServerMessage;
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

impl Conversation {
    /// Offers what the run's answer brings along.
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
        // An author may let start by itself what only shows something; a tab must be
        // there to start it.
        let is_allowed = project.settings.action_policy.get(&offered.action.kind()) == Some(&Policy::Allow);
        let by_author = offered.origin == ActionOrigin::CustomAnswer;
        let starts = is_allowed && by_author && offered.action.only_shows() && self.tabs.has(&run.client);
        let until = starts.then(|| now.plus(settings.action_claim_ms));
        let open = OpenAction {
            id,
            offered,
            batch: Some(format!("batch-{ulid}")),
            execution: if starts { Execution::Auto } else { Execution::Offer },
            target: run.client.clone(),
            progress: Progress::Pending { until },
        };
        let belongs_to = (run.id().to_string(), run.message.to_string());
        self.open(settings, open, action, Some(belongs_to), now, effects);
    }

    /// Writes an action into the log, from which it can be taken again as it is.
    pub(super) fn open(
        &mut self,
        settings: &SessionSettings,
        open: OpenAction,
        action: wire::Action,
        belongs_to: Option<(String, String)>,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let offered = &open.offered;
        let until = open.progress.until();
        let (run_id, message_id) = belongs_to.unzip();
        let requested = wire::ActionRequested {
            action_id: open.id.to_string(),
            run_id,
            message_id,
            batch_id: open.batch.clone(),
            order: Some(offered.order),
            action,
            label: offered.label.clone(),
            execution: open.execution,
            target_client_id: open.target.to_string(),
            state: ActionState::Pending,
            expires_at: until.map(Moment::text),
            // The server itself learns how an automation ends.
            await_result: offered.action.kind() != ActionKind::RunAutomation,
            origin: match offered.origin {
                ActionOrigin::CustomAnswer => wire::ActionOrigin::CustomAnswer,
                ActionOrigin::Agent => wire::ActionOrigin::Model,
                ActionOrigin::Automation => wire::ActionOrigin::Automated,
            },
            arrives_at: offered.arrives_at.as_ref().map(|page| page.url.to_string()),
            language: offered.language.as_ref().map(ToString::to_string),
            instead: offered
                .instead
                .as_ref()
                .map(|link| wire::Link { title: link.title.clone(), url: link.url.clone() }),
        };
        if let Some(evicted) = self.make_room(settings) {
            self.update(updated(&evicted, ActionState::Expired), now, effects);
        }
        self.actions.push_back(open);
        self.append(ServerMessage::ActionRequested(Box::new(requested)), None, now, effects);
        effects.extend(until.map(ConversationEffect::WakeAt));
    }

    /// Forgets the oldest ended action, else the oldest offer, which it names: that one
    /// is expired by it.
    pub(super) fn make_room(&mut self, settings: &SessionSettings) -> Option<ActionId> {
        if self.actions.len() < settings.open_actions.max(1) {
            return None;
        }
        if let Some(ended) = self.actions.iter().position(|open| matches!(open.progress, Progress::Ended(_))) {
            self.actions.remove(ended);
            return None;
        }
        let offer = self.actions.iter().position(|open| open.progress == Progress::Pending { until: None });
        // A step of an automation stays: nothing else would bring its automation to an end.
        let is_step = |open: &OpenAction| open.offered.action.kind() == ActionKind::AutomationStep;
        let other = offer.or_else(|| self.actions.iter().position(|open| !is_step(open)));
        self.actions.remove(other.unwrap_or(0)).map(|open| open.id)
    }
}
