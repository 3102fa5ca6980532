//! The files of the pages, inside the binary.

use super::router::Asset;

/// The try-it page.
pub(crate) const INDEX: Asset =
    Asset { content_type: "text/html; charset=utf-8", text: include_str!("try_it/index.html") };

/// Its script.
pub(crate) const SCRIPT: Asset =
    Asset { content_type: "text/javascript; charset=utf-8", text: include_str!("try_it/try-it.js") };

/// Its style sheet.
pub(crate) const STYLE: Asset =
    Asset { content_type: "text/css; charset=utf-8", text: include_str!("try_it/try-it.css") };

/// The style sheet of article pages.
pub(crate) const ARTICLE_STYLE: Asset =
    Asset { content_type: "text/css; charset=utf-8", text: include_str!("article/article.css") };
