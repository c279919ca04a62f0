//! A whole file.

use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::Target;
use super::{Look, Thing};
use crate::error::Result;

/// A file and what shall stand in it.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Thing for File<'_> {
    fn name(&self) -> String {
        self.path.into()
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.files([self.path.to_string()]);
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.file(self.path, self.text);
        Ok(())
    }
}

impl Draft<'_> {
    fn file(&mut self, path: &str, text: &str) {
        match self.state.file(path).is_some() && self.text_of(path).is_none() {
            true => self.plan.cannot(format!("write {path}"), self.no_text(path)),
            false => {
                let before = self.text_of(path).unwrap_or_default();
                self.replace(path, &before, text.to_string(), None);
            }
        }
    }
}
