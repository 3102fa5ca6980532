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
    ("<|channel|>analysis<|message|>", END_OF_MESSAGE),
];

/// What stands before the text that is meant to be seen.
const HEADS: &[&str] = &[
    "<|start|>assistant<|channel|>final<|message|>",
    "<|channel|>final<|message|>",
    "<|begin_of_solution|>",
    "<|start_response|>",
];

/// Closes other messages too, and so tells nothing when nothing was opened.
const END_OF_MESSAGE: &str = "<|end|>";

/// Characters that tags begin with, and bytes of the longest.
const BEGINNINGS: [char; 3] = ['<', '[', '◁'];
const LONGEST_TAG: usize = 40;

/// What stands before a tag that is talked about.
const QUOTES: [char; 3] = ['`', '"', '\''];

/// Takes reasoning out of a text that comes in pieces.
///
/// Some models begin to reason without a tag, because their template has written it,
/// and close it all the same. What came before such a tag was reasoning.
#[derive(Debug, Default)]
pub(super) struct ReasoningFilter {
    state: State,
    /// Text that is not told apart yet.
    held: String,
    /// Whether reasoning was taken out.
    has_reasoned: bool,
    /// Whether a tag closed reasoning that none had opened.
    is_unopened: bool,
    /// Whether the last character that was shown is a quotation mark.
    follows_quote: bool,
    /// Bytes of unopened reasoning in which there is no tag.
    scanned: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was shown.
    #[default]
    Start,
    /// Reasoning, up to this tag.
    Inside(&'static str),
    /// Reasoning without a tag, up to any that closes it; or an answer without any.
    Unopened,
    /// The text that is shown, unless a tag closes it.
    Watched,
    /// The text that is shown.
    Shown,
}

/// What a piece brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sifted {
    /// Whether all that was shown before was reasoning.
    pub(super) is_retracted: bool,
    /// What is to be shown now.
    pub(super) text: String,
}

impl ReasoningFilter {
    /// For a model that begins to reason without a tag.
    pub(super) fn of_unopened() -> Self {
        Self { state: State::Unopened, ..Self::default() }
    }

    /// Whether a tag closed reasoning that none had opened.
    pub(super) fn is_unopened(&self) -> bool {
        self.is_unopened
    }

    /// What of the text so far is to be shown now.
    pub(super) fn push(&mut self, piece: &str) -> Sifted {
        if self.state == State::Shown {
            return Sifted { is_retracted: false, text: piece.to_owned() };
        }
        self.held.push_str(piece);
        let mut is_retracted = false;
        let text = loop {
            match self.state {
                State::Shown => break std::mem::take(&mut self.held),
                State::Inside(end) => match find(&self.held, end) {
                    Some(at) => {
                        self.held.drain(..at + end.len());
                        self.state = State::Start;
                    }
                    None => {
                        // A tag may be cut off at the end of what is here.
                        let keep = floor(&self.held, self.held.len().saturating_sub(end.len()));
                        self.held.drain(..keep);
                        break String::new();
                    }
                },
                State::Unopened if self.opens() => self.state = State::Start,
                State::Unopened => {
                    let from = floor(&self.held, self.scanned.saturating_sub(LONGEST_TAG));
                    self.scanned = self.held.len();
                    match first_tag(&self.held[from..], &[true]) {
                        Some(tag) => self.close(from + tag.end),
                        None => break String::new(),
                    }
                }
                State::Watched => match first_tag(&self.held, &[false, true]) {
                    Some(Tag { start, end, closes: true }) if !self.is_quoted(start) => {
                        is_retracted = true;
                        self.close(end);
                    }
                    // A text about tags.
                    Some(_) => self.state = State::Shown,
                    None => {
                        let shown = self.held.len() - begun_tag(&self.held);
                        self.follows_quote = self.is_quoted(shown);
                        let rest = self.held.split_off(shown);
                        break std::mem::replace(&mut self.held, rest);
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
                        break String::new();
                    } else {
                        if self.has_reasoned {
                            self.held.drain(..skipped);
                        }
                        self.state = if self.has_reasoned { State::Shown } else { State::Watched };
                    }
                }
            }
        };
        Sifted { is_retracted, text }
    }

    /// What is left to be shown when nothing follows. `is_whole` is false when the
    /// text was cut off.
    pub(super) fn end(&mut self, is_whole: bool) -> String {
        match self.state {
            State::Start if !self.held.trim().is_empty() => std::mem::take(&mut self.held),
            State::Watched => std::mem::take(&mut self.held),
            // It answered without reasoning.
            State::Unopened if is_whole => std::mem::take(&mut self.held),
            State::Start | State::Inside(_) | State::Unopened | State::Shown => String::new(),
        }
    }

    /// Whether what stands at this place follows a quotation mark.
    fn is_quoted(&self, at: usize) -> bool {
        if at == 0 { self.follows_quote } else { self.held[..at].ends_with(QUOTES) }
    }

    /// Takes away the reasoning that a tag closes, up to the end of the tag.
    fn close(&mut self, end: usize) {
        self.held.drain(..end);
        self.has_reasoned = true;
        self.is_unopened = true;
        self.state = State::Start;
    }

    /// Whether the text begins with a tag that opens reasoning.
    fn opens(&self) -> bool {
        TAGS.iter().any(|(start, _)| begins_with(self.held.trim_start(), start))
    }
}

/// A tag of reasoning in a text.
struct Tag {
    start: usize,
    end: usize,
    closes: bool,
}

/// Tags that open or close reasoning, and whether they close it.
fn tags() -> impl Iterator<Item = (&'static str, bool)> {
    let all = TAGS.iter().flat_map(|(start, end)| [(*start, false), (*end, true)]);
    all.filter(|(tag, _)| *tag != END_OF_MESSAGE)
}

/// The first tag in a text, of those that open reasoning, close it, or both.
fn first_tag(text: &str, closing: &[bool]) -> Option<Tag> {
    if !text.contains(BEGINNINGS) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let found = tags().filter(|(_, closes)| closing.contains(closes)).filter_map(|(tag, closes)| {
        let start = text.find(tag)?;
        Some(Tag { start, end: start + tag.len(), closes })
    });
    found.min_by_key(|tag| tag.start)
}

/// Bytes at the end of a text with which a tag may begin.
fn begun_tag(text: &str) -> usize {
    let last = &text[floor(text, text.len().saturating_sub(LONGEST_TAG))..];
    let ends = last.match_indices(BEGINNINGS).map(|(at, _)| &last[at..]);
    let mut begun = ends.filter(|end| tags().any(|(tag, _)| tag.len() > end.len() && begins_with(tag, end)));
    begun.next().map_or(0, str::len)
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
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
    fn shown_by(begin: fn() -> ReasoningFilter, text: &str) -> String {
        let read = |pieces: &[&str]| {
            let (mut filter, mut shown) = (begin(), String::new());
            for piece in pieces {
                let Sifted { is_retracted, text } = filter.push(piece);
                if is_retracted {
                    shown.clear();
                }
                shown.push_str(&text);
            }
            shown + &filter.end(true)
        };
        let whole = read(&[text]);
        let boundaries = || (0..text.len()).filter(|at| text.is_char_boundary(*at));
        for at in boundaries() {
            assert_eq!(read(&[&text[..at], &text[at..]]), whole, "cut at {at}");
        }
        let letters: Vec<&str> = boundaries().map(|at| &text[at..=floor_of_letter(text, at)]).collect();
        assert_eq!(read(&letters), whole);
        whole
    }

    fn floor_of_letter(text: &str, at: usize) -> usize {
        at + text[at..].chars().next().map_or(1, char::len_utf8) - 1
    }

    fn shown(text: &str) -> String {
        shown_by(ReasoningFilter::default, text)
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

    #[test]
    fn reasoning_that_is_closed_and_was_not_opened_is_taken_back() {
        for (text, expected) in [
            ("Let me see.\nYes [1].\n</think>\n\nNo [2].", "No [2]."),
            ("hm</Think>Yes", "Yes"),
            ("</think>\n\nYes", "Yes"),
            ("嗯[/THINK]好 </think>", "好 </think>"),
            ("hm</think><think>and</think>Yes", "Yes"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
            assert_eq!(shown_by(ReasoningFilter::of_unopened, text), expected, "{text}");
        }
        for text in
            ["It ends with `</think>`, not <end>.", "<b>a</b> [1] [/INST]", "a <thi", "Use <think> and </think>"]
        {
            assert_eq!(shown(text), text);
        }
        let mut filter = ReasoningFilter::default();
        assert_eq!(filter.push("Hello").text, "Hello", "an ordinary answer waits for nothing");
        assert_eq!(filter.push(" [1").text, " [1");
    }

    #[test]
    fn a_model_that_is_known_to_begin_so_shows_nothing_before_the_tag() {
        let mut filter = ReasoningFilter::of_unopened();
        let sifted = ["Let me", " see.</th", "ink>", "\n\nYes", "."].map(|piece| filter.push(piece));
        assert_eq!(sifted.map(|sifted| sifted.text), ["", "", "", "Yes", "."]);
        assert_eq!(shown_by(ReasoningFilter::of_unopened, "<think>no</think>Yes"), "Yes");
        assert_eq!(shown_by(ReasoningFilter::of_unopened, "It did not reason."), "It did not reason.");
        let mut filter = ReasoningFilter::of_unopened();
        assert_eq!((filter.push("Let me see").text.as_str(), filter.end(false).as_str()), ("", ""));
    }
}
