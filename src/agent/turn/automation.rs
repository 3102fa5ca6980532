//! The automation that fits a message which no Custom Answer matched.

use super::{Reading, Turn};
use crate::agent::reply::{self, Reply};
use crate::agent::suggestion::Fit;
use crate::agent::trace::AutomationTrace;
use crate::agent::turn_event::ActionOrigin;
use crate::domain::action::{Action, RunAutomation};
use crate::domain::automation::Arguments;
use crate::intent::matcher::Outcome;

/// Automations that a trace shows.
const TRACED: usize = 10;

impl Turn<'_> {
    /// The reply with the automation that the message asks for beside it, or with the
    /// offer alone where nothing was found. A message that is like phrases is for those.
    pub(super) async fn with_automation(&mut self, reply: Reply, matched: &Outcome, asked: &Reading) -> Reply {
        if !matches!(matched, Outcome::Abstained) {
            return reply;
        }
        let fits = self.fits(asked).await;
        self.watch.lap("compare automations");
        let idle = self.snapshot.project.automations.values().filter(|automation| !automation.agent.active);
        let idle = idle.map(|automation| AutomationTrace::not_active(automation.id.as_str()));
        self.trace.automations = fits.iter().map(Fit::trace).chain(idle).take(TRACED).collect();
        let Some(best) = fits.into_iter().next().filter(Fit::is_enough) else { return reply };
        let run = RunAutomation { automation: best.automation, arguments: Arguments::new() };
        let (offered, traces) = self.preflight().check_list(&[Action::RunAutomation(run)], ActionOrigin::Agent);
        self.trace.actions.extend(traces);
        reply::with_automation(reply, offered, self.phrasing(asked.message.language))
    }

    async fn fits(&mut self, asked: &Reading) -> Vec<Fit> {
        let suggestions = &self.snapshot.suggestions;
        if suggestions.is_empty() {
            return Vec::new();
        }
        match suggestions.fits(&asked.said, &asked.message, Some(self.embedder)).await {
            Ok(fits) => fits,
            Err(error) => {
                self.degraded = true;
                tracing::warn!(%error, "a message was compared with automations by its words alone");
                suggestions.fits(&asked.said, &asked.message, None).await.unwrap_or_default()
            }
        }
    }
}
