//! Keeps reasoning that stands between tags at the start of a text from being shown.

/// Tags that models reason between, in lower case.
const TAGS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
];

/// What stands before the text that is meant to be seen.
const HEADS: &[&str] = &[
    "<|start|>assistant<|channel|>final<|message|>",
    "<|channel|>final<|message|>",
    "<|begin_of_solution|>",
    "<|start_response|>",
];

/// Takes reasoning out of a text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct ReasoningFilter {
    state: State,
    /// Text that is not told apart yet.
    held: String,
    /// Whether reasoning was taken out.
    has_reasoned: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Nothing was shown.
    #[default]
    Start,
    /// Reasoning, up to this tag.
    Inside(&'static str),
    /// The text that is shown.
    Shown,
}

impl ReasoningFilter {
    /// What of the text so far is to be shown now.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if matches!(self.state, State::Shown) {
            return piece.to_owned();
        }
        self.held.push_str(piece);
        loop {
            match self.state {
                State::Shown => return std::mem::take(&mut self.held),
                State::Inside(end) => match find(&self.held, end) {
                    Some(at) => {
                        self.held.drain(..at + end.len());
                        self.state = State::Start;
                    }
                    None => {
                        // A tag may be cut off at the end of what is here.
                        let mut keep = self.held.len().saturating_sub(end.len());
                        while !self.held.is_char_boundary(keep) {
                            keep -= 1;
                        }
                        self.held.drain(..keep);
                        return String::new();
                    }
                },
                State::Start => {
                    let text = self.held.trim_start();
                    let skipped = self.held.len() - text.len();
                    if let Some((start, end)) = TAGS.iter().find(|(start, _)| begins_with(text, start)) {
                        self.held.drain(..skipped + start.len());
                        self.state = State::Inside(end);
                        self.has_reasoned = true;
                    } else if let Some(head) = HEADS.iter().find(|head| begins_with(text, head)) {
                        self.held.drain(..skipped + head.len());
                        self.state = State::Shown;
                    } else if starts().any(|start| begins_with(start, text)) {
                        return String::new();
                    } else {
                        if self.has_reasoned {
                            self.held.drain(..skipped);
                        }
                        self.state = State::Shown;
                    }
                }
            }
        }
    }

    /// What is left to be shown when nothing follows.
    pub(super) fn end(&mut self) -> String {
        match self.state {
            State::Start if !self.held.trim().is_empty() => std::mem::take(&mut self.held),
            State::Start | State::Inside(_) | State::Shown => String::new(),
        }
    }
}

fn starts() -> impl Iterator<Item = &'static str> {
    TAGS.iter().map(|(start, _)| *start).chain(HEADS.iter().copied())
}

/// Whether the text begins with the words, in ASCII letters of any case.
fn begins_with(text: &str, words: &str) -> bool {
    text.len() >= words.len() && text.as_bytes()[..words.len()].eq_ignore_ascii_case(words.as_bytes())
}

/// Where the words, which are in lower case, stand.
fn find(text: &str, words: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of a text, which must be the same wherever it is cut in two.
    fn shown(text: &str) -> String {
        let cut = |at: usize| {
            let mut filter = ReasoningFilter::default();
            let shown = [filter.push(&text[..at]), filter.push(&text[at..]), filter.end()];
            shown.concat()
        };
        let whole = cut(0);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            assert_eq!(cut(at), whole, "cut at {at}");
        }
        let mut filter = ReasoningFilter::default();
        let letters: String = text.chars().map(|c| filter.push(&c.to_string())).collect();
        assert_eq!(letters + &filter.end(), whole);
        whole
    }

    #[test]
    fn reasoning_is_not_shown() {
        for (text, expected) in [
            ("<think>no <b>\n</think>\n\nYes.", "Yes."),
            ("\n <THINK>no</Think>Yes.", "Yes."),
            ("<think></think><thinking>no</thinking> Yes </think>", "Yes </think>"),
            ("[THINK]nein[/THINK]Ja", "Ja"),
            ("◁think▷不◁/think▷好", "好"),
            ("<|START_THINKING|>no<|END_THINKING|><|START_RESPONSE|>Yes", "Yes"),
            ("<|channel|>analysis<|message|>no<|end|><|start|>assistant<|channel|>final<|message|>Yes", "Yes"),
            ("<think>never ended", ""),
            ("<think>ends</thin", ""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn other_text_is_shown_as_it_is() {
        for text in
            ["Yes.", " Yes.", "<thinker> is a word", "<b>Yes</b>", "<thin", "[", "a <think>b</think>", "å<", "<"]
        {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("  "), "");
    }
}
