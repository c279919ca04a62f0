//! The host's own copy of the journal, its lock, and the changes themselves: each one
//! command that is whole or nothing, however it ends.

use super::change::{FileChange, UnitState, ValueChange};
use super::image::{FileImage, digest};
use super::journal::{Journal, Mark, Marks, is_run};
use super::lock::Owner;
use crate::error::{Error, Result};
use crate::hint::{self, Hint};
use crate::host::replace::{REPLACE, WALK};
use crate::host::{Batch, Cmd, Host, Output};

/// Exit codes of our scripts.
const LOCKED: i32 = 45;
const OTHERWISE: i32 = 46;
const LINK: i32 = 47;

/// Prints a domain's definition, as `Host::domain_definition` reads it.
const DEFINITION: &str = "virsh -c qemu:///system dumpxml --inactive --security-info --domain";
/// Puts a line into a marks file and on the disk: `mark LINE`.
const MARK: &str = "umask 077; mark() { [ -e \"$j.json\" ] || return 0; [ -z \"$(tail -c1 \"$j.marks\" 2>/dev/null)\" ] || echo >>\"$j.marks\"; \
                    printf '%s\\n' \"$1\" >>\"$j.marks\" && sync -- \"$j.marks\"; }\n";

/// One host's side of an environment.
#[derive(Debug, Clone)]
pub(super) struct HostSide {
    pub host: Host,
    folder: String,
}

/// What lies on a host.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub lock: Option<Owner>,
    pub journals: Vec<(Journal, Marks)>,
    pub unread: Vec<Error>,
}

impl HostSide {
    pub(super) fn new(host: &Host, folder: &str) -> HostSide {
        HostSide { host: host.outside(), folder: folder.to_string() }
    }

    fn journal(&self, run: &str) -> String {
        format!("{}/journal/{run}", self.folder)
    }

    /// Take the lock, also from whom `stale` names. `Err(owner)` when another has it.
    ///
    /// # Errors
    /// As [`Host::run`]; [`Error::Parse`] for a lock that no smog wrote.
    pub(super) async fn lock(
        &self,
        owner: &Owner,
        stale: Option<&str>,
    ) -> Result<std::result::Result<(), Owner>> {
        // `ln` makes the lock whole or not at all; a lock left behind is taken
        // over under the folder's own flock, so that only one does it. Who is ended
        // before there is a lock leaves no empty folders, and no file: its name is known before
        // there is one, as `mktemp` may be ended between the two.
        let script = r#"d=$1 stale=$2 t=$1/.lock-$3; umask 077
trap 'rm -f -- "$t"; [ -e "$d/lock" ] || rmdir -- "$d/journal" "$d" 2>/dev/null' EXIT; trap 'exit 143' TERM HUP INT
mkdir -p "$d/journal" || exit 1
for f in "$d" "$d/journal"; do
[ ! -L "$f" ] && [ "$(stat -c %u -- "$f")" = "$(id -u)" ] || { echo "$f belongs to someone else, or is a link: smog keeps no journal there" >&2; exit 1; }
done
chmod 700 "$d" "$d/journal" || exit 1
exec 9<"$d"; flock -w 20 9 || exit 1
cat >"$t" && sync -- "$t" || exit 1
if [ -n "$stale" ] && grep -qF "\"run\":\"$stale\"" "$d/lock" 2>/dev/null; then mv -fT -- "$t" "$d/lock" && sync -- "$d"; exit; fi
ln -T -- "$t" "$d/lock" 2>/dev/null || { cat -- "$d/lock"; exit 45; }
sync -- "$d""#;
        let json = serde_json::to_string(owner).unwrap_or_default();
        let cmd = Cmd::shell(script)
            .args([self.folder.as_str(), stale.unwrap_or_default(), &owner.run])
            .stdin(json);
        let output = self.host.run(cmd.expect([0, LOCKED])).await?;
        match output.exit.code {
            LOCKED => self.owner(&output.stdout).map(Err),
            _ => Ok(Ok(())),
        }
    }

    /// The owner a lock names.
    fn owner(&self, lock: &[u8]) -> Result<Owner> {
        let owner: std::result::Result<Owner, _> = serde_json::from_slice(lock);
        let why = match owner {
            Ok(owner) if is_run(&owner.run) => return Ok(owner),
            Ok(_) => "it names no run of smog's".to_string(),
            Err(why) => why.to_string(),
        };
        Err(Error::Parse {
            what: format!("{}/lock", self.folder),
            source_of: format!("host `{}`", self.host.name()),
            why: format!("{why}; if no smog works there, remove it"),
        })
    }

    /// Give the lock back, if this run has it.
    pub(super) async fn unlock(&self, run: &str) -> Result<()> {
        let script = "d=$1; [ -d \"$d\" ] || exit 0; exec 9<\"$d\"; flock -w 20 9 || exit 1\n\
                      grep -qF \"\\\"run\\\":\\\"$2\\\"\" \"$d/lock\" 2>/dev/null || exit 0\n\
                      rm -f -- \"$d/lock\" && sync -- \"$d\"";
        self.host.run(Cmd::shell(script).args([self.folder.as_str(), run])).await.map(|_| ())
    }

    /// Write the journal: when this returns, it is on the host's disk.
    pub(super) async fn write(&self, journal: &Journal) -> Result<()> {
        // The lock has made the folder, and seen that it is root's alone.
        let script = r#"j=$1 d=${1%/*} t=$1.tmp-$$; umask 077
trap 'rm -f -- "$t"' EXIT; trap 'exit 143' TERM HUP INT
cat >"$t" && sync -- "$t" && mv -fT -- "$t" "$j.json" && sync -- "$d" "${d%/*}""#;
        let cmd = Cmd::shell(script).arg(self.journal(journal.run())).stdin(journal.to_json()?);
        self.host.run(cmd).await.map(|_| ())
    }

    /// When the journal was written, by the host's clock; `None` when it is not there.
    pub(super) async fn written_at(&self, run: &str) -> Result<Option<jiff::Timestamp>> {
        let cmd = Cmd::new("stat").args(["-c", "%Y", "--", &format!("{}.json", self.journal(run))]);
        let output = self.host.run(cmd.any_exit().repeatable()).await?;
        let seconds = output.text().trim().parse().ok();
        Ok(seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()))
    }

    /// What lies there.
    pub(super) async fn found(&self) -> Result<Found> {
        let mut batch = Batch::new();
        let lock = batch.add(Cmd::new("cat").args(["--", &format!("{}/lock", self.folder)]));
        let list = "cd \"$1/journal\" 2>/dev/null || exit 0; for f in *.json; do [ -e \"$f\" ] || continue\n\
                    printf '%s\\n' \"$f\"; cat -- \"$f\"; echo; tr '\\n' ';' <\"${f%.json}.marks\" 2>/dev/null; echo; done";
        let journals = batch.add(Cmd::shell(list).arg(&self.folder));
        let answers = self.host.ask(batch).await?;
        let mut found = Found::default();
        let text = answers.get(lock);
        if text.exit.is_ok() {
            match self.owner(&text.stdout) {
                Ok(owner) => found.lock = Some(owner),
                Err(why) => found.unread.push(why),
            }
        }
        let text = answers.get(journals).text().into_owned();
        let mut lines = text.split('\n');
        while let (Some(name), Some(body)) = (lines.next().filter(|name| !name.is_empty()), lines.next()) {
            let marks = lines.next().unwrap_or_default().replace(';', "\n");
            let place = format!("host `{}`", self.host.name());
            match Journal::from_json(body, &place) {
                Ok(journal) if name == format!("{}.json", journal.run()) => {
                    found.journals.push((journal, Marks::parse(&marks)));
                }
                Ok(journal) => found.unread.push(Error::Parse {
                    what: format!("{}/journal/{name}", self.folder),
                    source_of: place,
                    why: format!("it is the one of run {}", journal.run()),
                }),
                Err(why) => found.unread.push(why),
            }
        }
        Ok(found)
    }

    pub(super) async fn mark(&self, run: &str, mark: Mark<'_>) -> Result<()> {
        let script = format!("j=$1\n{MARK}mark \"$2\"");
        let cmd = Cmd::shell(script).args([self.journal(run), mark.line()]);
        self.host.run(cmd).await.map(|_| ())
    }

    /// Remove the journal, and smog's folder when nothing is left in it.
    pub(super) async fn remove(&self, run: &str) -> Result<()> {
        let script = "j=$1 d=$2; [ -d \"$d\" ] || exit 0\n\
                      rm -f -- \"$j.json\" && sync -- \"$d/journal\" && rm -f -- \"$j.marks\" \"$j.tmp\" \"$j.tmp-\"*\n\
                      exit 0";
        self.host.run(Cmd::shell(script).args([self.journal(run), self.folder.clone()])).await.map(|_| ())
    }

    /// Give the lock back and leave no empty folders.
    pub(super) async fn leave(&self, run: &str) -> Result<()> {
        self.unlock(run).await?;
        let cmd = Cmd::new("rmdir").args(["--", &format!("{}/journal", self.folder), &self.folder]);
        self.host.run(cmd.any_exit()).await.map(|_| ())
    }

    /// Replace a file, if it is as `expected` still. `into` is `None` for "remove it".
    /// The two marks stand around it on the host.
    pub(super) async fn put(
        &self,
        run: &str,
        path: &str,
        expected: Option<&FileImage>,
        into: Option<&FileImage>,
        marks: [Mark<'_>; 2],
    ) -> Result<()> {
        let script = format!(
            "j=$1 p=$2 want=$3 mode=$4 owner=$5 context=$6 run=$7\n{MARK}{WALK}{REPLACE}{}",
            r#"d=${p%/*} b=${p##*/}; stand_in "${d:-/}" || exit 1
real=${q%/}/$b now=absent old=
if [ -L "./$b" ]; then exit 47; fi
if [ -e "./$b" ]; then
[ -f "./$b" ] || exit 46
exec 3<"./$b"; [ "$(readlink /proc/self/fd/3)" = "$real" ] || exit 46
old=yes now=$(sha256sum <&3) || exit 1
fi
[ "${now%% *}" = "$want" ] || exit 46
dress() {
{ [ "$(stat -Lc %u:%g -- "$1")" = "$owner" ] || chown "$owner" -- "$1"; } && chmod "$mode" -- "$1" || return 1
[ -z "$context" ] || chcon "$context" -- "$1" 2>/dev/null || :
}
mark "$8" || exit 1
if [ "$mode" = none ]; then rm -f -- "./$b" && sync -- . || exit 1
else replace "$b" ".$b.smog-$run" || exit 1; fi
mark "$9""#
        );
        let (mode, owner, context) = match into {
            Some(image) => (
                format!("{:o}", image.mode),
                format!("{}:{}", image.uid, image.gid),
                image.context.clone().unwrap_or_default(),
            ),
            None => ("none".to_string(), String::new(), String::new()),
        };
        let args = [
            self.journal(run),
            path.to_string(),
            digest(expected),
            mode,
            owner,
            context,
            run.to_string(),
            marks[0].line(),
            marks[1].line(),
        ];
        let bytes = into.map(|image| image.bytes.clone()).unwrap_or_default();
        let output =
            self.host.run(Cmd::shell(script).args(args).stdin(bytes).expect([0, OTHERWISE, LINK])).await?;
        self.as_expected(path, output)
    }

    /// Remove what a crash in the middle of [`HostSide::put`] may have left.
    pub(super) async fn sweep(&self, run: &str, files: &[&FileChange]) -> Result<()> {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        if paths.is_empty() {
            return Ok(());
        }
        // A folder with one file; of older smogs a file.
        let script = format!(
            "{WALK}run=$1; shift\n\
             for p do d=${{p%/*}} b=${{p##*/}}; [ -d \"${{d:-/}}\" ] || continue\n\
             (stand_in \"${{d:-/}}\" && f=./.$b.smog-$run && rm -f -- \"$f\" \"$f-\"*/.smog-new; rmdir -- \"$f-\"*) 2>/dev/null; done; exit 0"
        );
        self.host.run(Cmd::shell(script).arg(run).args(paths)).await.map(|_| ())
    }

    /// Write a value, and read it back: the kernel may take less than was asked.
    pub(super) async fn set(
        &self,
        run: &str,
        value: &ValueChange,
        into: &str,
        marks: [Mark<'_>; 2],
    ) -> Result<()> {
        let script = format!(
            "j=$1 p=$2\n{MARK}mark \"$5\" || exit 1\n\
             [ -z \"$4\" ] || printf '0\\n' >\"$p\" || exit 1\n\
             printf '%s\\n' \"$3\" >\"$p\" || exit 1\ncat -- \"$p\"; mark \"$6\""
        );
        let by_zero = if value.by_zero { "yes" } else { "" };
        let args = [
            self.journal(run),
            value.path.clone(),
            into.to_string(),
            by_zero.to_string(),
            marks[0].line(),
            marks[1].line(),
        ];
        let output = self.host.run(Cmd::shell(script).args(args)).await?;
        let now = output.text().trim().to_string();
        if super::plan::same_value(&now, into) {
            return Ok(());
        }
        Err(Error::Fault {
            what: format!("setting {}", value.what),
            fault: format!("{into} was written into {}, and it says {now}", value.path),
            host: Some(self.host.name().to_string()),
            request_id: None,
            hint: Some(
                Hint::from("pages in use cannot be freed, and memory may be too fragmented; ")
                    .and(hint::RESTORE.hint())
                    .and(" takes all back"),
            ),
        })
    }

    /// Bring a unit from one state to another.
    pub(super) async fn unit(
        &self,
        run: &str,
        unit: &str,
        into: UnitState,
        marks: [Mark<'_>; 2],
    ) -> Result<()> {
        let script = format!(
            "j=$1 u=$2\n{MARK}mark \"$5\" || exit 1\n\
             e=$(systemctl is-enabled -- \"$u\" 2>/dev/null)\n\
             case \"$3 $e\" in 'yes disabled') systemctl -q enable -- \"$u\" ;; 'no enabled') systemctl -q disable -- \"$u\" ;; esac || exit 1\n\
             if [ \"$4\" = yes ]; then systemctl start -- \"$u\"; else systemctl stop -- \"$u\"; fi || exit 1\nmark \"$6\""
        );
        let word = |yes: bool| if yes { "yes" } else { "no" };
        let args = [
            self.journal(run),
            unit.to_string(),
            word(into.enabled).to_string(),
            word(into.active).to_string(),
            marks[0].line(),
            marks[1].line(),
        ];
        let limit = std::time::Duration::from_secs(180);
        self.host.run(Cmd::shell(script).args(args).time_limit(limit)).await.map(|_| ())
    }

    /// Give a domain another definition, if it has the `expected` one still.
    pub(super) async fn define(
        &self,
        run: &str,
        domain: &str,
        expected: &str,
        into: &str,
        marks: [Mark<'_>; 2],
    ) -> Result<()> {
        let script = format!(
            "j=$1 d=$2\n{MARK}now=$({DEFINITION} \"$d\" | sha256sum)\n\
             [ \"${{now%% *}}\" = \"$3\" ] || exit 46\n\
             mark \"$4\" || exit 1\n\
             virsh -q -c qemu:///system define /dev/stdin >/dev/null || exit 1\nmark \"$5\""
        );
        let args = [
            self.journal(run),
            domain.to_string(),
            FileImage::new(expected).digest(),
            marks[0].line(),
            marks[1].line(),
        ];
        let cmd = Cmd::shell(script).args(args).stdin(into).expect([0, OTHERWISE]);
        let output = self.host.run(cmd).await?;
        self.as_expected(&format!("the definition of domain {domain}"), output)
    }

    fn as_expected(&self, path: &str, output: Output) -> Result<()> {
        let fault = match output.exit.code {
            OTHERWISE => "someone changed it since smog looked",
            LINK => "it is a link now, and smog writes no file through or over a link",
            _ => return Ok(()),
        };
        Err(Error::Fault {
            what: format!("writing {path}"),
            fault: fault.to_string(),
            host: Some(self.host.name().to_string()),
            request_id: None,
            hint: Some("look again, and run the command again".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::FileImage;
    use crate::host::Sudo;

    #[tokio::test]
    async fn what_a_crash_left_of_a_write_is_swept() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("etc");
        let left = folder.join(".nova.conf.smog-run1-x");
        std::fs::create_dir_all(&left).expect("a folder");
        std::fs::write(left.join(".smog-new"), "half").expect("write");
        let others = folder.join(".nova.conf.smog-run2-x");
        std::fs::create_dir(&others).expect("a folder");
        let file = |name: &str| FileChange {
            path: folder.join(name).to_string_lossy().into_owned(),
            before: None,
            after: FileImage::new(String::new()),
            edits: vec![],
            then: None,
        };
        let host = Host::local("here").with_sudo(Sudo::Never);
        let side = HostSide::new(&host, "/run/none");
        side.sweep("run1", &[&file("nova.conf"), &file("other.conf")]).await.expect("a sweep");
        assert!(!left.exists(), "it is still there");
        assert!(others.exists(), "another run's");
    }
}
