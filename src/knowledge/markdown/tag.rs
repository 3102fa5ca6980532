//! Finds where a tag of HTML or JSX ends, and what its attributes are.

/// Longest tag, in bytes; JSX properties can hold whole texts.
pub(crate) const MAX_TAG_BYTES: usize = 1 << 16;

/// A tag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag<'t> {
    /// Its name as written; empty for a JSX fragment.
    pub name: &'t str,
    /// Whether it is `</name>`.
    pub closing: bool,
    /// Whether it is `<name/>`.
    pub self_closing: bool,
    /// Its attributes; what stands in braces is kept without them.
    pub attributes: Vec<(&'t str, &'t str)>,
    /// Its length in bytes.
    pub length: usize,
}

impl Tag<'_> {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Reads the tag at the start of `text`.
///
/// # Errors
/// How many bytes were looked at, when there is none.
pub(crate) fn parse(text: &str) -> Result<Tag<'_>, usize> {
    let mut scan = Scan { text, at: 1, in_vain: 0 };
    let closing = scan.skip(b'/');
    let name = scan.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'.'));
    if name.is_empty() && scan.peek() != Some(b'>') || name.starts_with(|c: char| !c.is_ascii_alphabetic()) {
        return Err(scan.at);
    }
    let mut attributes = Vec::new();
    loop {
        let spaced = !scan.take_while(|b| b.is_ascii_whitespace()).is_empty();
        if scan.at > MAX_TAG_BYTES {
            return Err(scan.at);
        }
        match scan.peek() {
            Some(b'>') => {
                return Ok(Tag { name, closing, self_closing: false, attributes, length: scan.at + 1 });
            }
            Some(b'/') => {
                scan.at += 1;
                scan.take_while(|b| b.is_ascii_whitespace());
                if scan.peek() != Some(b'>') {
                    return Err(scan.at);
                }
                return Ok(Tag { name, closing, self_closing: true, attributes, length: scan.at + 1 });
            }
            Some(b'{') if spaced => {
                if scan.braces().is_none() {
                    return Err(scan.at + scan.in_vain);
                }
            }
            Some(b) if spaced && (b.is_ascii_alphabetic() || matches!(b, b'_' | b':' | b'@' | b'#')) => {
                let key = scan.take_while(|b| !b.is_ascii_whitespace() && !b"\"'<>/={}`".contains(&b));
                let before_space = scan.at;
                scan.take_while(|b| b.is_ascii_whitespace());
                if scan.skip(b'=') {
                    scan.take_while(|b| b.is_ascii_whitespace());
                    match scan.value() {
                        Some(value) => attributes.push((key, value)),
                        None => return Err(scan.at + scan.in_vain),
                    }
                } else {
                    scan.at = before_space;
                    attributes.push((key, ""));
                }
            }
            Some(_) | None => return Err(scan.at),
        }
    }
}

struct Scan<'t> {
    text: &'t str,
    /// Always on a character boundary.
    at: usize,
    /// How many bytes were searched for an end that is not there.
    in_vain: usize,
}

impl<'t> Scan<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes bytes while `wanted`; bytes of other scripts are all wanted or none.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'t str {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let mut end = start + rest.iter().take(MAX_TAG_BYTES).take_while(|b| wanted(**b)).count();
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.at = end;
        &self.text[start..end]
    }

    fn value(&mut self) -> Option<&'t str> {
        match self.peek()? {
            quote @ (b'"' | b'\'') => {
                self.at += 1;
                let rest = &self.text[self.at..];
                let Some(end) = rest.bytes().take(MAX_TAG_BYTES).position(|b| b == quote) else {
                    self.in_vain = rest.len().min(MAX_TAG_BYTES);
                    return None;
                };
                self.at += end + 1;
                Some(&rest[..end])
            }
            b'{' => self.braces(),
            _ => {
                let value = self.take_while(|b| !b.is_ascii_whitespace() && !b"\"'<>=`".contains(&b));
                // `<a href=/x/>` ends with the slash of the address; JSX quotes.
                (!value.is_empty()).then_some(value)
            }
        }
    }

    /// The inside of balanced braces; braces in quotes do not count.
    fn braces(&mut self) -> Option<&'t str> {
        let start = self.at;
        let Some(end) = balanced(&self.text[start..]) else {
            self.in_vain = (self.text.len() - start).min(MAX_TAG_BYTES);
            return None;
        };
        self.at = start + end;
        Some(&self.text[start + 1..self.at - 1])
    }
}

/// The length of the balanced braces at the start of `text`.
pub(crate) fn balanced(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, b) in text.bytes().enumerate().take(MAX_TAG_BYTES) {
        match (quote, b) {
            (Some(open), b) if open == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'' | b'`') => quote = Some(b),
            (None, b'{') => depth += 1,
            (None, b'}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_end_where_they_end() {
        let length = |text: &str| parse(text).map(|tag| tag.length).ok();
        for tag in [
            "<b>",
            "</b>",
            "<br/>",
            "<hr / >",
            "<img alt=\"a > b\" src={useBaseUrl('x.png')} />",
            "<Foo onClick={() => { a('}') }} {...props}>",
            "<>",
            "<input disabled value='x'>",
            "<a\n  href=/x>",
        ] {
            assert_eq!(length(&format!("{tag}rest>")), Some(tag.len()), "{tag}");
        }
        for text in ["<", "< b>", "<1>", "<your_domain>", "<a b={", "<b", "<https://x.y>", "<a@b.c>", "<b c=>"] {
            assert_eq!(length(text), None, "{text}");
        }
        assert_eq!(
            parse("<img alt=\"é\" src={x}>").map(|tag| tag.attribute("ALT").map(str::to_owned)),
            Ok(Some("é".into()))
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "<[a-c/ =\"'{}>é`<]{0,30}") {
            let _ = parse(&text);
        }
    }
}
