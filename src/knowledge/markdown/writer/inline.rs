//! Text within a block: escaped for Markdown, and plain beside it.

/// The Markdown and the plain text of a block so far.
#[derive(Debug, Default)]
pub(crate) struct Inline {
    markdown: String,
    text: String,
    /// Open links: where their text begins, and their target.
    links: Vec<(usize, String)>,
    code: String,
    /// Whether a picture is open that begins a line.
    in_picture: bool,
}

impl Inline {
    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.markdown.is_empty()
    }

    /// Both texts, trimmed.
    pub(crate) fn take(&mut self) -> (String, String) {
        self.links.clear();
        let markdown = std::mem::take(&mut self.markdown);
        let text = std::mem::take(&mut self.text);
        (trimmed(markdown), trimmed(text))
    }

    /// Text of the author.
    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
        if self.in_picture {
            return;
        }
        if !text.contains(['\\', '`', '[', '|', '*', '_', '~', '<', '#', '>', '+']) {
            self.markdown.push_str(text);
            return;
        }
        let mut previous = self.markdown.chars().next_back();
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let next = characters.peek().copied();
            if needs_escape(previous, c, next) {
                self.markdown.push('\\');
            }
            self.markdown.push(c);
            previous = Some(c);
        }
    }

    /// A picture begins. Its alternative text can be searched for; it is shown
    /// only within a line, where the sentence needs it.
    pub(crate) fn begin_picture(&mut self) {
        let line = self.markdown.rsplit('\n').next().unwrap_or_default();
        self.in_picture = line.trim_matches([' ', '>']).is_empty();
    }

    /// A picture ends.
    pub(crate) fn end_picture(&mut self) {
        self.in_picture = false;
    }

    /// Code within a line.
    pub(crate) fn code(&mut self, code: &str, in_table: bool) {
        self.text.push_str(code);
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let marks = "`".repeat(if longest == 0 { 1 } else { longest + 1 });
        let space = if longest > 0 { " " } else { "" };
        let code = if in_table { code.replace('|', "\\|") } else { code.to_owned() };
        self.markdown.push_str(&format!("{marks}{space}{code}{space}{marks}"));
    }

    /// Emphasis begins or ends.
    pub(crate) fn mark(&mut self, mark: &str) {
        self.markdown.push_str(mark);
    }

    /// Marks of Markdown that are no text.
    pub(crate) fn raw(&mut self, markdown: &str) {
        self.markdown.push_str(markdown);
    }

    /// A line ends within a paragraph.
    pub(crate) fn line_break(&mut self, mark: &str, prefix: &str) {
        self.markdown.push_str(mark);
        self.markdown.push('\n');
        self.markdown.push_str(prefix);
        self.text.push(if mark.is_empty() { ' ' } else { '\n' });
    }

    /// A paragraph ends within a block.
    pub(crate) fn paragraph_break(&mut self, prefix: &str) {
        self.trim_line();
        self.markdown.push('\n');
        self.markdown.push_str(prefix.trim_end());
        self.markdown.push('\n');
        self.markdown.push_str(prefix);
        self.newline();
    }

    /// An item of a list ends within a block.
    pub(crate) fn item_break(&mut self, prefix: &str) {
        self.trim_line();
        self.markdown.push('\n');
        self.markdown.push_str(prefix);
        self.newline();
    }

    fn trim_line(&mut self) {
        self.markdown.truncate(self.markdown.trim_end_matches(' ').len());
    }

    fn newline(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// A cell of a table ends.
    pub(crate) fn end_cell(&mut self) {
        self.markdown.push_str(" |");
        self.text.push_str(" | ");
    }

    /// A row of a table ends.
    pub(crate) fn end_row(&mut self, prefix: &str) {
        self.text.truncate(self.text.trim_end_matches([' ', '|']).len());
        self.item_break(prefix);
    }

    /// A link begins.
    pub(crate) fn begin_link(&mut self, target: &str) {
        self.links.push((self.markdown.len(), target.to_owned()));
        self.markdown.push('[');
    }

    /// A link ends; one without text disappears.
    pub(crate) fn end_link(&mut self) {
        let Some((start, target)) = self.links.pop() else { return };
        if self.markdown[start + 1..].trim().is_empty() {
            self.markdown.truncate(start);
            return;
        }
        let plain = !target.is_empty() && !target.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<'));
        if plain {
            self.markdown.push_str(&format!("]({target})"));
        } else {
            self.markdown.push_str(&format!("](<{}>)", target.replace(['\n', '<', '>'], "")));
        }
    }

    /// A code block begins.
    pub(crate) fn begin_code(&mut self) {
        self.code.clear();
    }

    /// Lines of a code block.
    pub(crate) fn code_lines(&mut self, text: &str) {
        self.code.push_str(text);
    }

    /// A code block ends.
    pub(crate) fn end_code(&mut self, language: &str, prefix: &str) {
        let code = std::mem::take(&mut self.code);
        let code = code.trim_end_matches(['\n', '\r']);
        if code.trim().is_empty() {
            return;
        }
        let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.markdown.push_str(&format!("{fence}{language}\n"));
        for line in code.lines() {
            self.markdown.push_str(prefix);
            self.markdown.push_str(line);
            self.markdown.push('\n');
        }
        self.markdown.push_str(prefix);
        self.markdown.push_str(&fence);
        self.newline();
        self.text.push_str(code);
    }
}

fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    let start = text.len() - text.trim_start_matches(['\n', '\r']).len();
    text.drain(..start);
    text
}

/// Whether `c` would be read as Markdown where it stands.
fn needs_escape(previous: Option<char>, c: char, next: Option<char>) -> bool {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    // The parser may cut a text anywhere, so that what follows is not known here.
    let space = |c: Option<char>| c.is_some_and(char::is_whitespace);
    match c {
        '\\' => next.is_none_or(|next| next.is_ascii_punctuation()),
        '`' | '[' | '|' => true,
        '*' => !(previous.is_some_and(|c| c == ' ') && space(next)),
        '_' => !(word(previous) && word(next)),
        '~' => previous == Some('~') || next.is_none_or(|next| next == '~'),
        '<' => next.is_none_or(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')),
        '#' | '>' | '+' => matches!(previous, None | Some('\n')),
        _ => false,
    }
}
