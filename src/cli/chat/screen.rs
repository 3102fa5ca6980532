//! What `docent chat` shows.
//!
//! Text of the server is shown without control characters: nothing that it says may
//! move the cursor or change the terminal.

use std::io::Write;

use anstream::{print, println, stdout};
use anstyle::{AnsiColor, Style};
use url::Url;

use crate::protocol::action::{Action, OpenIn};
use crate::protocol::message::Citation;

const BOLD: Style = Style::new().bold();
const FAINT: Style = AnsiColor::BrightBlack.on_default();
const RED: Style = AnsiColor::Red.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// The terminal, or what stands in its place.
pub(super) struct Screen {
    is_interactive: bool,
    is_prompting: bool,
    /// What of the current answer was shown.
    streamed: String,
}

impl Screen {
    pub(super) fn new(is_interactive: bool) -> Self {
        Self { is_interactive, is_prompting: false, streamed: String::new() }
    }

    pub(super) fn greet(&self, server: &Url) {
        if self.is_interactive {
            println!("{FAINT}Connected to {server}. Ask something; /help tells more.{FAINT:#}");
        }
    }

    pub(super) fn help(&self) {
        println!(
            "{FAINT}Type a question, or the number of a choice.\n  /launch TEXT  launch the agent with a message; \
             {{{{user.name|you}}}} is filled in\n  /help         this\n  /quit         leave{FAINT:#}"
        );
    }

    /// Asks for a line, once.
    pub(super) fn prompt(&mut self) {
        if self.is_interactive && !self.is_prompting {
            self.is_prompting = true;
            print!("\n{CYAN}>{CYAN:#} ");
            let _ = stdout().flush();
        }
    }

    /// A line was entered; what came through a pipe is shown, as a terminal would.
    pub(super) fn entered(&mut self, line: &str) {
        self.is_prompting = false;
        if !self.is_interactive {
            println!("\n{CYAN}>{CYAN:#} {}", clean(line));
        }
    }

    fn leave_prompt(&mut self) {
        if std::mem::take(&mut self.is_prompting) {
            println!();
        }
    }

    pub(super) fn note(&mut self, text: &str) {
        self.leave_prompt();
        println!("{FAINT}{}{FAINT:#}", clean(text));
    }

    pub(super) fn refused(&mut self, text: &str) {
        self.leave_prompt();
        println!("{RED}{}{RED:#}", clean(text));
    }

    /// The message of a launch, its attributes filled in.
    pub(super) fn launched(&mut self, text: &str, missing: &[String]) {
        self.leave_prompt();
        println!("{CYAN}>{CYAN:#} {}", clean(text));
        if !missing.is_empty() {
            println!("{FAINT}(no value for {}){FAINT:#}", clean(&missing.join(", ")));
        }
    }

    pub(super) fn answer_started(&mut self) {
        self.leave_prompt();
        self.streamed.clear();
    }

    pub(super) fn piece(&mut self, text: &str, cites: &[u32]) {
        self.leave_prompt();
        self.streamed.push_str(text);
        print!("{}", clean(text));
        for number in cites {
            print!("{FAINT}[{number}]{FAINT:#}");
        }
        let _ = stdout().flush();
    }

    /// The whole answer: the rest of it when it goes on from what was shown.
    pub(super) fn answer_completed(&mut self, text: &str, citations: &[Citation], is_whole: bool) {
        self.leave_prompt();
        match text.strip_prefix(self.streamed.as_str()) {
            Some(rest) => println!("{}", clean(rest)),
            None => println!("\n{}", clean(text)),
        }
        self.streamed.clear();
        if !is_whole {
            println!("{RED}(it breaks off here){RED:#}");
        }
        for citation in citations {
            let url = citation.url.as_deref().unwrap_or_default();
            println!("{FAINT}[{}]{FAINT:#} {} {FAINT}{}{FAINT:#}", citation.number, clean(&citation.title), clean(url));
        }
    }

    /// Choices, numbered from 1.
    pub(super) fn choices(&mut self, labels: &[String]) {
        self.leave_prompt();
        for (number, label) in (1..).zip(labels) {
            println!("  {BOLD}{number}{BOLD:#} {}", clean(label));
        }
    }

    pub(super) fn post(&mut self, title: &str, body: &str) {
        self.leave_prompt();
        println!("{BOLD}{}{BOLD:#}\n{}", clean(title), clean(body));
    }
}

/// What a browser would do with an action.
pub(super) fn deed(action: &Action) -> String {
    match action {
        Action::LaunchAgent { .. } => "open the agent".to_owned(),
        Action::LaunchExperience { experience_id, kind, .. } => {
            format!("start the {} `{experience_id}`", kind.as_deref().unwrap_or("experience").replace('_', " "))
        }
        Action::OpenPost { post_id } => format!("open the post `{post_id}`"),
        Action::Navigate { url, open_in } => match open_in {
            OpenIn::SameTab => format!("go to {url}"),
            OpenIn::NewTab => format!("open {url} in a new tab"),
        },
        Action::GoToStep { .. } => "go to another step".to_owned(),
        Action::Dismiss {} => "close the experience".to_owned(),
        Action::Snooze { hours, .. } => format!("hide the experience for {hours} hours"),
        Action::RunJs { handler, .. } => format!("call the page's function `{handler}`"),
        Action::BookInterview { url, .. } => format!("open {url} to book an interview"),
        Action::RunAutomation { automation_id, name, .. } => {
            format!("run the automation `{}`", name.as_deref().unwrap_or(automation_id))
        }
        Action::AutomationStep { automation_id, index, .. } => {
            format!("do step {} of the automation `{automation_id}`", index + 1)
        }
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_is_shown() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc\u{9b}1m\u{7}"), "a[2Jb\n\tc1m");
    }
}
