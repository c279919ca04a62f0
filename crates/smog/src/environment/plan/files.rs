//! Files of smog's own, and files whose text is replaced.

use super::draft::Draft;

impl Draft<'_> {
    /// A line in a file of smog's own.
    pub(in crate::environment) fn own_line(&mut self, path: &str, line: &str, then: Option<&str>) {
        let text = self.text_of(path).unwrap_or_default();
        if !text.lines().any(|other| other == line) {
            let head = if text.is_empty() { "# Made by smog; restoring removes it.\n" } else { "" };
            self.replace(path, &text, format!("{text}{head}{line}\n"), then);
        }
    }

    pub(in crate::environment) fn replace(
        &mut self,
        path: &str,
        text: &str,
        edited: String,
        then: Option<&str>,
    ) {
        if edited != text {
            let draft = self.draft(path);
            draft.text = edited;
            draft.only.push(&[]);
            // What several wants ask for is done for all of them.
            draft.then = match (draft.then.take(), then) {
                (Some(one), Some(other)) if !one.lines().any(|line| line == other) => {
                    Some(format!("{one}\n{other}"))
                }
                (one, other) => one.or_else(|| other.map(str::to_string)),
            };
        }
    }
}
