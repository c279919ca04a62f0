//! Records into files: one for each host and log, with the time of the beginning in its name.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::record::Record;
use crate::error::{Error, Result};

/// Writes each record into the file of its host and log.
#[derive(Debug)]
pub struct Save {
    folder: PathBuf,
    /// `2026-11-24-10-31-45`, as the original stamped its files.
    stamp: String,
    files: HashMap<(String, String), File>,
}

impl Save {
    /// Into this folder, which is made when it is not there.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be made.
    pub fn into(folder: &Path) -> Result<Save> {
        let stamp = Zoned::now().strftime("%Y-%-m-%-d-%-H-%-M-%-S").to_string();
        crate::record_folder(folder)?;
        Ok(Save { folder: folder.into(), stamp, files: HashMap::new() })
    }

    /// Write a record.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the file cannot be written.
    pub fn record(&mut self, record: &Record) -> Result<()> {
        let key = (record.host.clone(), record.source.clone());
        let path = self.path(&record.host, &record.source);
        let file = match self.files.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
                entry.insert(file.map_err(|why| failed(&path, &why))?)
            }
        };
        file.write_all(format!("{}\n", record.text).as_bytes()).map_err(|why| failed(&path, &why))
    }

    /// The files written so far.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            self.files.keys().map(|(host, source)| self.path(host, source)).collect();
        paths.sort();
        paths
    }

    fn path(&self, host: &str, source: &str) -> PathBuf {
        let short = source.rsplit('/').next().unwrap_or(source);
        let short = short.strip_suffix(".log").unwrap_or(short);
        let plain = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_alphanumeric() || "-_.@".contains(c) { c } else { '_' })
                .take(80)
                .collect()
        };
        self.folder.join(format!("{}-{}-{}.log", plain(host), plain(short), self.stamp))
    }
}

fn failed(path: &Path, why: &std::io::Error) -> Error {
    Error::Invalid { what: path.display().to_string(), why: why.to_string(), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_each_host_and_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut save = Save::into(&folder.path().join("new/deep")).expect("made");
        for (host, source, text) in
            [("a", "/x/nova.log", "1"), ("b", "/x/nova.log", "2"), ("a", "/x/nova.log", "3")]
        {
            let record =
                Record { host: host.into(), source: source.into(), text: text.into(), ..Record::default() };
            save.record(&record).expect("written");
        }
        let paths = save.paths();
        assert_eq!(paths.len(), 2);
        assert_eq!(std::fs::read_to_string(&paths[0]).expect("read"), "1\n3\n");
        assert!(Save::into(Path::new("/proc/no")).is_err());
    }
}
