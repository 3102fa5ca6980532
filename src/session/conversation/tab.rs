//! The tabs that follow a conversation, and what becomes of their actions when they go.

use super::action::Progress;
use super::{Conversation, ConversationEffect};
use crate::domain::action::ActionKind;
use crate::domain::ids::{ActionId, ClientId};
use crate::protocol::action::{ActionState, ActionUpdated, Execution};
use crate::session::moment::Moment;
use crate::session::settings::SessionSettings;

use super::action::updated;

/// A tab, and what it can carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The tab.
    pub client: ClientId,
    /// The kinds of action that it declared.
    pub capabilities: Vec<ActionKind>,
}

/// The tabs that follow a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Tabs(Vec<Tab>);

#[derive(Clone, Debug)]
struct Tab {
    visitor: Visitor,
    /// A copied tab has the identifier of the one it was copied from.
    connections: u32,
    /// When its user did something in it.
    used: Moment,
}

impl Tabs {
    fn came(&mut self, visitor: Visitor, now: Moment) {
        match self.0.iter_mut().find(|tab| tab.visitor.client == visitor.client) {
            Some(tab) => {
                (tab.visitor, tab.connections, tab.used) = (visitor, tab.connections.saturating_add(1), now);
            }
            None => self.0.push(Tab { visitor, connections: 1, used: now }),
        }
    }

    /// Whether the tab is gone, with all its connections.
    fn left(&mut self, client: &ClientId) -> bool {
        let Some(at) = self.0.iter().position(|tab| tab.visitor.client == *client) else { return false };
        self.0[at].connections -= 1;
        let is_gone = self.0[at].connections == 0;
        if is_gone {
            self.0.swap_remove(at);
        }
        is_gone
    }

    pub(super) fn used(&mut self, client: &ClientId, now: Moment) {
        if let Some(tab) = self.0.iter_mut().find(|tab| tab.visitor.client == *client) {
            tab.used = now;
        }
    }

    pub(super) fn has(&self, client: &ClientId) -> bool {
        self.0.iter().any(|tab| tab.visitor.client == *client)
    }

    /// The tab that was used last, of those that can carry out `kind`.
    fn focused(&self, kind: ActionKind) -> Option<&ClientId> {
        let able = self.0.iter().filter(|tab| tab.visitor.capabilities.contains(&kind));
        able.max_by_key(|tab| tab.used).map(|tab| &tab.visitor.client)
    }
}

impl Conversation {
    /// Forgets a connection of a tab without telling anyone, when that cannot be stored.
    pub fn forget_tab(&mut self, client: &ClientId) {
        self.tabs.left(client);
    }

    pub(super) fn tab_came(
        &mut self,
        settings: &SessionSettings,
        visitor: Visitor,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let client = visitor.client.clone();
        let is_back = !self.tabs.has(&client);
        self.tabs.came(visitor, now);
        if is_back {
            self.await_tab(&client, now.plus(settings.action_claim_ms), now, effects);
        }
    }

    pub(super) fn tab_left(
        &mut self,
        settings: &SessionSettings,
        client: &ClientId,
        now: Moment,
        effects: &mut Vec<ConversationEffect>,
    ) {
        if self.tabs.left(client) {
            self.await_tab(client, now.plus(settings.tab_return_ms), now, effects);
            self.offer_elsewhere(Some(client), now, effects);
        }
    }

    /// The process that held the conversation has ended, and with it every connection.
    pub(super) fn restored(&mut self, settings: &SessionSettings, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let away: Vec<ClientId> = self.actions.iter().map(|open| open.target.clone()).collect();
        for client in away {
            self.await_tab(&client, now.plus(settings.tab_return_ms), now, effects);
        }
        self.offer_elsewhere(None, now, effects);
        self.expire_actions(settings, now, effects);
        self.resume_automation(settings, now, effects);
        for until in self.actions.iter().filter_map(|open| open.progress.until()) {
            effects.push(ConversationEffect::WakeAt(until));
        }
    }

    /// The next step of an automation waits for its own tab alone: nowhere else is the
    /// page on which the steps before it were done.
    fn await_tab(&mut self, client: &ClientId, until: Moment, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let waiting = self.actions.iter_mut().find(|open| {
            open.target == *client
                && open.offered.action.kind() == ActionKind::AutomationStep
                && matches!(open.progress, Progress::Pending { until: Some(known) } if known != until)
        });
        let Some(open) = waiting else { return };
        open.progress = Progress::Pending { until: Some(until) };
        let event = ActionUpdated { expires_at: Some(until.text()), ..updated(&open.id, ActionState::Pending) };
        self.update(event, now, effects);
        effects.push(ConversationEffect::WakeAt(until));
    }

    /// What should have started by itself in a tab that is gone waits for a click in
    /// another one; what a tab was granted is left to it.
    fn offer_elsewhere(&mut self, gone: Option<&ClientId>, now: Moment, effects: &mut Vec<ConversationEffect>) {
        let mut moved: Vec<(ActionId, ClientId)> = Vec::new();
        for open in &mut self.actions {
            let kind = open.offered.action.kind();
            let is_concerned = gone.is_none_or(|client| open.target == *client)
                && open.execution == Execution::Auto
                && kind != ActionKind::AutomationStep
                && matches!(open.progress, Progress::Pending { .. });
            if is_concerned {
                open.execution = Execution::Offer;
                open.progress = Progress::Pending { until: None };
                open.target = self.tabs.focused(kind).unwrap_or(&open.target).clone();
                moved.push((open.id.clone(), open.target.clone()));
            }
        }
        for (id, target) in moved {
            let event = ActionUpdated {
                execution: Some(Execution::Offer),
                target_client_id: Some(target.to_string()),
                ..updated(&id, ActionState::Pending)
            };
            self.update(event, now, effects);
        }
    }
}
