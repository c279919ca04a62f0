//! Journal, lock and restore on this machine, in a folder of the test's own: no lab is needed.
#![expect(clippy::expect_used, reason = "tests")]

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use smog::Error;
use smog::environment::{
    Alive, Change, Environment, FileChange, FileImage, HostPlan, Listing, OnConflict, Options, Owner, Plan,
    RestoreOptions, Restored, ValueChange, Wish,
};
use smog::host::{Host, Sudo};

/// Files that stand for a host's.
struct Folder {
    dir: tempfile::TempDir,
}

const CONF: &str = "# a comment\n[DEFAULT]\ndebug = false\npassword = hidden-well\n";

impl Folder {
    fn new() -> Folder {
        let folder = Folder { dir: tempfile::tempdir().expect("a folder") };
        std::fs::create_dir(folder.path("etc")).expect("etc");
        std::fs::write(folder.path("etc/nova.conf"), CONF).expect("nova.conf");
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(folder.path("etc/nova.conf"), mode).expect("its mode");
        std::fs::write(folder.path("etc/value"), "512\n").expect("value");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Every file with its mode, owner and content.
    fn all(&self) -> Vec<(PathBuf, u32, u32, u32, String)> {
        let entries = std::fs::read_dir(self.path("etc")).expect("etc");
        let mut all: Vec<_> = entries
            .map(|entry| {
                let path = entry.expect("an entry").path();
                let stat = std::fs::metadata(&path).expect("stat");
                let text = std::fs::read_to_string(&path).expect("text");
                (path, stat.mode(), stat.uid(), stat.gid(), text)
            })
            .collect();
        all.sort();
        all
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.path("journal"), "alice", "a test");
        options.host_folder = self.text("var/smog");
        options
    }

    fn environment(&self, options: Options) -> Environment {
        Environment::of_hosts(vec![Host::local("here").with_sudo(Sudo::Never)], None, options)
    }

    fn image(&self, path: &Path) -> FileImage {
        let stat = std::fs::metadata(path).expect("stat");
        FileImage {
            mode: stat.mode() & 0o7777,
            uid: stat.uid(),
            gid: stat.gid(),
            ..FileImage::new(std::fs::read(path).expect("bytes"))
        }
    }

    /// A value, a file that changes and one that is new.
    fn plan(&self) -> Plan {
        let before = self.image(&self.path("etc/nova.conf"));
        let after = FileImage { bytes: CONF.replace("false", "true").into_bytes(), ..before.clone() };
        let new = FileImage { bytes: b"new\n".to_vec(), mode: 0o600, ..before.clone() };
        let file = |name: &str, before: Option<FileImage>, after: FileImage| {
            Change::File(FileChange { path: self.text(name), before, after, edits: vec![], then: None })
        };
        let value = ValueChange {
            path: self.text("etc/value"),
            before: "512".into(),
            after: "520".into(),
            what: "pages".into(),
            by_zero: false,
        };
        let changes = vec![
            Change::Value(value),
            file("etc/nova.conf", Some(before), after),
            file("etc/new", None, new),
        ];
        Plan {
            hosts: vec![HostPlan { host: "here".into(), changes, ..HostPlan::default() }],
            nowhere: vec![],
        }
    }
}

/// From the n-th step on nothing succeeds, as after a crash. Counts the steps.
fn dies_at(options: &mut Options, last: u32) -> Arc<AtomicU32> {
    let seen = Arc::new(AtomicU32::new(0));
    let count = seen.clone();
    options.at_step = Some(Arc::new(move |step| {
        count.store(step, Ordering::SeqCst);
        if step >= last { Err(Error::Interrupted { left: format!("step {step}") }) } else { Ok(()) }
    }));
    seen
}

/// The lock is this very process's, which is alive: a real restart of smog finds it dead.
fn over_locks(on_conflict: OnConflict) -> RestoreOptions {
    RestoreOptions { on_conflict, break_locks: vec!["here".into()] }
}

async fn restore(environment: &Environment, how: &RestoreOptions) -> (Listing, Vec<Restored>, Vec<Error>) {
    let listing = environment.outstanding().await;
    let (restored, errors) = environment.restore(&listing, None, how).await;
    (listing, restored, errors)
}

#[tokio::test]
async fn environment_prepared_and_restored_to_the_byte() {
    let folder = Folder::new();
    let before = folder.all();
    let environment = folder.environment(folder.options());
    let prepared = environment.apply(&folder.plan(), &Wish::new()).await.expect("prepares");
    let changed = folder.all();
    assert_eq!(changed.len(), 3);
    assert!(
        changed.iter().any(|one| one.4.contains("debug = true") && one.1 & 0o777 == 0o640),
        "{changed:?}"
    );
    assert!(changed.iter().any(|one| one.4 == "520\n"));
    for place in ["journal", "var/smog"] {
        let mode = std::fs::metadata(folder.path(place)).expect("stat").mode();
        assert_eq!(mode & 0o077, 0, "{place}");
    }
    assert!(!folder.path("var/smog/lock").exists(), "the lock is given back");
    let restored = prepared.restore().await.expect("restores");
    assert_eq!(restored[0].back.len(), 3);
    assert_eq!(folder.all(), before);
    assert!(!folder.path("var/smog").exists(), "nothing is left on the host");
    let listing = environment.outstanding().await;
    assert!(listing.journals.is_empty() && listing.locks.is_empty() && listing.errors.is_empty());
}

#[tokio::test]
async fn environment_restored_after_a_crash_at_every_step() {
    let (mut died, mut last) = (0, 0);
    for step in 1.. {
        let folder = Folder::new();
        let before = folder.all();
        let mut options = folder.options();
        dies_at(&mut options, step);
        if folder.environment(options).apply(&folder.plan(), &Wish::new()).await.is_ok() {
            last = step;
            break;
        }
        died += 1;
        // A restore that dies as well, early or late, and one that does not; the
        // first half of them has lost this machine's journal, the other the host's.
        let mut options = folder.options();
        dies_at(&mut options, 1 + step * 7 % 16);
        let _ = restore(&folder.environment(options), &over_locks(OnConflict::Refuse)).await;
        let environment = folder.environment(folder.options());
        let (_, restored, errors) = restore(&environment, &over_locks(OnConflict::Refuse)).await;
        assert!(errors.is_empty(), "step {step}: {errors:?}");
        assert!(restored.iter().all(|one| one.conflicts.is_empty()), "step {step}: {restored:?}");
        assert_eq!(folder.all(), before, "step {step}");
        let listing = environment.outstanding().await;
        assert!(listing.journals.is_empty() && listing.locks.is_empty(), "step {step}: {listing:?}");
    }
    assert!(died >= 15, "only {died} steps, {last}");
}

#[tokio::test]
async fn environment_restored_from_either_journal_alone() {
    for lost in ["journal", "var/smog"] {
        let folder = Folder::new();
        let before = folder.all();
        let environment = folder.environment(folder.options());
        environment.apply(&folder.plan(), &Wish::new()).await.expect("prepares");
        std::fs::remove_dir_all(folder.path(lost)).expect("loses a journal");
        let (listing, _, errors) = restore(&environment, &RestoreOptions::default()).await;
        assert_eq!(listing.journals.len(), 1, "{lost}");
        assert!(errors.is_empty(), "{lost}: {errors:?}");
        assert_eq!(folder.all(), before, "{lost}");
    }
}

#[tokio::test]
async fn environment_of_someone_else_is_not_overwritten() {
    let theirs = CONF.replace("false", "true") + "theirs = 1\n";
    for (how, left) in [
        (OnConflict::Refuse, theirs.clone()),
        (OnConflict::Keep, theirs.clone()),
        (OnConflict::Force, CONF.to_string()),
    ] {
        let folder = Folder::new();
        let environment = folder.environment(folder.options());
        environment.apply(&folder.plan(), &Wish::new()).await.expect("prepares");
        std::fs::write(folder.path("etc/nova.conf"), &theirs).expect("someone writes");
        let options = RestoreOptions { on_conflict: how, ..RestoreOptions::default() };
        let (_, restored, errors) = restore(&environment, &options).await;
        assert!(errors.is_empty(), "{errors:?}");
        let text = std::fs::read_to_string(folder.path("etc/nova.conf")).expect("nova.conf");
        assert_eq!(text, left, "{how:?}");
        assert!(!folder.path("etc/new").exists(), "the rest is restored all the same");
        let is_refused = how == OnConflict::Refuse;
        assert_eq!(restored[0].conflicts.len(), usize::from(is_refused));
        if is_refused {
            let shown = &restored[0].conflicts[0].three_way;
            assert!(shown.contains("+theirs = 1") && !shown.contains("hidden-well"), "{shown}");
        }
        assert_eq!(environment.outstanding().await.journals.len(), usize::from(is_refused), "{how:?}");
    }
}

#[tokio::test]
async fn environment_changed_since_the_look_is_not_overwritten() {
    let folder = Folder::new();
    let plan = folder.plan();
    std::fs::write(folder.path("etc/nova.conf"), "theirs").expect("someone writes");
    let environment = folder.environment(folder.options());
    let error = environment.apply(&plan, &Wish::new()).await.expect_err("refuses");
    assert!(error.to_string().contains("someone changed it since smog looked"), "{error}");
    assert_eq!(std::fs::read_to_string(folder.path("etc/nova.conf")).expect("theirs"), "theirs");
}

#[tokio::test]
async fn environment_locked_by_the_living_and_the_dead() {
    let folder = Folder::new();
    let lock = |owner: &Owner| {
        std::fs::create_dir_all(folder.path("var/smog")).expect("its folder");
        std::fs::write(folder.path("var/smog/lock"), serde_json::to_string(owner).expect("JSON"))
            .expect("lock");
    };
    let environment = folder.environment(folder.options());
    let living = Owner::of_this_process("other", "bob", "smog prepare");
    lock(&living);
    let error = environment.apply(&folder.plan(), &Wish::new()).await.expect_err("is locked");
    assert!(error.to_string().contains("bob@"), "{error}");
    let (_, _, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert!(errors[0].to_string().contains("locked by another smog"), "{errors:?}");

    let dead = Owner { pid: u32::MAX, ..living.clone() };
    lock(&dead);
    let error = environment.apply(&folder.plan(), &Wish::new()).await.expect_err("is locked still");
    assert!(error.to_string().contains("a smog that died"), "{error}");
    let (_, _, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!folder.path("var/smog/lock").exists());

    // A container's process on this machine, or one of another machine with this one's name.
    let inside = Owner { namespaces: "pid:[4026532999]".into(), ..dead.clone() };
    let twin = Owner { boot_id: "another".into(), ..dead };
    for owner in [inside, twin.clone()] {
        lock(&owner);
        let error = environment.apply(&folder.plan(), &Wish::new()).await.expect_err("is locked");
        assert!(error.to_string().contains("in another container"), "{error}");
        let (listing, _, errors) = restore(&environment, &RestoreOptions::default()).await;
        assert_eq!(listing.alive(&owner), Alive::Unknown);
        assert!(errors[0].hint().is_some_and(|hint| hint.contains("--break-lock here")), "{errors:?}");
        assert!(folder.path("var/smog/lock").exists());
    }
    let far = Owner { machine: "far".into(), ..twin };
    lock(&far);
    let (_, _, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert!(errors[0].hint().is_some_and(|hint| hint.contains("--break-lock here")), "{errors:?}");
    let (_, _, errors) = restore(&environment, &over_locks(OnConflict::Refuse)).await;
    assert!(errors.is_empty() && !folder.path("var/smog/lock").exists(), "{errors:?}");
}

/// What lies on a host is read as smog's only when smog could have written it.
#[tokio::test]
async fn environment_journals_and_locks_of_hostile_hosts() {
    let folder = Folder::new();
    let environment = folder.environment(folder.options());
    environment.apply(&folder.plan(), &Wish::new()).await.expect("prepares");
    let host = folder.path("var/smog/journal");
    let name = std::fs::read_dir(&host)
        .expect("journals")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|it| it == "json"))
        .expect("a journal");
    let text = std::fs::read_to_string(&name).expect("text");
    let run = name.file_stem().expect("a stem").to_str().expect("utf-8").to_string();
    let victim = folder.path("victim");
    std::fs::create_dir(&victim).expect("victim");
    std::fs::write(victim.join("here.json"), "x").expect("a file");
    std::fs::write(host.join("z.json"), text.replace(&run, "../../victim")).expect("hostile");
    std::fs::write(host.join("y.json"), &text).expect("in a wrong place");
    std::fs::write(folder.path("var/smog/lock"), "{}").expect("no lock of smog's");
    let (listing, restored, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert_eq!((listing.journals.len(), listing.errors.len()), (1, 3), "{:?}", listing.errors);
    assert!(restored.is_empty() && errors[0].to_string().contains("remove it"), "{errors:?}");
    std::fs::remove_file(folder.path("var/smog/lock")).expect("removes");
    let (_, restored, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert_eq!((restored.len(), errors.len()), (1, 0), "{errors:?}");
    assert!(victim.join("here.json").exists());
}

#[tokio::test]
async fn environment_locked_folder_of_somebody_else() {
    let folder = Folder::new();
    let environment = folder.environment(folder.options());
    std::fs::create_dir(folder.path("theirs")).expect("theirs");
    std::fs::create_dir(folder.path("var")).expect("var");
    std::os::unix::fs::symlink(folder.path("theirs"), folder.path("var/smog")).expect("a link");
    let error = environment.apply(&folder.plan(), &Wish::new()).await.expect_err("refuses");
    assert!(error.to_string().contains("belongs to someone else, or is a link"), "{error}");
    assert!(folder.path("var/smog").is_symlink());
}

#[tokio::test]
async fn environment_newest_run_first() {
    let folder = Folder::new();
    let before = folder.all();
    let environment = folder.environment(folder.options());
    let first = environment.apply(&folder.plan(), &Wish::new()).await.expect("prepares");
    let value = ValueChange {
        path: folder.text("etc/value"),
        before: "520".into(),
        after: "530".into(),
        what: "pages".into(),
        by_zero: false,
    };
    let changes = vec![Change::Value(value)];
    let plan = Plan {
        hosts: vec![HostPlan { host: "here".into(), changes, ..HostPlan::default() }],
        nowhere: vec![],
    };
    environment.apply(&plan, &Wish::new()).await.expect("prepares again");
    let error = first.restore().await.expect_err("the newer one is in the way");
    assert!(error.to_string().contains("changed the same things later"), "{error}");
    let (listing, _, errors) = restore(&environment, &RestoreOptions::default()).await;
    assert_eq!((listing.journals.len(), errors.len()), (2, 0), "{errors:?}");
    assert_eq!(folder.all(), before);
}

#[tokio::test]
async fn environment_restored_around_what_cannot_be() {
    let folder = Folder::new();
    let mut plan = folder.plan();
    // A value nobody can set: the file is changed by then, and comes back all the same.
    plan.hosts[0].changes.push(Change::Value(ValueChange {
        path: "/proc/sys/kernel/random/boot_id".into(),
        before: "x".into(),
        after: "y".into(),
        what: "the boot id".into(),
        by_zero: false,
    }));
    let before = folder.all();
    let environment = folder.environment(folder.options());
    environment.apply(&plan, &Wish::new()).await.expect_err("cannot be set");
    assert_ne!(folder.all(), before);
    let how = RestoreOptions { on_conflict: OnConflict::Force, ..RestoreOptions::default() };
    let (_, _, errors) = restore(&environment, &how).await;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(folder.all(), before);
    let how = RestoreOptions { on_conflict: OnConflict::Keep, ..RestoreOptions::default() };
    let (_, _, errors) = restore(&environment, &how).await;
    assert!(errors.is_empty() && environment.outstanding().await.journals.is_empty(), "{errors:?}");
}
