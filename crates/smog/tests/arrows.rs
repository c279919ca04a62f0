//! Dependencies between the modules point one way: down the list in ARCHITECTURE.md. Names that the
//! crate's root re-exports, and paths inside expressions, count as well as `use` lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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

#[test]
fn nothing_points_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names = re_exports(&std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs"));
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut files = 0;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let is_tests = path.file_name().is_some_and(|name| name == "tests.rs");
            let inside = path.strip_prefix(&root).expect("below src").with_extension("");
            let module =
                inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
            if module == "lib" || is_tests || path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).expect("source text");
            uses.entry(module).or_default().extend(used(&text, &names));
        }
    }
    assert!(files > 20, "only {files} files were looked at");
    let wrong = wrong(&uses);
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
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
}
