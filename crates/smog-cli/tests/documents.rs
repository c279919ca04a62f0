//! Documents that cannot lie: every `smog …` line, flag, setting and variable that the documents,
//! docstrings, doc comments, hints and messages name is one that there is. Python's names are
//! checked by `python/tests/test_documents.py`, console blocks on the lab by `lab_docs.rs`.

mod document_text;

use document_text::{Place, commands, flags, settings, shell, texts};

/// Flags of other programs that documents and messages name, each with its program.
const FOREIGN_FLAGS: &[(&str, &str)] = &[
    ("--security-info", "virsh dumpxml"),
    ("--inactive", "virsh dumpxml"),
    ("--migratable", "virsh dumpxml"),
    ("--domain", "virsh"),
    ("--interactive", "podman exec"),
];

fn report(what: &str, wrong: Vec<(Place, String)>) {
    let lines: Vec<String> = wrong.iter().map(|(place, why)| format!("{place}: {why}")).collect();
    assert!(lines.is_empty(), "{what}:\n{}", lines.join("\n"));
}

#[test]
fn every_command_line_is_one_that_smog_takes() {
    let mut root = smog_cli::command();
    root.build();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in texts() {
        for (place, code) in text.code() {
            for words in shell::commands(&code).into_iter().filter(|words| words[0] == "smog") {
                seen += 1;
                if let Err(why) = commands::check(&root, &words[1..]) {
                    wrong.push((place.clone(), format!("`{}`: {why}", words.join(" "))));
                }
            }
        }
    }
    assert!(seen > 200, "only {seen} command lines were found");
    report("smog does not take these command lines", wrong);
}

#[test]
fn every_console_line_is_whole() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in texts() {
        for (place, line) in text.console_lines() {
            for words in shell::commands(&line).into_iter().filter(|words| words[0] == "smog") {
                if words.iter().any(|word| word.contains('…')) {
                    continue;
                }
                seen += 1;
                if let Err(why) = smog_cli::command().try_get_matches_from(&words) {
                    let why = why.to_string();
                    let why = why.lines().next().unwrap_or_default().to_string();
                    wrong.push((place.clone(), format!("`{}`: {why}", words.join(" "))));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} lines were found");
    report("smog refuses these lines of console blocks", wrong);
}

#[test]
fn every_flag_is_one_of_smog_or_of_a_known_program() {
    let known = flags::known();
    assert!(known.contains("--os-cloud") && known.contains("--pin"), "{known:?}");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in texts() {
        for (place, code) in text.spans() {
            let Some(flag) = flags::leading(&code) else { continue };
            seen += 1;
            if !known.contains(&flag) && !FOREIGN_FLAGS.iter().any(|(foreign, _)| *foreign == flag) {
                wrong.push((place, format!("`{code}`")));
            }
        }
    }
    assert!(seen > 50, "only {seen} flags were found");
    report("these are no flags of smog", wrong);
}

#[test]
fn what_hints_name_is_what_smog_takes() {
    let mut root = smog_cli::command();
    root.build();
    let known = flags::known();
    let mut wrong = Vec::new();
    for one in smog::hint::ALL {
        let said = one.words(smog::hint::Face::Command, None);
        let words = shell::commands(&said).into_iter().next().unwrap_or_default();
        let fits = match flags::leading(&said) {
            Some(flag) => known.contains(&flag).then_some(()).ok_or(format!("no flag {flag}")),
            None => commands::check(&root, words.get(1..).unwrap_or_default()),
        };
        wrong.extend(fits.err().map(|why| format!("`{said}`: {why}")));
    }
    assert!(wrong.is_empty(), "smog does not take:\n{}", wrong.join("\n"));
}

/// The core's other sentences name no command and no flag: another face has none.
#[test]
fn the_core_names_commands_only_in_the_table_of_hints() {
    let known = flags::known();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in
        texts().into_iter().filter(|text| text.is_of_the_core() && !text.is("crates/smog/src/hint.rs"))
    {
        for (place, code) in text.messages() {
            seen += 1;
            let is_flag = flags::leading(&code).is_some_and(|flag| {
                known.contains(&flag) && !FOREIGN_FLAGS.iter().any(|(foreign, _)| *foreign == flag)
            });
            if code.starts_with("smog ") || is_flag {
                wrong.push((place, format!("`{code}`")));
            }
        }
    }
    assert!(seen > 100, "only {seen} spans were found");
    report("these stand in a sentence of the core, and belong into crates/smog/src/hint.rs", wrong);
}

#[test]
fn every_setting_is_a_key_of_smog_yml() {
    let schema = smog::config::schema();
    let (mut wrong, mut seen, mut of_messages) = (Vec::new(), 0, 0);
    for text in texts().into_iter().filter(|text| !text.is_of_python()) {
        for (place, code) in text.spans() {
            let Some(path) = settings::named(&code, &schema, text.is_prose()) else { continue };
            seen += 1;
            if !settings::is_there(&schema, &path) {
                wrong.push((place, format!("`{code}`")));
            }
        }
        // Hints and other messages name them as documents do: `watch: logs:`.
        for (place, code) in text.messages() {
            let Some(path) = settings::named(&code, &schema, true) else { continue };
            of_messages += 1;
            if !settings::is_there(&schema, &path) {
                wrong.push((place, format!("`{code}`")));
            }
        }
    }
    assert!(of_messages > 15, "only {of_messages} settings were found in messages");
    for text in texts() {
        for (place, code) in text.code() {
            for words in shell::commands(&code).into_iter().filter(|words| words[0] == "smog") {
                for path in settings::set_by(&words) {
                    seen += 1;
                    if !settings::is_there(&schema, &path) {
                        wrong.push((place.clone(), format!("`--set {}`", path.join("."))));
                    }
                }
            }
        }
    }
    assert!(seen > 8, "only {seen} settings were found");
    report("smog.yml has no such keys", wrong);
}

/// Words that say something else in plain English, or nothing: STYLE.md has what is written instead.
const NOT_PLAIN: &str = r"(?i)\b(tells?|told|telling|besides?|anew|somebody|way out|mends?|mended|wholly|in vain)\b|\b(one|once|twice|calls?|commands?|lines?|objects?) a (host|page|second|server|line|case)\b";

/// It lists such words itself.
const NOT_READ: &[&str] = &["STYLE.md"];

#[test]
fn texts_are_in_plain_words() {
    let words = regex::Regex::new(NOT_PLAIN).expect("a pattern");
    assert!(
        words.is_match("One call a host.")
            && words.is_match("What it is told")
            && !words.is_match("is untold")
    );
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in texts().into_iter().filter(|text| !text.is_under(NOT_READ)) {
        for (place, sentence) in text.sentences() {
            seen += 1;
            wrong.extend(
                words.find_iter(&sentence).map(|word| (place.clone(), format!("`{}`", word.as_str()))),
            );
        }
    }
    assert!(seen > 10_000, "only {seen} sentences were found");
    report("STYLE.md has other words for these", wrong);
}

#[test]
fn every_variable_is_read_somewhere() {
    let schema = smog::config::schema();
    let sources = document_text::sources();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for text in texts().into_iter().filter(|text| text.is_prose()) {
        for (place, name) in text.variables() {
            seen += 1;
            let is_setting =
                name.strip_prefix("SMOG_").filter(|name| name.contains("__")).is_some_and(|name| {
                    let path: Vec<String> = name.split("__").map(str::to_lowercase).collect();
                    settings::is_there(&schema, &path)
                });
            if !is_setting && !sources.contains(&name) {
                wrong.push((place, name));
            }
        }
    }
    assert!(seen > 5, "only {seen} variables were found");
    report("nothing reads these variables", wrong);
}
