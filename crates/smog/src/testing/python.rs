//! Tests in Python as cases: pytest says which there are, and runs each in a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::Deserialize;
use tokio::process::Command;

use super::{Amount, Case, Claims, Need, Test};
use crate::error::{Error, Result};

/// How Python is called: which one, and how its tests log in.
#[derive(Debug, Clone, Default)]
pub struct Python {
    /// The interpreter that has smog's package and pytest.
    pub program: PathBuf,
    /// Further arguments of pytest, such as `--smog-cloud NAME`.
    pub arguments: Vec<String>,
    /// Variables, in addition to those of this process.
    pub variables: Vec<(String, String)>,
}

/// A test that pytest has found.
#[derive(Debug, Clone, Deserialize)]
struct Found {
    id: String,
    root: PathBuf,
    parts: Vec<String>,
    doc: String,
    #[serde(default)]
    claims: Wanted,
}

/// The keywords of the marker `smog_claims`, or the needs of a file in `configs`.
#[derive(Debug, Clone, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    hosts: usize,
    #[serde(default)]
    dedicated: u64,
    /// MiB, or whether there are any.
    #[serde(default)]
    pages: serde_json::Value,
    #[serde(default)]
    alone: bool,
}

/// How a test ended.
#[derive(Debug, Deserialize)]
struct Ended {
    outcome: String,
    why: String,
    requests: Vec<String>,
}

/// A case's body is a function without a state of its own: it finds its test here, by its name.
static KNOWN: LazyLock<Mutex<BTreeMap<&'static str, (Python, Found)>>> = LazyLock::new(Mutex::default);

/// The tests below these files and folders, as cases: named FILE.CLASS.TEST or FILE.TEST, with the
/// claims of their marker `smog_claims`. Their names and documents stay in memory until the process ends.
///
/// # Errors
/// [`Error::Missing`] when the interpreter has not smog's package or pytest, [`Error::Fault`] with pytest's
/// words when a file cannot be read, [`Error::Invalid`] when there is no test.
pub async fn python_cases(python: &Python, paths: &[PathBuf]) -> Result<Vec<Case>> {
    let folder = scratch()?;
    let list = folder.path().join("tests");
    let mut command = pytest(python);
    command.args(["--collect-only", "--smog-collect"]).arg(&list).args(paths);
    let output = command.output().await.map_err(|why| missing(&python.program, &why.to_string()))?;
    let words = || format!("{}{}", text(&output.stdout), text(&output.stderr)).trim().to_string();
    let Ok(lines) = std::fs::read_to_string(&list) else {
        let said = words();
        if said.contains("No module named") || said.contains("Error importing plugin") {
            return Err(missing(&python.program, said.lines().last().unwrap_or_default()));
        }
        return Err(refused(said));
    };
    if !output.status.success() && output.status.code() != Some(5) {
        return Err(refused(words()));
    }
    let mut cases: Vec<Case> = Vec::new();
    for line in lines.lines() {
        let found: Found = serde_json::from_str(line)
            .map_err(|why| refused(format!("a test is not described as smog knows it: {why}")))?;
        let case = case_of(&found);
        if cases.iter().any(|other| other.name == case.name) {
            return Err(Error::Invalid {
                what: format!("test `{}`", case.name),
                why: "there are two of this name".into(),
                hint: Some("rename one of the files or tests".into()),
            });
        }
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(case.name, (python.clone(), found));
        cases.push(case);
    }
    if cases.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(Error::Invalid {
            what: paths.join(", "),
            why: "pytest finds no test there".into(),
            hint: Some("tests are functions test_… in files test_….py".into()),
        });
    }
    Ok(cases)
}

fn case_of(found: &Found) -> Case {
    // A dot would be a level of the name, an asterisk a pattern.
    let parts = found.parts.iter().map(|part| part.replace(['.', '*', '?'], "_"));
    let name: &'static str = parts.collect::<Vec<_>>().join(".").leak();
    let doc: &'static str = found.doc.clone().leak();
    let wanted = &found.claims;
    let mut needs = Vec::new();
    if wanted.hosts > 0 {
        needs.push(Need::ComputeHosts(wanted.hosts));
    }
    if wanted.dedicated > 0 {
        needs.push(Need::DedicatedCpus(wanted.dedicated));
    }
    let pages_mib = match &wanted.pages {
        serde_json::Value::Number(mib) => mib.as_u64().unwrap_or(128),
        serde_json::Value::Bool(true) => 128,
        _ => 0,
    };
    let claims = Claims {
        hosts: wanted.hosts,
        dedicated: Amount::Some(wanted.dedicated),
        pages_mib: Amount::Some(pages_mib),
        alone: wanted.alone,
        ..Claims::ONE_GUEST
    };
    Case::new(name, doc, |t| Box::pin(run(t))).tags(&["python"]).needs(needs.leak()).claims(claims)
}

/// Run a test by pytest, and take over how it ended.
async fn run(t: &mut Test) -> Result<()> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(t.name()).cloned();
    let Some((python, found)) = known else {
        return Err(refused(format!("the test `{}` is not known any more", t.name())));
    };
    let folder = scratch()?;
    let file = folder.path().join("outcome");
    let mut command = pytest(&python);
    command.current_dir(&found.root).arg("--smog-outcome").arg(&file).arg(&found.id);
    t.step(format!("pytest {}", found.id));
    let output = command.output().await.map_err(|why| missing(&python.program, &why.to_string()))?;
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    let ended = std::fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Ended>(&bytes).ok());
    let Some(ended) = ended else {
        return Err(refused(said.trim().to_string()));
    };
    t.belongs_to(ended.requests);
    match ended.outcome.as_str() {
        "skipped" => t.skip(ended.why),
        "passed" | "failed" => {
            let passed = ended.outcome == "passed";
            t.check(found.id, passed, if passed { "it passed".to_string() } else { ended.why }, "it passes");
            Ok(())
        }
        _ => Err(refused(ended.why)),
    }
}

fn pytest(python: &Python) -> Command {
    let mut command = Command::new(&python.program);
    command
        .args([
            "-m",
            "pytest",
            "-q",
            "--no-header",
            "--tb=short",
            "-p",
            "no:cacheprovider",
            "-p",
            "smog.pytest_runner",
        ])
        .args(&python.arguments)
        .envs(python.variables.iter().cloned())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn scratch() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|why| Error::Invalid {
        what: "a temporary folder".into(),
        why: why.to_string(),
        hint: None,
    })
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn missing(python: &Path, why: &str) -> Error {
    Error::Missing {
        host: "localhost".into(),
        program: format!("pytest with smog's package, for {}: {why}", python.display()),
        hint: format!("`{} -m pip install smog pytest`", python.display()).into(),
    }
}

fn refused(said: String) -> Error {
    Error::Fault { what: "pytest".into(), fault: said, host: None, request_id: None, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_of_pytest_is_a_case_with_its_claims() {
        let line = r#"{"id": "t/test_a.py::test_x[1.5]", "root": "/r", "parts": ["test_a", "test_x[1.5]"],
            "doc": "It is so.\n\nWhy.", "claims": {"hosts": 2, "dedicated": 1, "pages": true, "admin": true}}"#;
        let case = case_of(&serde_json::from_str(line).expect("a test"));
        assert_eq!((case.name, case.summary()), ("test_a.test_x[1_5]", "It is so."));
        assert_eq!(case.needs, [Need::ComputeHosts(2), Need::DedicatedCpus(1)]);
        assert_eq!(case.claims, Claims::TWO_HOSTS.dedicated(1).pages_mib(128));
        let plain = r#"{"id": "x", "root": "/r", "parts": ["a", "B", "c"], "doc": ""}"#;
        let case = case_of(&serde_json::from_str(plain).expect("a test"));
        assert_eq!((case.name, case.claims.hosts, case.needs.len()), ("a.B.c", 0, 0));
    }
}
