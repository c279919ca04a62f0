//! Settings that messages tell people to set: each must be a key that smog.yml takes.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

/// The names of all properties of the schema, at any depth.
fn keys(schema: &Value, all: &mut BTreeSet<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        all.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|value| keys(value, all)),
        Value::Array(items) => items.iter().for_each(|value| keys(value, all)),
        _ => {}
    }
}

/// The string literals of a source text, outside of comments and of its tests.
fn literals(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    // A character that is a quotation mark begins no string.
    let strings = Regex::new(r#"(?s)'"'|"((?:[^"\\]|\\.)*)""#).expect("a pattern");
    strings.captures_iter(&code).filter_map(|found| Some(found.get(1)?.as_str().to_string())).collect()
}

/// What a literal says in backticks.
fn ticked(literal: &str) -> Vec<&str> {
    literal.split('`').skip(1).step_by(2).collect()
}

/// The keys in `ssh: key: FILE` or `container: nova_libvirt`: words before a colon.
fn named_keys(words: &str) -> Vec<String> {
    let is_key = |word: &&str| {
        word.len() > 1
            && word.ends_with(':')
            && word[..word.len() - 1].chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    words.split(' ').filter(is_key).map(|word| word.trim_end_matches(':').to_string()).collect()
}

#[test]
fn every_setting_that_a_message_names_is_a_key_of_smog_yml() {
    let mut known = BTreeSet::new();
    keys(&smog::config::schema(), &mut known);
    assert!(known.contains("container") && known.contains("known_hosts"), "{known:?}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut wrong, mut named) = (vec![root], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("source text");
            for literal in literals(&text) {
                let about_settings = literal.contains("smog.yml") || literal.contains("set `");
                for words in ticked(&literal) {
                    let mut asked = if about_settings { named_keys(words) } else { Vec::new() };
                    // A bare word that looks like a setting, in what is said of connections and commands.
                    let is_of_hosts = path.ends_with("host/run.rs") || path.ends_with("host/ssh_refusal.rs");
                    let is_word =
                        words.contains('_') && words.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                    if is_of_hosts && is_word {
                        asked.push(words.to_string());
                    }
                    for key in asked {
                        named += 1;
                        if !known.contains(&key) {
                            wrong.push(format!("{}: `{key}` in {literal:?}", path.display()));
                        }
                    }
                }
            }
        }
    }
    assert!(named >= 4, "only {named} settings were found in messages");
    assert!(wrong.is_empty(), "no such key of smog.yml:\n{}", wrong.join("\n"));
}
