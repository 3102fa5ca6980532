//! Where each action may be chosen: one row per action, one column per context.

use std::fmt;

use super::ActionKind;

/// A place where an author may put actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// A primary or secondary button of a step, a banner or a task.
    CtaButton,
    /// The `then` of a step's progress trigger.
    ProgressTrigger,
    /// The `then` of a survey condition.
    SurveyCondition,
    /// The closing cross of a tour, banner or survey.
    ClosingCross,
    /// The button of a changelog post.
    PostCta,
    /// A clickable block of a resource center.
    ResourceCenterBlock,
    /// A task of a checklist.
    ChecklistTask,
    /// An offer of the agent, from a Custom Answer or the agent's own choice.
    Agent,
}

impl Context {
    /// The contexts in the order of the table's columns.
    pub const ALL: [Self; 8] = [
        Self::CtaButton,
        Self::ProgressTrigger,
        Self::SurveyCondition,
        Self::ClosingCross,
        Self::PostCta,
        Self::ResourceCenterBlock,
        Self::ChecklistTask,
        Self::Agent,
    ];
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CtaButton => "a button",
            Self::ProgressTrigger => "a progress trigger",
            Self::SurveyCondition => "a survey condition",
            Self::ClosingCross => "the closing cross",
            Self::PostCta => "the button of a post",
            Self::ResourceCenterBlock => "a resource center block",
            Self::ChecklistTask => "a checklist task",
            Self::Agent => "the agent",
        })
    }
}

/// Whether an action may be chosen in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Always.
    Yes,
    /// Always, and it stands there when the author writes nothing.
    Default,
    /// Never.
    No,
    /// Only on the first step of a tour, banner or survey.
    FirstStep,
    /// Only when Run JavaScript is enabled in `project.yaml`.
    Enabled,
    /// Set by the kind of step; an author can neither add nor remove it.
    Fixed,
    /// Only through what the agent offers: tours, Custom Answers or automations.
    Offered,
    /// It is the agent itself.
    Itself,
}

impl Availability {
    /// Whether an author may write the action there, further conditions aside.
    pub fn is_possible(self) -> bool {
        match self {
            Self::Yes | Self::Default | Self::FirstStep | Self::Enabled | Self::Offered => true,
            Self::No | Self::Fixed | Self::Itself => false,
        }
    }
}

use Availability::{Default, Enabled, FirstStep, Fixed, Itself, No, Offered, Yes};

/// Rows in the order of the source table, columns as in [`Context::ALL`].
pub const TABLE: [(ActionKind, [Availability; 8]); 9] = [
    (ActionKind::LaunchAgent, [Yes, Yes, Yes, No, No, No, No, Itself]),
    (ActionKind::GoToStep, [Yes, Yes, Default, No, No, No, No, No]),
    (ActionKind::Dismiss, [Yes, Yes, Yes, Default, No, No, No, No]),
    (ActionKind::LaunchExperience, [Yes, Yes, Yes, No, Yes, Yes, Yes, Offered]),
    (ActionKind::OpenPost, [Yes, Yes, No, No, No, Yes, Yes, Offered]),
    (ActionKind::Navigate, [Yes, Yes, Yes, No, Yes, Yes, Yes, Offered]),
    (ActionKind::Snooze, [FirstStep, FirstStep, FirstStep, FirstStep, No, No, No, No]),
    (ActionKind::RunJs, [Enabled, Enabled, Enabled, No, No, Enabled, No, No]),
    (ActionKind::BookInterview, [Fixed, No, No, No, No, No, No, No]),
];

/// Whether `kind` may be chosen in `context`.
///
/// Run Automation is an extension of the nine: on for the agent, off elsewhere. A step
/// of an automation is never chosen.
pub fn availability(kind: ActionKind, context: Context) -> Availability {
    if kind == ActionKind::RunAutomation {
        return if context == Context::Agent { Offered } else { No };
    }
    TABLE.iter().find(|(row, _)| *row == kind).map_or(No, |(_, columns)| columns[context as usize])
}

/// The contexts in which an author may write `kind`.
pub fn contexts_of(kind: ActionKind) -> impl Iterator<Item = Context> {
    Context::ALL.into_iter().filter(move |context| availability(kind, *context).is_possible())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source table as published, one line per row, in its own words; its
    /// rows name the actions and its columns follow [`Context::ALL`].
    const SOURCE: &str = "\
Launch Agent|Yes|Yes|Yes|No|No|No|No|-
Go to step|Yes|Yes|Yes (default)|No|No|No|No|No
Dismiss|Yes|Yes|Yes|Yes (default)|No|No|No|No
Launch experience|Yes|Yes|Yes|No|Yes|Yes|Yes|via Tours or Custom Answers
Open Post|Yes|Yes|No|No|No|Yes|Yes|via Custom Answers
Navigate to|Yes|Yes|Yes|No|Yes|Yes|Yes|via Automated Actions or Custom Answers
Snooze|1st step|1st step|1st step|1st step|No|No|No|No
Run JS code|Yes*|Yes*|Yes*|No|No|Yes|No|No
Book Interview|Fixed**|No|No|No|No|No|No|No";

    #[test]
    fn agrees_with_the_source_cell_by_cell() {
        let mut cells = 0;
        for (line, (kind, row)) in SOURCE.lines().zip(TABLE) {
            for (cell, (availability, context)) in line.split('|').skip(1).zip(row.into_iter().zip(Context::ALL)) {
                let expected = match cell {
                    "Yes" if (kind, context) == (ActionKind::RunJs, Context::ResourceCenterBlock) => Enabled,
                    "Yes" => Yes,
                    "Yes*" => Enabled,
                    "Yes (default)" => Default,
                    "1st step" => FirstStep,
                    "Fixed**" => Fixed,
                    "No" => No,
                    "-" => Itself,
                    via => {
                        assert!(via.starts_with("via "), "{via}");
                        Offered
                    }
                };
                assert_eq!(availability, expected, "{kind} in {context}");
                cells += 1;
            }
        }
        assert_eq!(cells, 72);
    }

    #[test]
    fn the_per_action_lists_agree_with_the_table() {
        let listed = |kind| contexts_of(kind).filter(|context| *context != Context::Agent).collect::<Vec<_>>();
        let inside = [Context::CtaButton, Context::ProgressTrigger, Context::SurveyCondition];
        assert_eq!(listed(ActionKind::LaunchAgent), inside);
        assert_eq!(listed(ActionKind::GoToStep), inside);
        assert_eq!(listed(ActionKind::Dismiss), [&inside[..], &[Context::ClosingCross]].concat());
        let outside = [Context::PostCta, Context::ResourceCenterBlock, Context::ChecklistTask];
        assert_eq!(listed(ActionKind::LaunchExperience), [&inside[..], &outside].concat());
        assert_eq!(listed(ActionKind::Navigate), [&inside[..], &outside].concat());
        assert_eq!(listed(ActionKind::OpenPost), [&inside[..2], &outside[1..]].concat());
        assert_eq!(listed(ActionKind::Snooze), [&inside[..], &[Context::ClosingCross]].concat());
        assert_eq!(listed(ActionKind::RunJs), [&inside[..], &[Context::ResourceCenterBlock]].concat());
        assert_eq!(listed(ActionKind::BookInterview), []);
    }
}
