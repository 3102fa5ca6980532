//! Finds what stands at the beginning of a text that is still being written.

/// Bytes after which something that has not ended is taken for plain text.
const LONGEST: usize = 2_048;
/// Bytes after which code within a line is taken for plain text.
const LONGEST_CODE: usize = 1_000;

/// What addresses begin with that a client may turn into links by itself.
const ADDRESSES: [&str; 5] = ["https://", "http://", "ftp://", "mailto:", "www."];

/// What stands at the beginning of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// Text to be shown as it is.
    Text,
    /// Code within a line.
    Code,
    /// A character that must be shown as itself.
    Escaped,
    /// The line that opens or closes a block of code; what is open after it.
    Fence(Option<(char, usize)>),
    /// Numbers of passages.
    Citation(Vec<u32>),
    /// A link.
    Link { label: &'a str, address: String },
    /// An image.
    Image { description: &'a str },
    /// An address by itself.
    Address { address: &'a str, bracketed: bool },
}

/// The beginning of a text.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    pub(super) rest: &'a str,
    /// Whether nothing comes after `rest`.
    pub(super) at_end: bool,
    /// Marks of the block of code that is open.
    pub(super) fence: Option<(char, usize)>,
    /// Whether marks of code stand before it that could open some, or could be its end.
    pub(super) open_code: bool,
    /// Whether a block of code may be open already.
    pub(super) open_fence: bool,
    /// Whether it stands at the beginning of a line.
    pub(super) line_start: bool,
}

impl<'a> Scan<'a> {
    /// What stands at the beginning and how many bytes it has; nothing when that
    /// cannot be told before there is more.
    pub(super) fn next(self) -> Option<(usize, Found<'a>)> {
        let first = self.rest.chars().next()?;
        if let Some((mark, count)) = self.fence {
            return self.in_code(mark, count);
        }
        match first {
            ' ' | '\t' => self.space(),
            '\\' => self.escape(),
            '`' | '~' => self.code(first),
            '!' => self.image(),
            '[' => self.bracket(0),
            ']' => self.close(),
            '【' => self.lenticular(),
            '<' => self.angle(),
            _ if first.is_alphanumeric() => self.word(),
            _ => Some((first.len_utf8(), Found::Text)),
        }
    }

    /// Waits, unless there will be no more, or too much has been held back.
    fn wait_or(self, found: (usize, Found<'a>)) -> Option<(usize, Found<'a>)> {
        (self.at_end || self.rest.len() > LONGEST).then_some(found)
    }

    /// White space before the mark of a citation goes with it.
    fn space(self) -> Option<(usize, Found<'a>)> {
        let length = self.rest.len() - self.rest.trim_start_matches([' ', '\t']).len();
        let after = Scan { rest: &self.rest[length..], ..self };
        match after.rest.chars().next() {
            None => self.wait_or((length, Found::Text)),
            Some('[' | '【') => match after.next()? {
                (more, Found::Citation(numbers)) => Some((length + more, Found::Citation(numbers))),
                _ => Some((length, Found::Text)),
            },
            Some(_) => Some((length, Found::Text)),
        }
    }

    fn escape(self) -> Option<(usize, Found<'a>)> {
        match self.rest.chars().nth(1) {
            None => self.wait_or((1, Found::Text)),
            Some(next) if next.is_ascii_punctuation() => Some((1 + next.len_utf8(), Found::Text)),
            Some(_) => Some((1, Found::Text)),
        }
    }

    fn run_of(text: &str, mark: char) -> usize {
        text.chars().take_while(|c| *c == mark).count()
    }

    /// Code within a line, or the line that opens a block of it.
    ///
    /// What is not certainly code is read as text, which is the stricter way: a
    /// block counts at the very beginning of a line alone, where no list or quotation
    /// can end it, and code within a line must not hold what a table could cut out, nor
    /// come behind a mark in the same paragraph that has no partner in its line.
    fn code(self, mark: char) -> Option<(usize, Found<'a>)> {
        let count = Self::run_of(self.rest, mark);
        if count == self.rest.len() && !self.at_end {
            return None;
        }
        let line_end = self.rest.find('\n');
        let line = &self.rest[count..line_end.unwrap_or(self.rest.len()).max(count)];
        if count >= 3 && self.line_start && !self.open_fence && !(mark == '`' && line.contains('`')) {
            return match line_end {
                Some(end) => Some((end + 1, Found::Fence(Some((mark, count))))),
                None => self.wait_or((count, Found::Text)),
            };
        }
        if mark == '~' || self.open_code {
            return Some((count, Found::Text));
        }
        let mut from = 0;
        while let Some(open) = line[from..].find('`') {
            let closing = Self::run_of(&line[from + open..], '`');
            let end = count + from + open + closing;
            if end == self.rest.len() && !self.at_end {
                return None;
            }
            if closing == count {
                let is_certain = !line[..from + open].contains('|');
                return Some(if is_certain { (end, Found::Code) } else { (count, Found::Text) });
            }
            from += open + closing;
        }
        let is_over = self.at_end || line_end.is_some() || line.len() > LONGEST_CODE;
        is_over.then_some((count, Found::Text))
    }

    fn in_code(self, mark: char, count: usize) -> Option<(usize, Found<'a>)> {
        let (line, length) = match self.rest.find('\n') {
            Some(end) => (&self.rest[..end], end + 1),
            None => (self.rest, self.rest.len()),
        };
        let indent = line.len() - line.trim_start_matches(' ').len();
        let trimmed = line.trim_matches([' ', '\t']);
        let is_run = indent <= 3 && !trimmed.is_empty() && trimmed.chars().all(|c| c == mark);
        let may_close = self.line_start && (is_run || trimmed.is_empty());
        if may_close && length == line.len() && !self.at_end && length < LONGEST {
            return None;
        }
        if self.line_start && is_run && trimmed.len() >= count {
            return Some((length, Found::Fence(None)));
        }
        Some((length, Found::Text))
    }

    fn image(self) -> Option<(usize, Found<'a>)> {
        match self.rest[1..].chars().next() {
            None => self.wait_or((1, Found::Text)),
            Some('[') => {
                let after = Scan { rest: &self.rest[1..], ..self };
                Some(match after.bracket(1)? {
                    (length, Found::Link { label, .. }) => (1 + length, Found::Image { description: label }),
                    _ => (1, Found::Text),
                })
            }
            Some(_) => Some((1, Found::Text)),
        }
    }

    /// A citation, a link, or a mere bracket. Definitions of links are never kept,
    /// so that no other bracket can become one.
    fn bracket(self, before: usize) -> Option<(usize, Found<'a>)> {
        let Some(close) = closing(self.rest, '[', ']') else {
            return self.wait_or((1, Found::Escaped));
        };
        let label = &self.rest[1..close];
        let after = &self.rest[close + 1..];
        let next = after.chars().next();
        if next.is_none() && !self.at_end && self.rest.len() <= LONGEST {
            return None;
        }
        if before == 0
            && next != Some('(')
            && let Some(numbers) = numbers(label)
        {
            return Some((close + 1, Found::Citation(numbers)));
        }
        if next == Some('(') {
            let Some(end) = closing(after, '(', ')') else {
                return self.wait_or((1, Found::Escaped));
            };
            let address = target(&after[1..end]);
            return Some((close + 1 + end + 1, Found::Link { label, address }));
        }
        // What follows would define where other brackets lead, or some clients make a link
        // of two brackets.
        let leads = next == Some(':') || label.starts_with('[');
        Some((1, if leads { Found::Escaped } else { Found::Text }))
    }

    /// The end of a bracket that is no link: none before it may become one now that some are
    /// shown as themselves.
    fn close(self) -> Option<(usize, Found<'a>)> {
        match self.rest[1..].chars().next() {
            None => self.wait_or((1, Found::Text)),
            Some('(' | ':') => Some((1, Found::Escaped)),
            Some(_) => Some((1, Found::Text)),
        }
    }

    /// The marks of another dialect: 【1】 or 【1†source】.
    fn lenticular(self) -> Option<(usize, Found<'a>)> {
        let open = '【'.len_utf8();
        match self.rest.find('】') {
            Some(close) if close < 80 => {
                let inside = self.rest[open..close].split(['†', ':']).next().unwrap_or_default();
                Some(match numbers(inside) {
                    Some(numbers) => (close + '】'.len_utf8(), Found::Citation(numbers)),
                    None => (open, Found::Text),
                })
            }
            Some(_) => Some((open, Found::Text)),
            None if self.rest.len() > 80 => Some((open, Found::Text)),
            None => self.wait_or((open, Found::Text)),
        }
    }

    /// An address in angle brackets; any other one that HTML could begin with is
    /// shown as the character that it is.
    fn angle(self) -> Option<(usize, Found<'a>)> {
        match self.rest[1..].chars().next() {
            None => self.wait_or((1, Found::Escaped)),
            Some(next) if next.is_alphabetic() || matches!(next, '/' | '!' | '?') => {
                let end = self.rest.find(['>', '\n', ' ']);
                match end {
                    None => self.wait_or((1, Found::Escaped)),
                    Some(end) if self.rest[end..].starts_with('>') && is_address(&self.rest[1..end]) => {
                        Some((end + 1, Found::Address { address: &self.rest[1..end], bracketed: true }))
                    }
                    Some(_) => Some((1, Found::Escaped)),
                }
            }
            Some(_) => Some((1, Found::Text)),
        }
    }

    /// A word, or an address that clients make a link of.
    fn word(self) -> Option<(usize, Found<'a>)> {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[' | ']' | '"' | '`' | '\\' | '|' | '【');
        let word = &self.rest[..self.rest.find(is_end).unwrap_or(self.rest.len())];
        let is_open = word.len() == self.rest.len() && !self.at_end && word.len() <= LONGEST;
        // An image may begin with the last one.
        let word = word.trim_end_matches('!');
        let lower = word.to_ascii_lowercase();
        let start = ADDRESSES.iter().filter_map(|begin| lower.find(begin)).min();
        match start {
            Some(0) if is_open => None,
            Some(0) => {
                let mut address = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '\'']);
                while address.ends_with(')') && address.matches(')').count() > address.matches('(').count() {
                    address = &address[..address.len() - 1];
                }
                Some((address.len(), Found::Address { address, bracketed: false }))
            }
            Some(start) => Some((start, Found::Text)),
            None if is_open => {
                // Its end could be the beginning of an address.
                let held = ADDRESSES.iter().flat_map(|begin| {
                    let lower = &lower;
                    (1..begin.len()).filter(move |length| lower.ends_with(&begin[..*length]))
                });
                let shown = word.len() - held.max().unwrap_or(0);
                (shown > 0).then_some((shown, Found::Text))
            }
            None => Some((word.len(), Found::Text)),
        }
    }
}

fn is_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ADDRESSES.iter().any(|begin| lower.starts_with(begin)) || lower.contains("://")
}

/// Where the bracket that `text` begins with is closed, in bytes; escaped ones do not count.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut escaped) = (0_u32, false);
    for (at, c) in text.char_indices().take_while(|(at, _)| *at <= LONGEST) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

/// The address of an inline link, without its title.
fn target(inside: &str) -> String {
    let inside = inside.trim();
    let address = match inside.strip_prefix('<') {
        Some(rest) => rest.split('>').next().unwrap_or_default(),
        None => inside.split_whitespace().next().unwrap_or_default(),
    };
    address.replace('\\', "")
}

/// The numbers of a citation: `1`, `^1`, `1, 2`.
fn numbers(inside: &str) -> Option<Vec<u32>> {
    let inside = inside.strip_prefix('^').unwrap_or(inside);
    let parts = inside.split([',', ';']).map(|part| {
        let part = part.trim();
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    });
    parts.collect()
}
