//! The kinds of object that authors write, one folder each.

use std::fmt;

/// A kind of object, and thereby a folder of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A help article.
    Article,
    /// A Custom Answer.
    Answer,
    /// A changelog post.
    Post,
    /// An experience of any of the seven kinds.
    Experience,
    /// An automation.
    Automation,
    /// A saved audience.
    Segment,
    /// A behaviour trigger.
    Trigger,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Article, Self::Answer, Self::Post, Self::Experience, Self::Automation, Self::Segment, Self::Trigger];

    /// Its folder in a project.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Article => "articles",
            Self::Answer => "answers",
            Self::Post => "posts",
            Self::Experience => "experiences",
            Self::Automation => "automations",
            Self::Segment => "segments",
            Self::Trigger => "triggers",
        }
    }

    /// The kind whose folder has that name.
    pub fn of_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.folder() == folder)
    }

    /// The endings of its files, the usual one first.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Article => &["md", "mdx", "html", "htm"],
            Self::Answer | Self::Post => &["md"],
            Self::Experience | Self::Automation | Self::Segment | Self::Trigger => &["yaml", "yml"],
        }
    }

    /// The code of a diagnostic about an id of this kind that does not exist.
    pub fn unknown_code(self) -> &'static str {
        match self {
            Self::Article => "unknown-article",
            Self::Answer => "unknown-answer",
            Self::Post => "unknown-post",
            Self::Experience => "unknown-experience",
            Self::Automation => "unknown-automation",
            Self::Segment => "unknown-segment",
            Self::Trigger => "unknown-trigger",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Article => "article",
            Self::Answer => "Custom Answer",
            Self::Post => "post",
            Self::Experience => "experience",
            Self::Automation => "automation",
            Self::Segment => "segment",
            Self::Trigger => "trigger",
        })
    }
}
