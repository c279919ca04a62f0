//! Differences of two texts for people, secrets hidden.

use similar::{ChangeTag, TextDiff};

use crate::redact::config_line;

/// A unified diff, or nothing when the texts are the same. Bytes that are not UTF-8 become `�`.
pub fn unified(from: &str, to: &str, before: &[u8], after: &[u8]) -> String {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    if before == after {
        return String::new();
    }
    let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
    let mut text = format!("--- {from}\n+++ {to}\n");
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        text.push_str(&format!("{}\n", hunk.header()));
        let mut hidden = false;
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value();
            let shown = match hidden && continues(line) {
                true => " (hidden)\n".to_string(),
                false => config_line(line),
            };
            hidden = shown.trim_end().ends_with("(hidden)");
            text.push(sign);
            text.push_str(&shown);
            if !shown.ends_with('\n') {
                text.push_str("\n\\ no line end at the end of the file\n");
            }
        }
    }
    text
}

/// Whether a text is the continuation of the line before.
fn continues(line: &str) -> bool {
    line.starts_with([' ', '\t']) && !line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_changed_secret_shows_that_it_changed_and_no_more() {
        let before = b"[a]\npassword = one\nb = 1\n";
        let after = b"[a]\npassword = two\n  three\nb = 2";
        let text = unified("a", "b", before, after);
        assert!(!text.contains("one") && !text.contains("two") && !text.contains("three"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"-password = (hidden)") && lines.contains(&"+password = (hidden)"), "{text}");
        assert!(text.contains("-b = 1\n") && text.contains("+b = 2\n\\ no line end"), "{text}");
        assert_eq!(unified("a", "b", before, before), "");
    }
}
