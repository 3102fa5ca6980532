//! An HTML table on its way to becoming a Markdown table.

/// Most columns that are kept.
const MAX_COLUMNS: usize = 64;

/// Rows gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    in_cell: bool,
}

impl Table {
    /// A row begins.
    pub(crate) fn row(&mut self) {
        self.in_cell = false;
        self.rows.push(Vec::new());
    }

    /// A cell begins.
    pub(crate) fn cell(&mut self) {
        if self.rows.is_empty() {
            self.rows.push(Vec::new());
        }
        if let Some(row) = self.rows.last_mut()
            && row.len() < MAX_COLUMNS
        {
            row.push(String::new());
        }
        self.in_cell = true;
    }

    /// A cell ends.
    pub(crate) fn end_cell(&mut self) {
        self.in_cell = false;
    }

    /// Text for the open cell; text between cells is dropped.
    pub(crate) fn push(&mut self, text: &str) {
        if self.in_cell
            && let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut())
        {
            cell.push_str(text);
        }
    }

    /// The table as Markdown, its first row as the header.
    pub(crate) fn to_markdown(&self) -> String {
        let rows: Vec<&Vec<String>> = self.rows.iter().filter(|row| !row.is_empty()).collect();
        let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut markdown = String::new();
        for (index, row) in rows.iter().enumerate() {
            for column in 0..columns {
                let cell = row.get(column).map(String::as_str).unwrap_or_default();
                markdown.push_str("| ");
                markdown.push_str(&escape(cell));
                markdown.push(' ');
            }
            markdown.push_str("|\n");
            if index == 0 {
                markdown.push_str(&"|---".repeat(columns));
                markdown.push_str("|\n");
            }
        }
        markdown
    }
}

/// One line in which no `|` is a border.
fn escape(cell: &str) -> String {
    let cell = cell.split_whitespace().collect::<Vec<_>>().join(" ");
    cell.replace("\\|", "|").replace('|', "\\|")
}
