//! What the user says while an automation asks: a value, a yes, or something else.

use super::{End, Running, Scene, Stage, proposal, replies_of, yes_and_no};
use crate::agent::phrasing::Phrasing;
use crate::domain::action::ActionKind;
use crate::domain::automation::argument::{Argument, ArgumentKind};
use crate::domain::automation::plan;
use crate::domain::ids::ClientId;
use crate::domain::value::Value;
use crate::protocol::automation::AutomationState;
use crate::session::conversation::command::Say;
use crate::session::conversation::{Conversation, ConversationEffect};
use crate::text::consent::{self, Consent};

/// How often the user is asked the same thing.
const ATTEMPTS: u32 = 3;

/// Words of an answer that is none to the question and yet hardly about anything else.
const FEW_WORDS: usize = 6;

/// What an answer means.
enum Meaning {
    Value(String, Value),
    Consent,
    Cancel,
    /// The automation no longer asks for it.
    Gone,
    /// No answer, though it looks like an attempt at one.
    Unclear,
    /// Another subject.
    Elsewhere,
}

impl Conversation {
    /// Whether the user's words are for the automation that asks, or that runs.
    pub(in crate::session::conversation) fn concerns_automation(&self, say: &Say, scene: &Scene<'_>) -> bool {
        self.automation.as_ref().is_some_and(|running| !matches!(meaning(running, scene, say), Meaning::Elsewhere))
    }

    /// Takes what the user says to it.
    pub(in crate::session::conversation) fn answer_automation(
        &mut self,
        scene: &Scene<'_>,
        say: &Say,
        client: &ClientId,
        effects: &mut Vec<ConversationEffect>,
    ) {
        let Some(running) = self.automation.as_mut() else { return };
        // It goes on where the user is, if steps can be carried out there.
        let can = say.setup.capabilities.contains(&ActionKind::AutomationStep);
        if can && !matches!(running.stage, Stage::Steps { .. }) {
            running.client = client.clone();
        }
        match meaning(running, scene, say) {
            Meaning::Value(key, value) => {
                running.arguments.insert(key, value);
                self.go_on(scene, false, effects);
            }
            Meaning::Consent => self.go_on(scene, true, effects),
            Meaning::Gone => self.go_on(scene, false, effects),
            Meaning::Elsewhere => {}
            Meaning::Cancel => {
                self.end_automation(scene.settings, End::Cancelled, scene.answering.clone(), scene.now, effects);
            }
            Meaning::Unclear => self.ask_again(scene, effects),
        }
    }

    fn ask_again(&mut self, scene: &Scene<'_>, effects: &mut Vec<ConversationEffect>) {
        let Some(running) = self.automation.as_mut() else { return };
        let phrasing = Phrasing::in_language(&running.language);
        let automation = scene.project.automations.get(&running.automation);
        let needed = automation.and_then(|one| plan::needed(one, scene.project).ok()).unwrap_or_default();
        let (state, text, replies) = match &mut running.stage {
            Stage::Asking { key, attempt } => {
                *attempt += 1;
                let Some(one) = needed.iter().find(|one| one.key == *key) else { return };
                let hint = match &one.argument.kind {
                    ArgumentKind::Enum(_) => phrasing.choose_one,
                    ArgumentKind::Text => phrasing.text_please,
                    ArgumentKind::Number => phrasing.number_please,
                    ArgumentKind::Bool => phrasing.yes_or_no,
                };
                let text = format!("{hint} {}", one.argument.question());
                (AutomationState::Asking, text, replies_of(one.argument, running))
            }
            Stage::Confirming { attempt } => {
                *attempt += 1;
                let text = format!("{} {}", phrasing.yes_or_no, proposal(running, &needed));
                (AutomationState::Confirming, text, yes_and_no(running))
            }
            Stage::Steps { .. } => return,
        };
        self.note_automation(state, scene.now, effects);
        self.ask(scene, text, replies, effects);
    }
}

/// What was said, by hand or by a click, and whether it is a yes, a no or a stop.
fn said_to(running: &Running, say: &Say) -> (String, Option<Consent>) {
    let clicked = say.quick_reply.as_deref().and_then(|id| id.strip_prefix(&running.run)?.strip_prefix(':'));
    let said = clicked.unwrap_or(&say.text).trim().to_owned();
    let consent = consent::of(&said);
    (said, consent)
}

fn meaning(running: &Running, scene: &Scene<'_>, say: &Say) -> Meaning {
    let (said, consent) = said_to(running, say);
    if consent == Some(Consent::Cancel) {
        return Meaning::Cancel;
    }
    let automation = scene.project.automations.get(&running.automation);
    let needed = automation.and_then(|one| plan::needed(one, scene.project).ok()).unwrap_or_default();
    let (attempt, takes_text) = match &running.stage {
        Stage::Steps { .. } => return Meaning::Elsewhere,
        Stage::Confirming { attempt } => match consent {
            Some(Consent::Yes) => return Meaning::Consent,
            Some(Consent::No | Consent::Cancel) => return Meaning::Cancel,
            None => (*attempt, false),
        },
        Stage::Asking { key, attempt } => {
            let Some(one) = needed.iter().find(|one| one.key == *key) else { return Meaning::Gone };
            let is_text = one.argument.kind == ArgumentKind::Text;
            let may_be = !(say.is_question && say.quick_reply.is_none());
            if let Some(value) = value_of(one.argument, &said, consent).filter(|_| may_be) {
                return Meaning::Value(key.clone(), value);
            }
            (*attempt, is_text)
        }
    };
    let is_short = said.split_whitespace().count() <= FEW_WORDS && !said.ends_with(['?', '？']);
    if attempt < ATTEMPTS && !say.is_question && (takes_text || is_short) {
        Meaning::Unclear
    } else {
        Meaning::Elsewhere
    }
}

fn value_of(argument: &Argument, said: &str, consent: Option<Consent>) -> Option<Value> {
    let value = match (&argument.kind, consent) {
        (ArgumentKind::Bool, Some(Consent::Yes)) => Value::Bool(true),
        (ArgumentKind::Bool, Some(Consent::No)) => Value::Bool(false),
        _ => Value::Text(said.to_owned()),
    };
    argument.validate(&value).ok()
}
