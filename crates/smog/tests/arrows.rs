//! Dependencies between the modules point one way: down the list in ARCHITECTURE.md. Names that the
//! crate's root re-exports, and paths inside expressions, count as well as `use` lines. The faces have no
//! order, but no circle either; and no file is too long to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;

/// From the bottom to the top. A module may use those before it, and of those beside it any that do
/// not use it.
const ORDER: &[&[&str]] = &[
    &[
        "error",
        "exit",
        "hex",
        "hint",
        "near",
        "quote",
        "cpuset",
        "wait",
        "show",
        "private_folder",
        "some_of",
        "json_words",
    ],
    &["config", "flavor", "oslo", "redact"],
    &["host"],
    &["libvirt"],
    &["cloud"],
    &["guest"],
    &["watch", "environment", "findings"],
    &["trace", "guru", "triage", "topology", "doctor"],
    &["explain", "why_not"],
    &["recording"],
    &["testing"],
    &["suites"],
];

fn level(module: &str) -> Option<usize> {
    ORDER.iter().position(|level| level.contains(&module))
}

/// Which module each name of the crate's root comes from: `Guest` from `guest`.
fn re_exports(lib: &str) -> BTreeMap<String, String> {
    let line = Regex::new(r"(?m)^pub use (\w+)(?:::\w+)*::(?:\{([^}]*)\}|(\w+));").expect("a pattern");
    let mut names = BTreeMap::new();
    for found in line.captures_iter(lib) {
        let list = found.get(2).or(found.get(3)).map_or("", |list| list.as_str());
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let name = name.rsplit(" as ").next().unwrap_or(name);
            names.insert(name.to_string(), found[1].to_string());
        }
    }
    names
}

/// The modules a file uses. Its comments and its own tests do not count.
fn used(text: &str, names: &BTreeMap<String, String>) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod").next().unwrap_or(text);
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect();
    let code = code.join("\n");
    let path = Regex::new(r"\bcrate::(?:(\w+)|\{([^}]*)\})").expect("a pattern");
    let mut modules = BTreeSet::new();
    for found in path.captures_iter(&code) {
        let list = found.get(1).or(found.get(2)).map_or("", |list| list.as_str());
        for name in list.split(',').map(str::trim) {
            let name = name.split("::").next().unwrap_or(name);
            modules.insert(names.get(name).cloned().unwrap_or_else(|| name.to_string()));
        }
    }
    modules
}

/// What points up, and what points both ways between two modules of a level.
fn wrong(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, used) in uses {
        let own = level(module).unwrap_or_else(|| panic!("module `{module}` has no place in ORDER"));
        for other in used.iter().filter(|other| *other != module) {
            let back = uses.get(other).is_some_and(|used| used.contains(module));
            match level(other) {
                Some(level) if level > own => {
                    wrong.push(format!("`{module}` uses `{other}`, which is above it"))
                }
                Some(level) if level == own && back => {
                    wrong.push(format!("`{module}` and `{other}` use each other"));
                }
                _ => {}
            }
        }
    }
    wrong
}

/// All Rust files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            let is_rust = path.extension().is_some_and(|kind| kind == "rs");
            match path.is_dir() {
                true if path.file_name().is_some_and(|name| name == "target") => {}
                true => folders.push(path),
                false if is_rust => files.push(path),
                false => {}
            }
        }
    }
    files
}

/// What each top module of a crate uses. Tests do not count.
fn uses(root: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let names = re_exports(&std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs"));
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files_below(root) {
        let inside = path.strip_prefix(root).expect("below src").with_extension("");
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if parts.iter().any(|part| part == "tests") || ["lib", "main"].contains(&parts[0].as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("source text");
        uses.entry(parts[0].clone()).or_default().extend(used(&text, &names));
    }
    uses
}

#[test]
fn nothing_points_up() {
    let uses = uses(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(uses.len() > 20, "only {} modules were looked at", uses.len());
    let wrong = wrong(&uses);
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

/// The modules that are in a circle: what is left when those that use none of the others are taken away.
fn circle(mut uses: BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    loop {
        let all: BTreeSet<String> = uses.keys().cloned().collect();
        let is_free = |module: &str, used: &BTreeSet<String>| {
            !used.iter().any(|other| other != module && all.contains(other))
        };
        let before = uses.len();
        uses.retain(|module, used| !is_free(module, used));
        if uses.len() == before {
            return all.into_iter().collect();
        }
    }
}

#[test]
fn the_faces_have_no_circles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["smog-cli", "smog-py", "smog-fake-cloud"] {
        let uses = uses(&crates.join(name).join("src"));
        assert!(uses.len() >= 5, "only {} modules of {name} were looked at", uses.len());
        let circle = circle(uses);
        assert!(circle.is_empty(), "modules of {name} that use each other, or use those: {circle:?}");
    }
}

/// A longer file has more than one subject.
const MOST_LINES: usize = 500;

#[test]
fn no_file_is_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files: Vec<PathBuf> =
        ["crates", "examples", "faults"].iter().flat_map(|folder| files_below(&root.join(folder))).collect();
    assert!(files.len() > 400, "only {} files were looked at", files.len());
    let mut long: Vec<String> = Vec::new();
    for path in files {
        let lines = std::fs::read_to_string(&path).expect("source text").lines().count();
        if lines > MOST_LINES {
            long.push(format!("{}: {lines} lines", path.strip_prefix(&root).expect("below it").display()));
        }
    }
    assert!(long.is_empty(), "files above {MOST_LINES} lines, to be split by subject:\n{}", long.join("\n"));
}

#[test]
fn every_way_to_use_a_module_is_seen() {
    let names = re_exports("pub use guest::Guest;\npub use error::{Error, Result};\n");
    let of = |text: &str| used(text, &names).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(of("use crate::guest::Guest;"), "guest");
    assert_eq!(of("use crate::Guest;"), "guest");
    assert_eq!(of("use crate::{Error, Guest, host::Host};"), "error guest host");
    assert_eq!(of("fn a() { crate::testing::b() } // crate::suites"), "testing");
    assert_eq!(of("#[cfg(test)]\nmod tests { use crate::suites; }"), "");
    let uses = |pairs: &[(&str, &str)]| {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (one, other) in pairs {
            uses.entry(one.to_string()).or_default().insert(other.to_string());
        }
        wrong(&uses)
    };
    assert_eq!(uses(&[("cloud", "guest")]), ["`cloud` uses `guest`, which is above it"]);
    assert!(uses(&[("watch", "environment"), ("guest", "cloud")]).is_empty());
    assert_eq!(uses(&[("watch", "environment"), ("environment", "watch")]).len(), 2);

    let all = |pairs: &[(&str, &str)]| {
        let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (one, other) in pairs {
            uses.entry(other.to_string()).or_default();
            uses.entry(one.to_string()).or_default().insert(other.to_string());
        }
        circle(uses)
    };
    assert!(all(&[("a", "a"), ("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    assert_eq!(all(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]), ["a", "b", "c"]);
}
