//! What an automation must be told, and whether it was.

use super::super::attribute::MAX_VALUE_CHARS;
use super::super::value::Value;

/// Something an automation must be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name in templates.
    pub name: String,
    /// What it may be.
    pub kind: ArgumentKind,
    /// The question that asks for it.
    pub ask: Option<String>,
}

/// What an argument may be.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentKind {
    /// One of these.
    Enum(Vec<String>),
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
}

/// Why a value is not one of an argument.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArgument {
    /// None or several of the values of an enum.
    #[error("`{0}` must be one of: {1}")]
    Enum(String, String),
    /// No text, or too long a one.
    #[error("`{0}` must be a text of at most {MAX_VALUE_CHARS} characters")]
    Text(String),
    /// Not one number.
    #[error("`{0}` must be a number")]
    Number(String),
    /// Neither true nor false.
    #[error("`{0}` must be true or false")]
    Bool(String),
    /// The automation has no such argument.
    #[error("there is no argument `{0}`")]
    Unknown(String),
}

/// Words of an answer around the one value that is looked for.
const WORDS_AROUND: usize = 5;

impl Argument {
    /// The question that asks for it.
    pub fn question(&self) -> String {
        self.ask.clone().unwrap_or_else(|| format!("{}?", self.name))
    }

    /// The value of this argument that `value` stands for: a typed one as it is, a text
    /// as people write it ("the pro plan", "12 seats").
    ///
    /// # Errors
    /// When it stands for none.
    pub fn validate(&self, value: &Value) -> Result<Value, InvalidArgument> {
        let name = || self.name.clone();
        let said = value.as_text().map(str::trim).unwrap_or_default();
        match &self.kind {
            ArgumentKind::Enum(values) => chosen(values, said)
                .map(|value| Value::Text(value.clone()))
                .ok_or_else(|| InvalidArgument::Enum(name(), values.join(", "))),
            ArgumentKind::Text => {
                let text: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                match text.chars().count() {
                    1..=MAX_VALUE_CHARS => Ok(Value::Text(text)),
                    _ => Err(InvalidArgument::Text(name())),
                }
            }
            ArgumentKind::Number => value
                .as_number()
                .or_else(|| the_number(said))
                .filter(|number| number.is_finite())
                .map(Value::Number)
                .ok_or_else(|| InvalidArgument::Number(name())),
            ArgumentKind::Bool => match (value, said) {
                (Value::Bool(value), _) => Ok(Value::Bool(*value)),
                (_, "true") => Ok(Value::Bool(true)),
                (_, "false") => Ok(Value::Bool(false)),
                _ => Err(InvalidArgument::Bool(name())),
            },
        }
    }
}

/// The one value that was said: alone, or among a few other words.
fn chosen<'v>(values: &'v [String], said: &str) -> Option<&'v String> {
    let lower = said.to_lowercase();
    if let Some(value) = values.iter().find(|value| value.to_lowercase() == lower) {
        return Some(value);
    }
    let said: Vec<&str> = words(&lower).collect();
    let mut among = values.iter().filter(|value| {
        let value = value.to_lowercase();
        let value: Vec<&str> = words(&value).collect();
        !value.is_empty()
            && said.len() <= value.len() + WORDS_AROUND
            && said.windows(value.len()).any(|window| window == value)
    });
    among.next().filter(|_| among.next().is_none())
}

/// The one number that was said: alone, or among a few other words.
fn the_number(said: &str) -> Option<f64> {
    let mut numbers = said.split_whitespace().filter_map(|word| word.parse::<f64>().ok().filter(|n| n.is_finite()));
    let number = numbers.next().filter(|_| numbers.next().is_none())?;
    (said.split_whitespace().count() <= 1 + WORDS_AROUND).then_some(number)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        let plans = || ArgumentKind::Enum(vec!["Free".to_owned(), "Pro plus".to_owned(), "Pro".to_owned()]);
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, said, expected) in [
            (plans(), text(" free "), Some(text("Free"))),
            (plans(), text("the free one, please"), Some(text("Free"))),
            (plans(), text("pro"), Some(text("Pro"))),
            (plans(), text("free or pro?"), None),
            (plans(), text("what does the free one cost if I pay by the year"), None),
            (plans(), text(""), None),
            (plans(), Value::Number(1.0), None),
            (ArgumentKind::Text, text(" Blue\nroom "), Some(text("Blue room"))),
            (ArgumentKind::Text, text("  "), None),
            (ArgumentKind::Text, Value::Bool(true), None),
            (ArgumentKind::Text, text(&"x".repeat(701)), None),
            (ArgumentKind::Number, text("12 seats"), Some(Value::Number(12.0))),
            (ArgumentKind::Number, text("-1.5"), Some(Value::Number(-1.5))),
            (ArgumentKind::Number, Value::Number(3.0), Some(Value::Number(3.0))),
            (ArgumentKind::Number, text("12 or 13"), None),
            (ArgumentKind::Number, text("inf"), None),
            (ArgumentKind::Number, text("1,000"), None),
            (ArgumentKind::Bool, text("true"), Some(Value::Bool(true))),
            (ArgumentKind::Bool, Value::Bool(false), Some(Value::Bool(false))),
            (ArgumentKind::Bool, text("maybe"), None),
        ] {
            let argument = Argument { name: "a".to_owned(), kind, ask: None };
            assert_eq!(argument.validate(&said).ok(), expected, "{argument:?} {said:?}");
        }
    }
}
