//! What the documents, docstrings and messages of the repository say in code.

pub mod commands;
pub mod flags;
mod rust;
pub mod settings;
pub mod shell;

use std::fmt;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A file and a line.
#[derive(Debug, Clone)]
pub struct Place {
    file: String,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Markdown,
    Python,
    Rust,
}

/// One file.
#[derive(Debug)]
pub struct Text {
    file: String,
    kind: Kind,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file below a folder, but what is built.
fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || name == "target" || name == "__pycache__" {
            continue;
        }
        match path.is_dir() {
            true => files(&path, all),
            false => all.push(path),
        }
    }
}

fn all_files() -> Vec<(String, PathBuf)> {
    let root = root();
    let mut all = Vec::new();
    files(&root, &mut all);
    let name = |path: &Path| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    let mut all: Vec<_> = all.into_iter().map(|path| (name(&path), path)).collect();
    all.sort();
    all
}

/// What people read: documents, Python's docstrings, Rust's doc comments and messages. The
/// changelog is history, and what tests say is for tests.
pub fn texts() -> Vec<Text> {
    let mut texts = Vec::new();
    for (file, path) in all_files() {
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("md") if file != "CHANGELOG.md" => Kind::Markdown,
            Some("py" | "pyi") if file.starts_with("python/smog/") => Kind::Python,
            Some("rs")
                if file.starts_with("crates/") && file.contains("/src/") && !file.ends_with("tests.rs") =>
            {
                Kind::Rust
            }
            _ => continue,
        };
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        texts.push(Text { file, kind, text });
    }
    assert!(texts.len() > 100, "only {} files", texts.len());
    texts
}

/// All that could read a variable.
pub fn sources() -> String {
    const FOLDERS: &[&str] = &["crates/", "lab/", "python/", "check", "bench", "demo", "faults/"];
    let is_source =
        |file: &str| !file.ends_with(".md") && FOLDERS.iter().any(|folder| file.starts_with(folder));
    let sources = all_files().into_iter().filter(|(file, _)| is_source(file));
    sources.filter_map(|(_, path)| std::fs::read_to_string(path).ok()).collect()
}

impl Text {
    /// Whether it is written as a document, rather than in a source.
    pub fn is_prose(&self) -> bool {
        self.kind == Kind::Markdown
    }

    /// Whether it is of the Python face, whose attributes look like settings.
    pub fn is_of_python(&self) -> bool {
        self.kind == Kind::Python || self.file.starts_with("crates/smog-py/")
    }

    fn place(&self, at: usize) -> Place {
        Place { file: self.file.clone(), line: self.text[..at].matches('\n').count() + 1 }
    }

    /// The parts that people read, each with where it begins. Blocks of Markdown are none.
    fn parts(&self) -> Vec<(usize, String)> {
        match self.kind {
            Kind::Python => python_parts(&self.text),
            Kind::Markdown => {
                let mut parts = vec![(0, String::new())];
                let (mut fenced, mut at) = (false, 0);
                for line in self.text.split_inclusive('\n') {
                    if line.trim_start().starts_with("```") {
                        fenced = !fenced;
                        parts.push((at + line.len(), String::new()));
                    } else if let (false, Some((_, part))) = (fenced, parts.last_mut()) {
                        part.push_str(line);
                    }
                    at += line.len();
                }
                parts
            }
            Kind::Rust => rust::parts(&self.text),
        }
    }

    /// Sentences for people: documents without their blocks, docstrings, doc comments and messages. What
    /// stands between backticks is left out: names of code may be anything.
    pub fn sentences(&self) -> Vec<(Place, String)> {
        let parts = match self.kind {
            Kind::Rust => rust::prose(&self.text),
            Kind::Markdown => self.parts(),
            Kind::Python => docstrings(&self.text),
        };
        let without_code = |part: &str| part.split('`').step_by(2).collect::<Vec<_>>().join("``");
        parts.into_iter().map(|(at, part)| (self.place(at), without_code(&part))).collect()
    }

    /// Whether it is a source of the core.
    pub fn is_of_the_core(&self) -> bool {
        self.file.starts_with("crates/smog/src/")
    }

    /// Whether it is this file.
    pub fn is(&self, file: &str) -> bool {
        self.file == file
    }

    /// Whether it is one of these files, or in one of these folders.
    pub fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.file.starts_with(place))
    }

    /// What stands between backticks.
    pub fn spans(&self) -> Vec<(Place, String)> {
        self.spans_of(self.parts())
    }

    /// What stands between backticks in the messages of a Rust source.
    pub fn messages(&self) -> Vec<(Place, String)> {
        self.spans_of(rust::messages(&self.text))
    }

    fn spans_of(&self, parts: Vec<(usize, String)>) -> Vec<(Place, String)> {
        let mut spans = Vec::new();
        for (begin, part) in parts {
            let place = self.place(begin);
            let mut line = place.line;
            for (number, piece) in part.split('`').enumerate() {
                if number % 2 == 1 {
                    let code = piece.split_whitespace().collect::<Vec<_>>().join(" ");
                    spans.push((Place { line, ..place.clone() }, code));
                }
                line += piece.matches('\n').count();
            }
        }
        spans
    }

    /// What stands between backticks, and what is typed in blocks.
    pub fn code(&self) -> Vec<(Place, String)> {
        [self.spans(), self.block_lines()].concat()
    }

    /// Lines of blocks that are typed: all of `sh` blocks, those behind `$` of others.
    fn block_lines(&self) -> Vec<(Place, String)> {
        if self.kind != Kind::Markdown {
            return Vec::new();
        }
        let (mut lines, mut block) = (Vec::new(), None::<&str>);
        for (number, line) in self.text.lines().enumerate() {
            let place = Place { file: self.file.clone(), line: number + 1 };
            let trimmed = line.trim_start();
            match (block, trimmed.strip_prefix("```")) {
                (None, Some(name)) => block = Some(name),
                (Some(_), Some(_)) => block = None,
                (Some("sh" | "bash"), None) => lines.push((place, line.to_string())),
                _ => lines.extend(trimmed.strip_prefix("$ ").map(|typed| (place, typed.to_string()))),
            }
        }
        lines
    }

    /// What is typed behind `$`.
    pub fn console_lines(&self) -> Vec<(Place, String)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let is_typed =
            |place: &Place| lines.get(place.line - 1).is_some_and(|line| line.trim_start().starts_with("$ "));
        self.block_lines().into_iter().filter(|(place, _)| is_typed(place)).collect()
    }

    /// Variables of smog's own.
    pub fn variables(&self) -> Vec<(Place, String)> {
        let names = Regex::new(r"\bSMOG_[A-Z][A-Z_]*[A-Z]\b").expect("a pattern");
        names
            .find_iter(&self.text)
            .map(|name| (self.place(name.start()), name.as_str().to_string()))
            .collect()
    }
}

/// Docstrings alone.
fn docstrings(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    for (number, piece) in text.split("\"\"\"").enumerate() {
        if number % 2 == 1 {
            found.push((at, piece.replace("``", "`")));
        }
        at += piece.len() + 3;
    }
    found
}

/// Docstrings, and the lines of code between them.
fn python_parts(text: &str) -> Vec<(usize, String)> {
    let (mut parts, mut at) = (Vec::new(), 0);
    for (number, piece) in text.split("\"\"\"").enumerate() {
        if number % 2 == 1 {
            parts.push((at, piece.replace("``", "`")));
        } else {
            let mut begin = at;
            for line in piece.split_inclusive('\n') {
                parts.push((begin, line.replace("``", "`")));
                begin += line.len();
            }
        }
        at += piece.len() + 3;
    }
    parts.retain(|(_, part)| part.contains('`'));
    parts
}
