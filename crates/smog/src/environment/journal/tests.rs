use proptest::prelude::*;

use super::*;
use crate::environment::{FileChange, FileImage};

fn journal(bytes: Vec<u8>, mode: u32) -> Journal {
    let image = FileImage { mode, ..FileImage::new(bytes) };
    let change = FileChange {
        path: "/etc/x y".into(),
        before: None,
        after: image,
        edits: vec![],
        then: Some("update-grub".into()),
    };
    Journal {
        version: VERSION,
        owner: Owner::of_this_process("r1", "alice", "smog prepare"),
        host: "cmp1".into(),
        changes: vec![Change::File(change)],
        restarts: vec![],
    }
}

proptest! {
    /// Any bytes come back, and the text is one line, as the host's side needs it.
    #[test]
    fn a_journal_is_read_as_it_was_written(bytes in proptest::collection::vec(any::<u8>(), 0..300), mode in 0_u32..0o7777) {
        let journal = journal(bytes, mode);
        let text = journal.to_json().expect("JSON");
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(Journal::from_json(&text, "here").expect("reads"), journal);
    }

    /// Wherever a crash cuts the marks off, what is before the cut counts and nothing else.
    #[test]
    fn marks_cut_off_anywhere(cut in 0_usize..60) {
        let whole = "begun 0\ndone 0\nbegun 12\nrestarting a.service\nback a.service\n";
        let text = &whole[..cut.min(whole.len())];
        let marks = Marks::parse(text);
        let lines = text.matches('\n').count();
        prop_assert_eq!(marks.begun.len(), [0, 1, 1, 2, 2, 2][lines]);
        prop_assert!(!marks.begun.contains(&1));
        prop_assert_eq!(marks.back.len(), usize::from(lines == 5));
    }
}

#[test]
fn the_store_is_private_and_survives_a_torn_mark() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path().join("deep/journal"));
    let journal = journal(b"secret".to_vec(), 0o600);
    store.write(&journal).expect("writes");
    store.mark("r1", "cmp1", Mark::Begun(0)).expect("marks");
    let marks = folder.path().join("deep/journal/r1/cmp1.marks");
    let mut text = std::fs::read_to_string(&marks).expect("marks");
    text.push_str("done 0");
    std::fs::write(&marks, text).expect("a torn mark");
    store.mark("r1", "cmp1", Mark::Undone(0)).expect("marks");
    let (all, unread) = store.all();
    assert!(unread.is_empty());
    assert!(all[0].1.undone.contains(&0) && all[0].1.begun.contains(&0));
    for name in ["cmp1.json", "cmp1.marks"] {
        let mode = std::fs::metadata(marks.with_file_name(name)).expect("stat").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    store.remove("r1", "cmp1").expect("removes");
    assert!(store.all().0.is_empty() && !marks.exists());
}

/// What a hostile host or a broken file says becomes no path here.
#[test]
fn a_journal_names_only_what_smog_could_have_written() {
    let good = journal(vec![], 0);
    let read = |journal: &Journal| Journal::from_json(&journal.to_json().expect("JSON"), "host `x`");
    assert!(read(&good).is_ok());
    for run in [
        "",
        "../../../../../victim/dir",
        "/etc",
        "..",
        ".",
        "a/b",
        "a b",
        "a\nb",
        "-rf",
        "é",
        &"r".repeat(65),
    ] {
        let bad = Journal { owner: Owner { run: run.into(), ..good.owner.clone() }, ..good.clone() };
        let error = read(&bad).expect_err(run);
        assert!(error.to_string().contains("is not a run of smog"), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    for host in ["", "../x", "a/b", "a\nb", "\u{1b}[2J"] {
        let error = read(&Journal { host: host.into(), ..good.clone() }).expect_err(host);
        assert!(error.to_string().contains("is not a host name"), "{error}");
    }
    for path in ["", "etc/x", "/etc/../x", "/etc//x", "/etc/x\ny", "/", "/etc/."] {
        let Some(Change::File(file)) = good.changes.first() else { panic!("a file") };
        let change = Change::File(FileChange { path: path.into(), ..file.clone() });
        let error = read(&Journal { changes: vec![change], ..good.clone() }).expect_err(path);
        assert!(error.to_string().contains("is not something smog changes"), "{error}");
    }
    assert_eq!(Mark::Back("a\nprepared").line().lines().count(), 1);
}

#[test]
fn nothing_outside_of_the_folder_is_touched_whatever_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let victim = folder.path().join("victim");
    std::fs::create_dir(&victim).expect("victim");
    for name in ["cmp1.json", "cmp1.marks", "cmp1.tmp"] {
        std::fs::write(victim.join(name), "x").expect("a file");
    }
    let store = Store::new(folder.path().join("state/journal"));
    store.remove("../../victim", "cmp1").expect("nothing to remove");
    store.mark("../../victim", "cmp1", Mark::Prepared).expect("nothing to mark");
    assert_eq!(std::fs::read_dir(&victim).expect("victim").count(), 3);
    assert_eq!(std::fs::read_to_string(victim.join("cmp1.marks")).expect("marks"), "x");
    // And one that lies where it does not belong is said, not taken.
    let strange = folder.path().join("state/journal/r2");
    std::fs::create_dir_all(&strange).expect("a folder");
    std::fs::write(strange.join("cmp1.json"), journal(vec![], 0).to_json().expect("JSON")).expect("a file");
    let (all, unread) = store.all();
    assert!(all.is_empty() && unread[0].to_string().contains("the one of run r1"), "{unread:?}");
}

#[test]
fn a_full_disk_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::new(folder.path());
    // A folder in the journal's place stands for any failure after the file was begun.
    std::fs::create_dir_all(folder.path().join("r1/cmp1.json/x")).expect("in the way");
    store.write(&journal(vec![], 0)).expect_err("cannot be renamed");
    assert!(!folder.path().join("r1/cmp1.tmp").exists());
}

#[test]
fn a_journal_of_a_newer_smog_is_refused() {
    let newer = Journal { version: 2, ..journal(vec![], 0) };
    let error = Journal::from_json(&newer.to_json().expect("JSON"), "here").expect_err("is newer");
    assert!(error.to_string().contains("this smog knows 1"), "{error}");
}
