//! A model's text, made fit to be shown while it is still being written.
//!
//! Marks of citations become citations, links that may not be followed become
//! their text, images become their description, HTML becomes plain characters,
//! and what nobody can see is left out. Text is held back only as long as it could
//! still become one of these; a bound ends every wait.

mod scan;

use scan::{Found, Scan};

/// A piece of text that may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// Markdown.
    pub(super) text: String,
    /// Numbers of the passages that its end cites.
    pub(super) cites: Vec<u32>,
}

/// What was taken out of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// Citations of passages that there are not.
    pub(super) citations: u32,
    /// Links that may not be followed, and images.
    pub(super) links: u32,
}

/// Which citations and links a text may have.
pub(super) trait Allowed {
    /// Whether there is a passage of this number.
    fn cites(&self, number: u32) -> bool;
    /// Whether a reader may be led to this address.
    fn leads_to(&self, address: &str) -> bool;
}

/// Reads a text piece by piece.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pending: String,
    /// Backticks or tildes of the code block that is open.
    fence: Option<(char, usize)>,
    /// Whether a mark of code was shown in this paragraph that is not certainly closed.
    open_code: bool,
    /// Whether marks were shown that could open a block of code where the rules of lists,
    /// quotations and indents are known: what looks like its end must open none.
    open_fence: bool,
    /// Whether what comes next is shown at the beginning of a line.
    line_start: bool,
    /// The last characters that were shown, where something was taken out behind them.
    cut: Option<String>,
    /// The last characters that were shown.
    tail: String,
    removed: Removed,
}

/// Characters that a link, an image or HTML could begin with.
const MARKS: &[char] = &['<', '!', '[', ']', '(', '\\', '`', '~', ':', '/'];
/// How the schemes end that clients make links of.
const SCHEMES: [&str; 4] = ["ttp", "tps", "ftp", "lto"];
/// Characters that are kept to see what could come together over a cut.
const TAIL: usize = 3;

impl Screen {
    pub(super) fn new() -> Self {
        Self { line_start: true, ..Self::default() }
    }

    /// Takes in more of the text, and gives what may be shown of it by now.
    pub(super) fn push(&mut self, more: &str, allowed: &dyn Allowed) -> Vec<Piece> {
        self.pending.push_str(more);
        self.drain(allowed, false)
    }

    /// Gives the rest: the text is at its end.
    pub(super) fn finish(&mut self, allowed: &dyn Allowed) -> Vec<Piece> {
        self.drain(allowed, true)
    }

    /// Forgets the text, as if another began.
    pub(super) fn forget(&mut self) {
        *self = Self { removed: self.removed, ..Self::new() };
    }

    /// What was taken out so far.
    pub(super) fn removed(&self) -> Removed {
        self.removed
    }

    fn drain(&mut self, allowed: &dyn Allowed, at_end: bool) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut text = String::new();
        let pending = std::mem::take(&mut self.pending);
        let mut at = 0;
        while at < pending.len() {
            let rest = &pending[at..];
            let Self { fence, open_code, open_fence, line_start, .. } = *self;
            let scan = Scan { rest, at_end, fence, open_code, open_fence, line_start };
            let (length, found) = match scan.next() {
                Some(next) => next,
                None => break,
            };
            match found {
                Found::Text => self.show(&rest[..length], &mut text),
                Found::Code => self.show_code(&rest[..length], &mut text),
                Found::Escaped => {
                    self.show("\\", &mut text);
                    self.show(&rest[..length], &mut text);
                }
                Found::Fence(fence) => {
                    self.fence = fence;
                    self.show_code(&rest[..length], &mut text);
                }
                Found::Citation(numbers) => {
                    let (known, unknown): (Vec<u32>, Vec<u32>) =
                        numbers.into_iter().partition(|number| allowed.cites(*number));
                    self.cut = Some(self.tail.clone());
                    // A client may show its mark there.
                    self.line_start = false;
                    self.removed.citations += u32::try_from(unknown.len()).unwrap_or(u32::MAX);
                    if !known.is_empty() {
                        cite(&mut pieces, std::mem::take(&mut text), known);
                    }
                }
                Found::Link { label, address } => {
                    let label = plain(label, allowed);
                    if allowed.leads_to(&address) {
                        self.show(&format!("[{label}]({address})"), &mut text);
                    } else {
                        self.removed.links += 1;
                        self.cut = Some(self.tail.clone());
                        self.show(&label, &mut text);
                        self.cut = Some(self.tail.clone());
                    }
                }
                Found::Image { description } => {
                    self.removed.links += 1;
                    self.cut = Some(self.tail.clone());
                    self.show(&plain(description, allowed), &mut text);
                    self.cut = Some(self.tail.clone());
                }
                Found::Address { address, bracketed } => {
                    if !allowed.leads_to(address) {
                        self.removed.links += 1;
                        self.cut = Some(self.tail.clone());
                    } else if bracketed {
                        self.show(&format!("<{address}>"), &mut text);
                    } else {
                        self.show(address, &mut text);
                    }
                }
            }
            at += length;
        }
        self.pending = pending[at..].to_owned();
        if !text.is_empty() {
            pieces.push(Piece { text, cites: Vec::new() });
        }
        pieces
    }

    /// Shows marks of code that have their partner.
    fn show_code(&mut self, shown: &str, text: &mut String) {
        let open_fence = self.open_fence;
        self.show(shown, text);
        (self.open_code, self.open_fence) = (false, open_fence);
    }

    fn show(&mut self, shown: &str, text: &mut String) {
        for c in shown.chars() {
            if !is_visible(c) {
                self.cut.get_or_insert_with(|| self.tail.clone());
                continue;
            }
            if let Some(before) = self.cut.take()
                && could_join(&before, c)
            {
                text.push(' ');
            }
            text.push(c);
            match c {
                '`' => self.open_code |= self.fence.is_none(),
                '\n' if self.line_start => self.open_code = false,
                _ => {}
            }
            self.line_start = c == '\n';
            self.tail.push(c.to_ascii_lowercase());
            if self.tail.chars().count() > TAIL {
                self.tail.remove(0);
            }
            self.open_fence |= self.fence.is_none() && matches!(self.tail.as_str(), "```" | "~~~");
        }
    }
}

/// Whether what stands before and after a cut could become something that neither
/// is: `<` and `a`, `http` and `s://`, `www` and `.example`.
fn could_join(before: &str, after: char) -> bool {
    let Some(last) = before.chars().last() else { return false };
    match after {
        _ if last == '<' => true,
        '.' => before == "www",
        ':' if last.is_alphanumeric() => SCHEMES.iter().any(|end| before.ends_with(end)),
        '!' => false,
        _ => (last.is_alphanumeric() || MARKS.contains(&last)) && (after.is_alphanumeric() || MARKS.contains(&after)),
    }
}

fn cite(pieces: &mut Vec<Piece>, text: String, numbers: Vec<u32>) {
    match pieces.last_mut() {
        Some(last) if text.is_empty() && !last.cites.is_empty() => last.cites.extend(numbers),
        _ => pieces.push(Piece { text, cites: numbers }),
    }
}

/// The words of a link or an image, without links of their own.
fn plain(label: &str, allowed: &dyn Allowed) -> String {
    // A mark of code before the label could end what looks like code in it.
    let mut screen = Screen { line_start: false, open_code: true, ..Screen::default() };
    let mut label: String = label.chars().filter(|c| !matches!(c, '[' | ']' | '!')).collect();
    label = label.replace('\n', " ");
    let mut pieces = screen.push(&label, &Nowhere(allowed));
    pieces.extend(screen.finish(&Nowhere(allowed)));
    pieces.into_iter().map(|piece| piece.text).collect()
}

/// Allows no links, within the text of a link.
struct Nowhere<'a>(&'a dyn Allowed);

impl Allowed for Nowhere<'_> {
    fn cites(&self, number: u32) -> bool {
        self.0.cites(number)
    }

    fn leads_to(&self, _: &str) -> bool {
        false
    }
}

/// Whether a character can be seen or shapes those that can. Tag characters
/// (U+E0000 to U+E007F) carry hidden text, and control characters none at all.
pub(super) fn is_visible(c: char) -> bool {
    !matches!(c, '\u{e0000}'..='\u{e007f}') && (!c.is_control() || matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests;
