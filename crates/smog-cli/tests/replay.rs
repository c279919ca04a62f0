//! A recording of the scripted cloud says what the cloud said, when the cloud is gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use regex::Regex;
use smog_fake_cloud::{Fake, Trouble};

/// What is compared: looks of each kind.
const LOOKS: &[&str] = &[
    "discover",
    "guest list",
    "guest show web",
    "explain web",
    "explain web cpu",
    "pins web",
    "xml web",
    "audit",
    "topology",
    "topology cmp1 -o json",
    "why-not --flavor m1.nano",
    "logs --since 1h",
    "host list",
    "host show cmp1",
    "flavor list",
    "service list",
    "placement providers",
];

fn run(variables: &BTreeMap<String, String>, folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command.env_clear().envs(variables).env("NO_COLOR", "1").args(words).stdin(Stdio::null());
    command.current_dir(folder).output().expect("smog runs")
}

/// Without what is another at each run.
fn alike(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let masks = [
        (r"\b\d+\.\d+ s\b", "TIME"),
        (r#""(at|seen_at)": "[^"]*""#, r#""$1": "NOW""#),
        (r#"(?s)"sources": \[\n.*?\n  \]"#, r#""sources": []"#),
        (r#""(took|elapsed)_s": [0-9.e-]+"#, r#""${1}_s": 0"#),
    ];
    let masked = masks.iter().fold(text, |text, (pattern, with)| {
        Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    });
    format!("{masked}[exit code {:?}]", output.status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_is_said_again_without_the_cloud() {
    let fake = Fake::two_guests(Trouble::None).await;
    let variables: BTreeMap<String, String> =
        fake.variables().into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let live: Vec<String> = tokio::task::block_in_place(|| {
        let live = LOOKS.iter().map(|look| {
            let words: Vec<&str> = look.split(' ').collect();
            alike(&run(&variables, folder.path(), &words))
        });
        live.collect()
    });
    let recorded = tokio::task::block_in_place(|| {
        run(&variables, folder.path(), &["record", "cloud.tar.xz", "--allow-unread"])
    });
    assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
    drop(fake);
    let nothing = BTreeMap::new();
    let mut wrong = Vec::new();
    for (look, live) in LOOKS.iter().zip(live) {
        let words: Vec<&str> = ["--replay", "cloud.tar.xz"].into_iter().chain(look.split(' ')).collect();
        let replayed = run(&nothing, folder.path(), &words);
        if alike(&replayed) != live {
            let said = String::from_utf8_lossy(&replayed.stderr).into_owned();
            wrong.push(format!("== {look}\n-- live\n{live}\n-- replayed\n{}\n{said}", alike(&replayed)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let said = |words: &[&str]| {
        let words: Vec<&str> = ["--replay", "cloud.tar.xz"].iter().chain(words).copied().collect();
        let output = run(&nothing, folder.path(), &words);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = said(&["host", "run", "cmp1", "--", "uname", "-a"]);
    assert!(code == Some(3) && text.contains("not recorded: `uname -a` on host `cmp1`"), "{code:?} {text}");
    let (code, text) = said(&["guest", "reboot", "web"]);
    assert!(code == Some(2) && text.contains("nothing can be changed"), "{code:?} {text}");
    let (code, text) = said(&["boot", "new"]);
    assert!(code == Some(2) && text.contains("is a recording"), "{code:?} {text}");
    let (_, text) = said(&["guest", "list"]);
    assert!(text.starts_with("note: this is a recording of cloud `"), "{text}");
    let (code, text) = said(&["--quiet", "guest", "show", "nosuch"]);
    assert!(code == Some(2) && text.contains("nosuch"), "{code:?} {text}");
}

#[test]
fn a_sosreport_answers_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = smog_fake_cloud::sosreport(folder.path(), "1").expect("a tree");
    let said = |words: &[&str]| {
        let tree = tree.to_str().expect("text");
        let words: Vec<&str> = ["--replay", tree].iter().chain(words).copied().collect();
        let output = run(&BTreeMap::new(), folder.path(), &words);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), text.concat())
    };
    for (words, code, wanted) in [
        (&["topology", "cmp1"][..], 3, "vCPU 0 on CPU 1"),
        (&["topology"], 3, "PCI devices: not recorded"),
        (&["topology", "t1"], 3, "reading sosreports was tried with a tree made by hand only"),
        (&["host", "show", "cmp1"], 3, "CentOS Stream 9"),
        (&["xml", "t1"], 0, "<name>instance-00000001</name>"),
        (&["pins", "t1"], 0, "t1 (instance-00000001 on cmp1)"),
        (&["logs"], 0, "started"),
        (&["explain", "t1"], 3, "not recorded"),
        (&["audit"], 3, "not recorded"),
        (&["xml", "nosuch"], 3, "not recorded"),
    ] {
        let (found, text) = said(words);
        assert!(found == Some(code) && text.contains(wanted), "{words:?}: {found:?} {text}");
    }
}
