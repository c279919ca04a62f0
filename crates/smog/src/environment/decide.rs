//! What to do with one step of a journal: a pure function of what was, what smog made and what is.

use super::change::{Change, DomainChange, FileChange, UnitState};
use super::diff::unified;
use super::image::FileImage;
use super::plan::same_value;
use crate::error::Result;
use crate::libvirt::{Domain, DomainEdit};
use crate::oslo::OsloConfig;
use crate::redact::xml as masked_xml;

/// What is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// A file, or none.
    File(Option<FileImage>),
    /// A value; `None` when its file is not there any more.
    Value(Option<String>),
    /// A unit; `None` when this unit does not exist any more.
    Unit(Option<UnitState>),
    /// A domain's definition; `None` when there is no such domain any more.
    Domain(Option<String>),
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is as smog made it: bring back what was.
    PutBack,
    /// It is as it was: nothing to do.
    AlreadyBack,
    /// Someone changed it meanwhile.
    Conflict,
}

/// What to do where someone changed something meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Leave it as it is and keep the journal.
    #[default]
    Refuse,
    /// Leave theirs and forget the journal's.
    Keep,
    /// Bring back what was, whatever is there.
    Force,
    /// Undo smog's own options in their text; files of oslo.config only.
    Merge,
}

/// Decide one step.
pub fn decide(change: &Change, now: &Now) -> Decision {
    match (change, now) {
        (Change::File(file), Now::File(now)) => {
            let same = |one: Option<&FileImage>, other: Option<&FileImage>| match (one, other) {
                (None, None) => true,
                (Some(one), Some(other)) => {
                    one.bytes == other.bytes
                        && (one.mode, one.uid, one.gid) == (other.mode, other.uid, other.gid)
                }
                _ => false,
            };
            match now {
                now if same(now.as_ref(), file.before.as_ref()) => Decision::AlreadyBack,
                now if same(now.as_ref(), Some(&file.after)) => Decision::PutBack,
                _ => Decision::Conflict,
            }
        }
        (Change::Value(value), Now::Value(Some(now))) => match now {
            now if same_value(now, &value.before) => Decision::AlreadyBack,
            now if same_value(now, &value.after) => Decision::PutBack,
            // On its way from one to the other by 0.
            now if value.by_zero && same_value(now, "0") => Decision::PutBack,
            _ => Decision::Conflict,
        },
        // What is set by hand is gone with the card, a unit with its package: there is
        // nothing to bring back.
        (Change::Value(_), Now::Value(None))
        | (Change::Unit(_), Now::Unit(None))
        | (Change::Domain(_), Now::Domain(None)) => Decision::AlreadyBack,
        (Change::Domain(domain), Now::Domain(Some(now))) => match now {
            now if *now == domain.before => Decision::AlreadyBack,
            now if is_smogs(domain, now) => Decision::PutBack,
            _ => Decision::Conflict,
        },
        (Change::Unit(unit), Now::Unit(Some(now))) => match now {
            now if *now == unit.before => Decision::AlreadyBack,
            // A crash between "enable" and "start" leaves something between the two.
            now if [unit.before.enabled, unit.after.enabled].contains(&now.enabled)
                && [unit.before.active, unit.after.active].contains(&now.active) =>
            {
                Decision::PutBack
            }
            _ => Decision::Conflict,
        },
        _ => Decision::Conflict,
    }
}

/// Whether a definition is the one smog gave. libvirt rewrites it, and adds to the CPU
/// what was left open: all but the CPU is as it was, and of the CPU what smog chose.
fn is_smogs(change: &DomainChange, now: &str) -> bool {
    let without_cpu = |xml: &str| {
        let edit = DomainEdit::new(xml).ok()?;
        match edit.has(&["cpu"]).ok()? {
            true => Some(edit.remove(&["cpu"]).ok()?.into_xml()),
            false => Some(edit.into_xml()),
        }
    };
    let chosen = |xml: &str| {
        let cpu = Domain::parse(xml, "").ok()?.cpu?;
        let cells: Vec<_> = cpu.cells.into_iter().map(|cell| (cell.id, cell.cpus, cell.memory_kib)).collect();
        Some((cpu.mode, cpu.model, cpu.features.len(), cells))
    };
    without_cpu(now).is_some()
        && without_cpu(now) == without_cpu(&change.before)
        && chosen(now).is_some()
        && chosen(now) == chosen(&change.after)
}

/// Their text without smog's options: `None` where the file is not one of oslo.config,
/// or is gone.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) when their text cannot be read.
pub fn merged(file: &FileChange, now: Option<&FileImage>) -> Result<Option<FileImage>> {
    let Some(now) = now.filter(|_| !file.edits.is_empty()) else { return Ok(None) };
    let Ok(text) = std::str::from_utf8(&now.bytes) else { return Ok(None) };
    let mut text = OsloConfig::parse(text, &file.path)?;
    for edit in file.edits.iter().rev() {
        // What they set to something else is theirs.
        if text.get_all(&edit.section, &edit.key) == edit.after {
            let before: Vec<&str> = edit.before.iter().map(String::as_str).collect();
            text = text.set_all(&edit.section, &edit.key, &before)?;
        }
    }
    Ok(Some(FileImage { bytes: text.text().as_bytes().to_vec(), ..now.clone() }))
}

/// The three ways of a conflict: what smog changed, and what someone changed after it. Secrets are hidden.
pub fn three_way(change: &Change, now: &Now) -> String {
    match (change, now) {
        (Change::File(file), Now::File(now)) => {
            let before = file.before.as_ref().map_or(&b""[..], |image| &image.bytes);
            let theirs = now.as_ref().map_or(&b""[..], |image| &image.bytes);
            let (path, ours) = (&file.path, &file.after.bytes);
            let mut text = unified(&format!("{path} (before)"), &format!("{path} (smog's)"), before, ours);
            text.push_str(&unified(&format!("{path} (smog's)"), &format!("{path} (now)"), ours, theirs));
            match now {
                None => text.push_str("it is removed now\n"),
                Some(now)
                    if (now.mode, now.uid, now.gid) != (file.after.mode, file.after.uid, file.after.gid) =>
                {
                    text.push_str(&format!(
                        "mode {:o}, owner {}:{} -> mode {:o}, owner {}:{}\n",
                        file.after.mode, file.after.uid, file.after.gid, now.mode, now.uid, now.gid
                    ));
                }
                Some(_) => {}
            }
            text
        }
        (Change::Value(value), Now::Value(now)) => format!(
            "{}: {} before, {} by smog, {} now\n",
            value.what,
            value.before,
            value.after,
            now.as_deref().unwrap_or("nothing")
        ),
        (Change::Unit(unit), Now::Unit(now)) => format!(
            "{}: {} before, {} by smog, {} now\n",
            unit.unit,
            unit.before.words(),
            unit.after.words(),
            now.map_or("not there".to_string(), UnitState::words)
        ),
        (Change::Domain(domain), Now::Domain(now)) => {
            let name = |when: &str| format!("domain {} ({when})", domain.domain);
            let (before, ours) = (masked_xml(&domain.before), masked_xml(&domain.after));
            let theirs = now.as_deref().map(masked_xml).unwrap_or_default();
            unified(&name("before"), &name("smog's"), before.as_bytes(), ours.as_bytes())
                + &unified(&name("smog's"), &name("now"), ours.as_bytes(), theirs.as_bytes())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::change::OptionEdit;

    fn change() -> FileChange {
        FileChange {
            path: "/etc/nova/nova.conf".into(),
            before: Some(FileImage::new("[a]\nb = 1\n")),
            after: FileImage::new("[a]\nb = 2\n"),
            edits: vec![OptionEdit {
                section: "a".into(),
                key: "b".into(),
                before: vec!["1".into()],
                after: vec!["2".into()],
            }],
            then: None,
        }
    }

    #[test]
    fn a_file_is_put_back_only_when_it_is_as_smog_made_it() {
        let now = |text: &str| Now::File(Some(FileImage::new(text)));
        let decided = |now: &Now| decide(&Change::File(change()), now);
        assert_eq!(decided(&now("[a]\nb = 2\n")), Decision::PutBack);
        assert_eq!(decided(&now("[a]\nb = 1\n")), Decision::AlreadyBack);
        assert_eq!(decided(&now("[a]\nb = 3\n")), Decision::Conflict);
        assert_eq!(decided(&Now::File(None)), Decision::Conflict);
        let other_mode = FileImage { mode: 0o600, ..FileImage::new("[a]\nb = 2\n") };
        assert_eq!(decided(&Now::File(Some(other_mode))), Decision::Conflict);
        let made = Change::File(FileChange { before: None, ..change() });
        assert_eq!(decide(&made, &Now::File(None)), Decision::AlreadyBack);
        assert_eq!(decide(&made, &now("[a]\nb = 2\n")), Decision::PutBack);
    }

    #[test]
    fn a_domain_is_put_back_only_with_the_cpu_smog_gave_it() {
        let xml = |cpu: &str, memory: u32| {
            format!(
                "<domain type='qemu'>\n  <name>l1</name>\n  <uuid>u</uuid>\n  <memory>{memory}</memory>\n  \
                 <vcpu>2</vcpu>\n  {cpu}\n</domain>\n"
            )
        };
        let change = Change::Domain(DomainChange {
            domain: "l1".into(),
            host: "cmp1".into(),
            before: xml("<cpu mode='host-model' check='partial'/>", 1024),
            after: xml("<cpu mode='maximum'/>", 1024),
            was_running: true,
            boot_id: None,
            service: None,
        });
        let decided = |xml: &str| decide(&change, &Now::Domain(Some(xml.to_string())));
        assert_eq!(decided(&xml("<cpu mode='host-model' check='partial'/>", 1024)), Decision::AlreadyBack);
        // libvirt fills in what was left open.
        assert_eq!(
            decided(&xml("<cpu mode='maximum' check='none' migratable='on'/>", 1024)),
            Decision::PutBack
        );
        assert_eq!(decided(&xml("<cpu mode='host-passthrough'/>", 1024)), Decision::Conflict);
        assert_eq!(decided(&xml("<cpu mode='maximum'/>", 2048)), Decision::Conflict, "other memory");
        assert_eq!(decide(&change, &Now::Domain(None)), Decision::AlreadyBack);
        let now = Now::Domain(Some(xml("<cpu mode='maximum'/>", 2048)));
        assert!(three_way(&change, &now).contains("+  <memory>2048</memory>"));
    }

    #[test]
    fn their_text_without_smog_s_options() {
        let merge = |text: &str| {
            let image = merged(&change(), Some(&FileImage::new(text))).expect("merges").expect("a file");
            String::from_utf8(image.bytes).expect("text")
        };
        assert_eq!(merge("# new\n[a]\nb = 2\nc = 3\n"), "# new\n[a]\nb = 1\nc = 3\n");
        assert_eq!(merge("[a]\nb = 9\n"), "[a]\nb = 9\n", "what they set is theirs");
        assert_eq!(merged(&change(), None).expect("none"), None);
        let text =
            three_way(&Change::File(change()), &Now::File(Some(FileImage::new("[a]\nb = 2\nc = 3\n"))));
        assert!(text.contains("-b = 1\n+b = 2\n") && text.contains("+c = 3\n"), "{text}");
    }
}
