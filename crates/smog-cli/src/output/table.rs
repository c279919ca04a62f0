//! Rows as an aligned table. On a terminal, cells are cut so that a row stays one line.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::stream;

/// Between two columns.
const GAP: usize = 2;
/// No column is cut to less than this.
const LEAST: usize = 8;

/// The table of these cells (each of one line); `keep_empty` also shows columns in which no row
/// has anything, `whole` cuts nothing.
pub fn table(names: &[&str], rows: &[Vec<String>], keep_empty: bool, whole: bool) -> String {
    let width = Table::new().width().map(usize::from).filter(|_| !whole && stream::out_is_terminal());
    table_of_width(names, rows, keep_empty, width)
}

fn table_of_width(names: &[&str], rows: &[Vec<String>], keep_empty: bool, most: Option<usize>) -> String {
    let shown: Vec<usize> = (0..names.len())
        .filter(|at| keep_empty || *at == 0 || rows.iter().any(|row| !row[*at].is_empty()))
        .collect();
    let widths: Vec<usize> = shown
        .iter()
        .map(|at| rows.iter().map(|row| row[*at].width()).max().unwrap_or(0).max(names[*at].width()))
        .collect();
    let least: Vec<usize> = shown.iter().map(|at| names[*at].width().max(LEAST)).collect();
    let widths = match most {
        Some(most) => fitting(widths, &least, most),
        None => widths,
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(
        shown.iter().map(|at| Cell::new(names[*at].to_uppercase()).add_attribute(Attribute::Dim)),
    );
    for row in rows {
        table.add_row(
            shown.iter().zip(&widths).map(|(at, width)| coloured(names[*at], &cut(&row[*at], *width))),
        );
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    if stream::out_takes_colours() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_string()).collect();
    lines.join("\n") + "\n"
}

/// Widths that together fit, the widest made smaller first; too wide still where nothing can
/// be cut.
fn fitting(mut widths: Vec<usize>, least: &[usize], most: usize) -> Vec<usize> {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > most {
        let can_be_cut = (0..widths.len()).filter(|at| widths[*at] > least[*at]);
        let Some(widest) = can_be_cut.max_by_key(|at| widths[*at]) else { break };
        widths[widest] -= 1;
    }
    widths
}

/// At most this wide, with `…` in place of what is cut.
fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_string();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() + 1 > most {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// Colour repeats what the word says; it never says anything alone.
fn coloured(column: &str, text: &str) -> Cell {
    let cell = Cell::new(text);
    match (column, text) {
        ("status" | "state", "ACTIVE" | "up" | "completed") => cell.fg(Color::Green),
        ("status" | "state", text) if text.starts_with("ERROR") || text == "down" => cell.fg(Color::Red),
        ("agrees", "NO") => cell.fg(Color::Red),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| cell.to_string()).collect()).collect()
    }

    #[test]
    fn empty_columns_are_left_out_of_the_calm_table() {
        let rows = rows(&[&["web", ""], &["db", ""]]);
        assert_eq!(table_of_width(&["name", "pages"], &rows, false, None), "NAME\nweb\ndb\n");
        assert_eq!(table_of_width(&["name", "pages"], &rows, true, None), "NAME  PAGES\nweb\ndb\n");
    }

    #[test]
    fn long_cells_are_cut_where_a_row_would_not_fit() {
        let rows = rows(&[&["web", "a fault of many words that goes on", "x"], &["日本語日本語", "b", "y"]]);
        assert_eq!(
            table_of_width(&["name", "fault", "z"], &rows, false, Some(30)),
            "NAME          FAULT          Z\nweb           a fault of m…  x\n日本語日本語  b              y\n"
        );
        // Where nothing more can be cut, the row is too long rather than unreadable.
        let shown = table_of_width(&["name", "fault", "z"], &rows, false, Some(5));
        assert!(shown.contains("a fault…"), "{shown}");
    }
}
