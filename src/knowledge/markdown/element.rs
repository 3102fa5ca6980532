//! What each element of HTML and JSX means for a text.

/// What becomes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It and all inside it is dropped.
    Hidden,
    /// Its alternative text stays.
    Image,
    /// A line break.
    Break,
    /// The end of a block.
    Rule,
    /// A heading of that level.
    Heading(usize),
    /// A list; numbered or not.
    List {
        /// Whether its items have numbers.
        numbered: bool,
    },
    /// An item of a list.
    Item,
    /// A table.
    Table,
    /// A row of a table.
    Row,
    /// A cell of a table.
    Cell,
    /// Text whose line breaks stay.
    Preformatted,
    /// Code within a line.
    Code,
    /// A link.
    Link,
    /// A block of its own.
    Block,
    /// Part of a line; its text stays.
    Inline,
    /// A component of JSX; a block when it begins a line.
    Component,
    /// No element that is known: perhaps a placeholder such as `<domain>`.
    Unknown,
}

/// The role of an element by its name as written.
pub(crate) fn role(name: &str) -> Role {
    let component = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_ascii_lowercase())
        || name.contains('.');
    if component || name.is_empty() {
        return if name == "Link" { Role::Link } else { Role::Component };
    }
    match name.to_ascii_lowercase().as_str() {
        "script" | "style" | "head" | "template" | "svg" | "video" | "audio" | "iframe" | "object" | "canvas"
        | "math" | "noscript" | "select" => Role::Hidden,
        "img" => Role::Image,
        "br" => Role::Break,
        "hr" => Role::Rule,
        "h1" => Role::Heading(1),
        "h2" => Role::Heading(2),
        "h3" => Role::Heading(3),
        "h4" => Role::Heading(4),
        "h5" => Role::Heading(5),
        "h6" => Role::Heading(6),
        "ul" | "menu" => Role::List { numbered: false },
        "ol" => Role::List { numbered: true },
        "li" => Role::Item,
        "table" => Role::Table,
        "tr" => Role::Row,
        "td" | "th" => Role::Cell,
        "pre" => Role::Preformatted,
        "code" | "kbd" | "samp" | "tt" => Role::Code,
        "a" => Role::Link,
        "html" | "body" | "p" | "div" | "section" | "article" | "main" | "header" | "footer" | "nav" | "aside"
        | "details" | "summary" | "figure" | "figcaption" | "blockquote" | "center" | "dl" | "dt" | "dd" | "form"
        | "fieldset" | "legend" | "address" | "hgroup" | "dialog" | "picture" => Role::Block,
        "abbr" | "acronym" | "b" | "bdi" | "bdo" | "big" | "button" | "caption" | "cite" | "col" | "colgroup"
        | "data" | "datalist" | "del" | "dfn" | "em" | "embed" | "font" | "i" | "input" | "ins" | "label" | "link"
        | "map" | "mark" | "meta" | "meter" | "optgroup" | "option" | "output" | "param" | "progress" | "q" | "rp"
        | "rt" | "ruby" | "s" | "slot" | "small" | "source" | "span" | "strike" | "strong" | "sub" | "sup"
        | "tbody" | "textarea" | "tfoot" | "thead" | "time" | "title" | "track" | "u" | "var" | "wbr" | "area"
        | "base" | "nobr" => Role::Inline,
        _ => Role::Unknown,
    }
}

/// Whether an element never has an end tag.
pub(crate) fn is_void(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}
