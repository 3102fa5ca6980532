//! Prompts: the texts that are sent to a model, as templates with named variables.
//!
//! A prompt that the folder does not hold is the built-in one. Values are put in
//! once and never read as templates themselves.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{self, Diagnostic, Place, Position};
use crate::domain::attribute::Template;

use super::files;
use super::reading::{Mapping, Reading};

/// What a prompt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A cited answer from numbered passages.
    Answer,
    /// A follow-up rewritten as a question that stands alone.
    Condense,
    /// The arguments of an automation, collected from the user.
    Automation,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Answer, Self::Condense, Self::Automation];

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Answer => "answer.md",
            Self::Condense => "condense.md",
            Self::Automation => "automation.md",
        }
    }

    /// The variables that it may use.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Answer => {
                &["name", "persona", "tone", "locale", "today", "page_title", "page_url", "passages", "question"]
            }
            Self::Condense => &["conversation", "message"],
            Self::Automation => &["name", "locale", "title", "instructions", "arguments", "known", "conversation"],
        }
    }

    /// The variables without which it cannot do its work.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Answer => &["passages"],
            Self::Condense => &["conversation", "message"],
            Self::Automation => &["instructions", "arguments", "conversation"],
        }
    }

    /// The built-in file.
    pub(crate) fn built_in(self) -> &'static str {
        match self {
            Self::Answer => include_str!("../../prompts/answer.md"),
            Self::Condense => include_str!("../../prompts/condense.md"),
            Self::Automation => include_str!("../../prompts/automation.md"),
        }
    }
}

/// A prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// What it is for, in its author's words.
    pub description: Option<String>,
    template: Template,
}

impl Prompt {
    /// Its text with every variable replaced: by its value, else by the fallback
    /// in the text, else by nothing.
    pub fn render<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
        let source = self.template.source();
        let mut text = String::with_capacity(source.len());
        let mut at = 0;
        for placeholder in self.template.placeholders() {
            text.push_str(&source[at..placeholder.offset]);
            let value = value_of(&placeholder.name).or(placeholder.fallback.as_deref());
            text.push_str(value.unwrap_or_default());
            at = source[placeholder.offset..].find("}}").map_or(source.len(), |end| placeholder.offset + end + 2);
        }
        text.push_str(&source[at..]);
        text
    }
}

/// One prompt for each purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompts {
    answer: Prompt,
    condense: Prompt,
    automation: Prompt,
}

impl Prompts {
    /// The built-in prompts.
    pub fn built_in() -> Self {
        let read = |purpose: Purpose| {
            let (prompt, diagnostics) = parse(purpose, purpose.file().into(), purpose.built_in());
            debug_assert!(diagnostics.is_empty(), "{diagnostics:?}");
            prompt.unwrap_or_else(|| Prompt {
                description: None,
                template: Template::parse("").expect("an empty text is a template"),
            })
        };
        Self { answer: read(Purpose::Answer), condense: read(Purpose::Condense), automation: read(Purpose::Automation) }
    }

    /// The prompt for a purpose.
    pub fn get(&self, purpose: Purpose) -> &Prompt {
        match purpose {
            Purpose::Answer => &self.answer,
            Purpose::Condense => &self.condense,
            Purpose::Automation => &self.automation,
        }
    }

    fn set(&mut self, purpose: Purpose, prompt: Prompt) {
        match purpose {
            Purpose::Answer => self.answer = prompt,
            Purpose::Condense => self.condense = prompt,
            Purpose::Automation => self.automation = prompt,
        }
    }
}

/// Reads the prompts in a folder, and all mistakes in them. Paths begin with the
/// folder's own name. A folder that is not there has no prompts of its own.
pub fn load(folder: &Path) -> (Prompts, Vec<Diagnostic>) {
    let mut prompts = Prompts::built_in();
    let mut diagnostics = Vec::new();
    let shown = folder.file_name().map_or_else(|| "prompts".into(), |name| name.to_string_lossy());
    let names = match files::names(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (prompts, diagnostics),
        Err(error) => {
            let message = format!("this folder cannot be read: {}", files::reason(&error));
            let place = Place::file(folder.display().to_string());
            return (prompts, vec![Diagnostic::error("unreadable", place, message)]);
        }
    };
    let names = names.iter().map(|(name, _)| name.as_str());
    for name in names.filter(|name| !name.starts_with('.') && name.ends_with(".md")) {
        let path: Arc<str> = format!("{shown}/{name}").into();
        let Some(purpose) = Purpose::ALL.into_iter().find(|purpose| purpose.file() == name) else {
            if name.eq_ignore_ascii_case("readme.md") {
                continue;
            }
            let message = format!("there is no prompt `{name}`");
            let diagnostic = Diagnostic::warning("unknown-prompt", Place::file(path), message);
            let diagnostic = diagnostic.suggest(name, Purpose::ALL.map(Purpose::file));
            diagnostics.push(match diagnostic.hint {
                Some(_) => diagnostic,
                None => diagnostic.hint("prompts are `answer.md`, `condense.md` and `automation.md`"),
            });
            continue;
        };
        match files::read_at(&folder.join(name), &path) {
            Ok(text) => {
                let (prompt, mistakes) = parse(purpose, path, &text);
                diagnostics.extend(mistakes);
                if let Some(prompt) = prompt {
                    prompts.set(purpose, prompt);
                }
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostic::sort(&mut diagnostics);
    (prompts, diagnostics)
}

/// Reads the text of one prompt.
pub fn parse(purpose: Purpose, path: Arc<str>, text: &str) -> (Option<Prompt>, Vec<Diagnostic>) {
    let mut reading = Reading::new(path, text);
    let prompt = prompt(purpose, &mut reading);
    (prompt, reading.finish().1)
}

fn prompt(purpose: Purpose, reading: &mut Reading<'_>) -> Option<Prompt> {
    let front = reading.front_matter("a prompt")?;
    let mut mapping = Mapping::open(&front.root, "a prompt", reading)?;
    let description = mapping.get("description").and_then(|node| reading.text(node));
    let list = mapping.require("variables");
    let variables: Vec<(String, Position)> = list
        .map(|node| {
            let items = reading.items(node, "a list of variables");
            items.iter().filter_map(|item| Some((reading.text(item)?, item.position))).collect()
        })
        .unwrap_or_default();
    mapping.close(reading);
    for (name, position) in &variables {
        if !purpose.variables().contains(&name.as_str()) {
            let message = format!("`{}` has no variable `{name}`", purpose.file());
            let diagnostic = Diagnostic::error("unknown-variable", reading.place(*position), message);
            let diagnostic = diagnostic.suggest(name, purpose.variables().iter().copied());
            reading.report(match diagnostic.hint {
                Some(_) => diagnostic,
                None => diagnostic.hint(format!("it has {}", purpose.variables().join(", "))),
            });
        }
    }
    if front.body.trim().is_empty() {
        reading.file_error(
            "empty-prompt",
            "this prompt has no text",
            "write it, or remove the file to use the built-in one",
        );
        return None;
    }
    let start = Position { line: front.body_line, column: 1 };
    let template = reading.template_of(front.body.trim(), start)?;
    // What the template names are variables here, and no attributes.
    let used = std::mem::take(&mut reading.uses.attributes);
    if list.is_some() {
        for variable in &used {
            if !variables.iter().any(|(name, _)| *name == variable.name) {
                let message = format!("the variable `{}` is not listed under `variables`", variable.name);
                let diagnostic = Diagnostic::error("unlisted-variable", variable.place.clone(), message);
                let names = variables.iter().map(|(name, _)| name.as_str());
                let diagnostic = diagnostic.suggest(&variable.name, names);
                reading.report(match diagnostic.hint {
                    Some(_) => diagnostic,
                    None => diagnostic.hint("list it, or remove it from the text"),
                });
            }
        }
        for (name, position) in &variables {
            if !used.iter().any(|variable| variable.name == *name) {
                let message = format!("the text does not use the variable `{name}`");
                let hint = format!("write `{{{{{name}}}}}` in the text, or remove it from the list");
                reading.error_with_hint("unused-variable", *position, message, hint);
            }
        }
    }
    for name in purpose.required() {
        if !used.iter().any(|variable| variable.name == *name) && !variables.iter().any(|(listed, _)| listed == name) {
            let message = format!("`{}` cannot do its work without the variable `{name}`", purpose.file());
            reading.file_error("missing-variable", message, format!("write `{{{{{name}}}}}` where it belongs"));
        }
    }
    Some(Prompt { description, template })
}

#[cfg(test)]
mod tests;
