//! Files that are not oslo.config's: `key = value` files and files of smog's own.

use super::super::plain;
use super::super::state::reader;
use super::super::wish::Target;
use super::draft::Draft;

impl Draft<'_> {
    pub(super) fn key(&mut self, target: &Target, file: &str, key: &str, value: &str) {
        let path = match file.starts_with('/') {
            true => Some(file.to_string()),
            false => reader(self.state, target, file).and_then(|role| {
                let files = self.state.configs.get(&role)?;
                files.iter().find(|path| path.rsplit('/').next() == Some(file)).cloned()
            }),
        };
        let text = path.as_ref().and_then(|path| Some((path.clone(), self.text_of(path)?)));
        match text {
            Some((path, text)) => {
                let edited = plain::set(&text, key, value);
                self.replace(&path, &text, edited, None);
            }
            None => self.plan.cannot(format!("set {key}"), format!("there is no {file}")),
        }
    }

    /// A whole file.
    pub(super) fn file(&mut self, path: &str, text: &str) {
        match self.state.file(path).is_some() && self.text_of(path).is_none() {
            true => self.plan.cannot(format!("write {path}"), self.no_text(path)),
            false => {
                let before = self.text_of(path).unwrap_or_default();
                self.replace(path, &before, text.to_string(), None);
            }
        }
    }

    /// A line in a file of smog's own.
    pub(super) fn own_line(&mut self, path: &str, line: &str, then: Option<&str>) {
        let text = self.text_of(path).unwrap_or_default();
        if !text.lines().any(|other| other == line) {
            let head = if text.is_empty() { "# Made by smog; `smog restore` takes it away.\n" } else { "" };
            self.replace(path, &text, format!("{text}{head}{line}\n"), then);
        }
    }

    pub(super) fn replace(&mut self, path: &str, text: &str, edited: String, then: Option<&str>) {
        if edited != text {
            let draft = self.draft(path);
            draft.text = edited;
            draft.only.push(None);
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
