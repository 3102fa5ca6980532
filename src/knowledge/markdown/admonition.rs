//! Admonitions, such as `:::tip Title`, become quotations with a bold title.

use super::fence::Fence;

/// Rewrites admonitions; all other lines stay as they are.
pub(crate) fn to_quotes(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len() + 64);
    let mut open: Vec<usize> = Vec::new();
    let mut fence: Option<Fence> = None;
    for line in markdown.split_inclusive('\n') {
        let content = line.trim();
        if fence.is_none()
            && let Some(after) = content.strip_prefix(":::")
        {
            let after = after.trim_start_matches(':').trim();
            let indent = line.len() - line.trim_start().len();
            if after.is_empty() {
                if open.pop().is_some() {
                    out.push('\n');
                    continue;
                }
            } else if after.starts_with(|c: char| c.is_ascii_alphabetic()) && open.len() < 8 {
                open.push(indent);
                out.push('\n');
                push_prefixed(&mut out, &open, &format!("**{}**\n", title(after)));
                push_prefixed(&mut out, &open, "\n");
                continue;
            }
        }
        match fence {
            Some(opened) if opened.is_closed_by(line) => fence = None,
            Some(_) => {}
            None => fence = Fence::open(line),
        }
        push_prefixed(&mut out, &open, line);
    }
    out
}

fn push_prefixed(out: &mut String, open: &[usize], line: &str) {
    let Some(indent) = open.first() else {
        out.push_str(line);
        return;
    };
    let spaces = line.len() - line.trim_start_matches(' ').len();
    out.extend(std::iter::repeat_n(' ', *indent));
    out.extend(std::iter::repeat_n("> ", open.len()));
    out.push_str(&line[spaces.min(*indent)..]);
}

/// The title after the kind, else the kind itself.
fn title(after: &str) -> String {
    let kind_end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(after.len());
    let (kind, rest) = after.split_at(kind_end);
    let rest = rest.trim();
    let rest = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(bracketed),
        None if rest.starts_with('{') => "",
        None => rest,
    };
    if !rest.trim().is_empty() {
        return rest.trim().to_owned();
    }
    let mut letters = kind.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::to_quotes;

    #[test]
    fn an_admonition_is_a_quotation() {
        assert_eq!(to_quotes("a\n:::tip Use it\nText\n:::\nb\n"), "a\n\n> **Use it**\n> \n> Text\n\nb\n");
        assert_eq!(to_quotes(":::note[Mind]\nx\n:::"), "\n> **Mind**\n> \n> x\n\n");
        assert_eq!(to_quotes(":::warning\nx"), "\n> **Warning**\n> \n> x");
        assert_eq!(to_quotes("```\n:::tip\n```\n"), "```\n:::tip\n```\n");
        assert_eq!(to_quotes(":::\n"), ":::\n");
    }
}
