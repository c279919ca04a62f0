//! Where a run is kept, so that it can be looked at and its failures run again.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::testing::{Outcome, RunId, RunReport};

/// The name of a run's own file, in its folder.
const FILE: &str = "run.json";

/// The name of the file that says which run was the last.
const LAST: &str = "last";

/// Keep a run: `LOG_DIR/runs/RUN/run.json`, and its id in `LOG_DIR/runs/last`. Each file is
/// written whole or not at all. Returns the path of the run's file.
///
/// # Errors
/// [`Error::Invalid`] where a file cannot be written, or the run's id is none.
pub fn store(report: &RunReport, log_dir: &Path) -> Result<PathBuf> {
    let runs = log_dir.join("runs");
    if !is_id(&report.run) {
        return Err(cannot_write(&runs, format!("`{}` is not the id of a run", report.run)));
    }
    let folder = runs.join(&report.run.0);
    crate::record_folder(log_dir)?;
    crate::private_folder(&folder)?;
    let path = folder.join(FILE);
    let json = serde_json::to_string(report).map_err(|why| cannot_write(&path, why.to_string()))?;
    write_whole(&path, &(json + "\n"))?;
    write_whole(&runs.join(LAST), &format!("{}\n", report.run))?;
    Ok(path)
}

/// The run that was stored last below this folder; none when there was none yet.
///
/// # Errors
/// [`Error::Config`] that names the file which cannot be read.
pub fn last(log_dir: &Path) -> Result<Option<RunReport>> {
    let pointer = log_dir.join("runs").join(LAST);
    let id = match std::fs::read_to_string(&pointer) {
        Ok(text) => RunId(text.trim().to_string()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(damaged(&pointer, why.to_string())),
    };
    if !is_id(&id) {
        return Err(damaged(&pointer, "does not hold the id of a run".into()));
    }
    load(&log_dir.join("runs").join(id.0)).map(Some)
}

/// A stored run: of its file, or of its folder.
///
/// # Errors
/// [`Error::Config`] that names the file and the place in it.
pub fn load(path: &Path) -> Result<RunReport> {
    let path = if path.is_dir() { path.join(FILE) } else { path.to_path_buf() };
    let text = std::fs::read_to_string(&path).map_err(|why| damaged(&path, why.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|why| damaged(&path, format!("is not a stored run: {}", crate::json_words(&why))))
}

impl RunReport {
    /// The cases that did not come to a good end: failed, broken, interrupted, or passed and
    /// left something behind. In the order they were asked for.
    pub fn failed_names(&self) -> Vec<String> {
        let again =
            |case: &&crate::testing::CaseReport| case.is_bad() || case.outcome == Outcome::Interrupted;
        self.cases.iter().filter(again).map(|case| case.name.clone()).collect()
    }
}

/// A run's id becomes the name of a folder, so nothing else may.
fn is_id(run: &RunId) -> bool {
    RunId::of(&run.prefix()).as_ref() == Some(run)
}

fn write_whole(path: &Path, content: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Mode 0600, as a temporary file has it: what a run records of a cloud is the user's own.
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|why| why.error)
    });
    written.map(drop).map_err(|why| cannot_write(path, why.to_string()))
}

fn cannot_write(path: &Path, why: String) -> Error {
    Error::Invalid {
        what: format!("report {}", path.display()),
        why,
        hint: Some("name a folder that can be written for the logs".into()),
    }
}

fn damaged(path: &Path, message: String) -> Error {
    Error::Config {
        place: path.display().to_string(),
        message,
        hint: Some("delete it and run the cases again".into()),
    }
}
