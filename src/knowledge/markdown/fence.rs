//! Fences of code blocks.

/// An opening fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// The fence that a line opens, in a list or quotation or not.
    pub(crate) fn open(line: &str) -> Option<Self> {
        let rest = after_containers(line);
        let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = rest.chars().take_while(|c| *c == mark).count();
        let info = &rest[length..];
        (length >= 3 && !(mark == '`' && info.contains('`'))).then_some(Self { mark, length })
    }

    /// Whether a line closes it.
    pub(crate) fn is_closed_by(self, line: &str) -> bool {
        let rest = line.trim_start_matches([' ', '\t', '>']).trim_end();
        rest.chars().count() >= self.length && rest.chars().all(|c| c == self.mark)
    }
}

/// The line after its indentation, quotation marks and one list marker.
fn after_containers(line: &str) -> &str {
    let rest = line.trim_start_matches([' ', '\t', '>']);
    after_list_marker(rest).unwrap_or(rest)
}

/// The text after the list marker that begins a line, if one does.
pub(crate) fn after_list_marker(line: &str) -> Option<&str> {
    let rest = match line.strip_prefix(['-', '*', '+']) {
        Some(rest) => rest,
        None => {
            let digits = line.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            line[digits..].strip_prefix(['.', ')'])?
        }
    };
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_open_and_close() {
        let fence = Fence::open("  - ```js title=\"x\"").expect("a fence");
        assert!(fence.is_closed_by("    ````\n"));
        assert!(!fence.is_closed_by("``"));
        assert!(!fence.is_closed_by("```js"));
        assert!(Fence::open("```a`b").is_none());
        assert!(Fence::open("~~~").is_some());
        assert!(Fence::open("``").is_none());
    }
}
