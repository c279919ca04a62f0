//! Rows as an aligned table, and as HTML for notebooks.

use pyo3::prelude::*;
use smog::show::{steers, visible_line};

/// A row: columns with their texts.
type Row = Vec<(String, String)>;

/// The columns of all rows, in the order they come.
fn columns(rows: &[Row]) -> Vec<&str> {
    let mut columns: Vec<&str> = vec![];
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(&name.as_str()) {
            columns.push(name);
        }
    }
    columns
}

fn cell<'a>(row: &'a Row, column: &str) -> &'a str {
    row.iter().find(|(name, _)| name == column).map_or("", |(_, text)| text)
}

/// Rows as an aligned table; columns in which no row has anything are left out, and
/// `more` rows are only counted.
#[pyfunction]
pub fn text_table(rows: Vec<Row>, more: usize) -> String {
    let shown =
        |row: Row| row.into_iter().map(|(name, text)| (name, visible_line(&text).into_owned())).collect();
    let rows: Vec<Row> = rows.into_iter().map(shown).collect();
    let mut columns = columns(&rows);
    columns.retain(|column| rows.iter().any(|row| !cell(row, column).is_empty()));
    let width = |column: &&str| {
        let texts = rows.iter().map(|row| cell(row, column).chars().count());
        texts.max().unwrap_or(0).max(column.chars().count())
    };
    let widths: Vec<usize> = columns.iter().map(width).collect();
    let line = |texts: Vec<String>| {
        let padded = texts.iter().zip(&widths).map(|(text, width)| format!("{text:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let mut lines = vec![line(columns.iter().map(|column| column.to_uppercase()).collect())];
    lines.extend(
        rows.iter().map(|row| line(columns.iter().map(|column| cell(row, column).to_string()).collect())),
    );
    if more > 0 {
        lines.push(format!("… {more} more"));
    }
    lines.join("\n")
}

/// Rows as an HTML table: escaped, without script, colours or widths of its own.
#[pyfunction]
pub fn html_table(rows: Vec<Row>, more: usize) -> String {
    let columns = columns(&rows);
    let heads: String = columns.iter().map(|column| format!("<th>{}</th>", escaped(column))).collect();
    let body: String = rows
        .iter()
        .map(|row| {
            let cells: String =
                columns.iter().map(|column| format!("<td>{}</td>", escaped(cell(row, column)))).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    let rest = if more > 0 { format!("<p>… {more} more</p>") } else { String::new() };
    format!("<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{rest}")
}

/// One noun as an HTML table of two columns.
pub fn html_pairs(row: &[(&'static str, String)]) -> String {
    let lines: String = row
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(text)))
        .collect();
    format!("<table><tbody>{lines}</tbody></table>")
}

/// Text that HTML takes for text.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            hidden if steers(hidden) && !matches!(hidden, '\n' | '\t') => out.extend(hidden.escape_default()),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
