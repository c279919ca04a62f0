//! Keys of files without sections: `--set libvirtd.conf:listen_tls=0`.

use super::super::plain;
use super::super::plan::Draft;
use super::super::state::{HostState, config_files, readers};
use super::super::wish::Target;
use super::{Look, Thing};
use crate::error::Result;

/// A key of a `key = value` file.
pub(super) struct Key<'a> {
    pub(super) file: &'a str,
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

impl Thing for Key<'_> {
    fn name(&self) -> String {
        format!("{}:{}", self.file, self.key)
    }

    fn look(&self, host: &HostState, target: &Target, look: &mut Look) {
        look.files(config_files(host, target, self.file));
    }

    fn plan(&self, target: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.key(target, self.file, self.key, self.value);
        Ok(())
    }
}

impl Draft<'_> {
    fn key(&mut self, target: &Target, file: &str, key: &str, value: &str) {
        let path = match file.starts_with('/') {
            true => Some(file.to_string()),
            false => readers(self.state, target, file).into_iter().find_map(|role| {
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
}
