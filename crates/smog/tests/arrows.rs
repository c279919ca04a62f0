//! Dependencies between the modules point one way: down the list in ARCHITECTURE.md.

/// From the bottom to the top. A module may use those before it.
const ORDER: &[&[&str]] = &[
    &["error", "exit", "hex", "near", "quote", "cpuset", "wait", "show", "private_folder"],
    &["config", "flavor", "oslo"],
    &["host"],
    &["libvirt"],
    &["cloud", "guest"],
    &["findings"],
    &["watch", "environment"],
    &["trace", "guru", "triage"],
    &["explain"],
    &["testing"],
    &["suites"],
];

fn level(module: &str) -> Option<usize> {
    ORDER.iter().position(|level| level.contains(&module))
}

#[test]
fn nothing_points_up() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut files = 0;
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&root).expect("below src").with_extension("");
            let module =
                inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
            if module == "lib" {
                continue;
            }
            files += 1;
            let own = level(&module).unwrap_or_else(|| panic!("module `{module}` has no place in ORDER"));
            let text = std::fs::read_to_string(&path).expect("source text");
            for (row, line) in text.lines().enumerate() {
                let Some(used) = line.trim_start().strip_prefix("use crate::") else { continue };
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if level(&used).is_some_and(|used| used > own) {
                    wrong.push(format!("{}:{}: `{module}` uses `{used}`", path.display(), row + 1));
                }
            }
        }
    }
    assert!(files > 20, "only {files} files were looked at");
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}
