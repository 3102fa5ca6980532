//! Splits Markdown into the sections and blocks that are searched and quoted.
//!
//! What a documentation tool left in the text is cleaned first (`clean`), then
//! the text is parsed as CommonMark with tables, and each block is written again
//! as Markdown and as plain text (`writer`).

mod admonition;
mod anchor;
mod clean;
mod element;
mod entity;
mod fence;
mod table;
mod tag;
mod writer;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::domain::article::Section;

use anchor::Anchors;
use writer::Writer;

pub(crate) use clean::{clean, clean_html};

/// An article's text, split.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// The first heading, when the article has no title of its own.
    pub title: Option<String>,
    /// Sections that hold text, in order.
    pub sections: Vec<Section>,
    /// How many words they hold.
    pub words: usize,
}

/// Splits a text at its headings.
///
/// Without a title the first heading becomes it. Either way a heading that only
/// repeats the title is left out of the heading paths; its anchor stays.
pub(crate) fn split(markdown: &str, title: Option<&str>) -> Split {
    let cleaned = clean(markdown);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut splitter = Splitter::new(title);
    for event in Parser::new_ext(&cleaned, options) {
        splitter.event(event);
    }
    splitter.finish()
}

struct Splitter<'t> {
    given_title: Option<&'t str>,
    anchors: Anchors,
    /// Headings that contain the current place: level, text, whether it is the title.
    path: Vec<(u8, String, bool)>,
    heading: Option<Heading>,
    headings: usize,
    section: Section,
    writer: Writer,
    split: Split,
}

struct Heading {
    level: u8,
    id: Option<String>,
    text: String,
}

impl<'t> Splitter<'t> {
    fn new(given_title: Option<&'t str>) -> Self {
        Self {
            given_title,
            anchors: Anchors::default(),
            path: Vec::new(),
            heading: None,
            headings: 0,
            section: Section { heading_path: Vec::new(), anchor: None, blocks: Vec::new() },
            writer: Writer::default(),
            split: Split::default(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let Some(heading) = &mut self.heading {
            match event {
                Event::End(TagEnd::Heading(_)) => self.end_heading(),
                Event::Text(text) | Event::Code(text) => heading.text.push_str(&text),
                Event::SoftBreak | Event::HardBreak => heading.text.push(' '),
                Event::Start(_)
                | Event::End(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::FootnoteReference(_)
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
            return;
        }
        match event {
            Event::Start(Tag::Heading { level, id, .. }) if self.writer.is_outside() => {
                let id = id.map(|id| id.to_string());
                self.heading = Some(Heading { level: level as u8, id, text: String::new() });
            }
            event => {
                if let Some(block) = self.writer.event(event) {
                    self.split.words += block.text.split_whitespace().count();
                    self.section.blocks.push(block);
                }
            }
        }
    }

    fn end_heading(&mut self) {
        let Some(heading) = self.heading.take() else { return };
        let text = heading.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.close_section();
        self.headings += 1;
        let anchor = self.anchors.unique(heading.id.as_deref().unwrap_or(&text));
        let is_title = match self.given_title {
            Some(title) => self.headings == 1 && same(title, &text),
            None => self.headings == 1 && !text.is_empty(),
        };
        if is_title && self.given_title.is_none() {
            self.split.title = Some(text.clone());
        }
        self.path.retain(|(level, _, _)| *level < heading.level);
        self.path.push((heading.level, text, is_title));
        let shown = self.path.iter().filter(|(_, text, is_title)| !is_title && !text.is_empty());
        let heading_path = shown.map(|(_, text, _)| text.clone()).collect();
        self.section = Section { heading_path, anchor: Some(anchor), blocks: Vec::new() };
    }

    fn close_section(&mut self) {
        let empty = Section { heading_path: Vec::new(), anchor: None, blocks: Vec::new() };
        let section = std::mem::replace(&mut self.section, empty);
        if !section.blocks.is_empty() {
            self.split.sections.push(section);
        }
    }

    fn finish(mut self) -> Split {
        self.close_section();
        self.split
    }
}

/// Whether two titles differ at most in case and space.
fn same(a: &str, b: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(a) == words(b)
}

#[cfg(test)]
mod tests;
