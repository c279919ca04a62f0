//! What every command needs: the settings, the cloud when asked for, the output form,
//! and what to say or take back when the command is interrupted.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use smog::cloud::{BootMade, Call, CallRecord, Cloud, Options, VolumeWork};
use smog::config::{Secret, Surroundings};
use smog::recording::Recording;
use smog::redact;
use smog::wait::Wait;
use smog::{Error, Result};
use tokio::sync::{Notify, OnceCell};

use crate::global_args::GlobalArgs;
use crate::output::View;

pub struct Session {
    pub surroundings: Surroundings,
    host_settings: Vec<String>,
    verbose: bool,
    refresh_login: bool,
    pub dry_run: bool,
    pub quiet: bool,
    pub view: View,
    cloud: OnceCell<Cloud>,
    replay: Option<PathBuf>,
    replayed: OnceLock<Result<Replayed>>,
    on_interrupt: Mutex<OnInterrupt>,
    ends_itself: AtomicBool,
    at_work: Arc<AtomicBool>,
    said: Mutex<BTreeSet<String>>,
    shown: Arc<Notify>,
}

/// What is in the recording of `--replay`.
struct Replayed {
    cloud: Cloud,
    file: smog::config::SmogFile,
    /// A part of it could not be read.
    is_cut: bool,
}

/// For so long an interrupted boot waits until its server is deleted.
const TAKING_BACK: Duration = Duration::from_secs(60);

/// What an interrupt leaves behind.
#[derive(Default)]
struct OnInterrupt {
    left: Option<String>,
    boots: Arc<Vec<BootMade>>,
    keep: bool,
    volumes: Option<VolumeWork>,
}

impl Session {
    /// `suite` names the suite whose file the command uses over smog.yml.
    pub fn new(args: &GlobalArgs, suite: Option<&str>) -> Session {
        Session {
            surroundings: surroundings(args, suite),
            host_settings: args.set.iter().filter(|text| is_of_hosts(text)).cloned().collect(),
            verbose: args.verbose,
            refresh_login: args.refresh_login,
            dry_run: args.dry_run,
            quiet: args.quiet,
            view: View {
                form: args.output,
                columns: args.columns.clone(),
                sort: args.sort.clone(),
                quiet: args.quiet,
            },
            cloud: OnceCell::new(),
            replay: args.replay.clone(),
            replayed: OnceLock::new(),
            on_interrupt: Mutex::default(),
            ends_itself: AtomicBool::new(false),
            at_work: Arc::default(),
            said: Mutex::default(),
            shown: Arc::default(),
        }
    }

    /// The cloud, logged in to when first asked for.
    pub async fn cloud(&self) -> Result<&Cloud> {
        if let Some(replayed) = self.replayed() {
            return Ok(&replayed?.cloud);
        }
        self.cloud
            .get_or_try_init(|| async {
                let settings = self.surroundings.settings()?;
                self.note_once(&settings.notices);
                Cloud::connect(&settings, self.options()).await
            })
            .await
    }

    /// What this command's flags say about a session.
    pub fn options(&self) -> Options {
        let mut options = Options { refresh_login: self.refresh_login, ..Options::default() };
        if !self.quiet {
            options.on_notice =
                Some(Arc::new(|notice: &str| crate::output::note(&format!("note: {notice}"))));
        }
        if self.dry_run {
            let shown = Arc::clone(&self.shown);
            options.instead_of_changes = Some(Arc::new(move |call| {
                tell_change(call);
                shown.notify_one();
            }));
        }
        if self.verbose {
            options.on_call = Some(Arc::new(tell));
        }
        let at_work = Arc::clone(&self.at_work);
        options.before_changes = Some(Arc::new(move || may_begin(&at_work)));
        options
    }

    /// The recording that answers instead of the cloud.
    pub fn replay(&self) -> Option<&Path> {
        self.replay.as_deref()
    }

    /// The folder, archive or sosreport of saved logs that `--replay` names instead of a recording.
    pub fn saved_logs(&self) -> Option<PathBuf> {
        self.replay.clone().filter(|path| path.exists() && !Recording::is_one(path))
    }

    /// What is in that recording, read when first asked for.
    fn replayed(&self) -> Option<Result<&Replayed>> {
        let path = self.replay.as_deref()?;
        let open = || {
            let saved = self.saved_logs();
            let recording = match &saved {
                Some(place) => Recording::of_saved(place)?,
                None => Recording::open(path)?,
            };
            if !self.quiet {
                let of = smog::show::visible_line(recording.words()).into_owned();
                crate::output::note(&format!("note: this is {of}; nothing is asked of the cloud"));
                if saved.is_some() {
                    crate::output::note("note: reading sosreports was tried with a tree made by hand only");
                }
            }
            let is_cut = saved.is_some() && !recording.index.unread.is_empty();
            if saved.is_some() && !self.quiet {
                recording
                    .index
                    .unread
                    .iter()
                    .for_each(|line| crate::output::warning(&format!("not read: {line}")));
            }
            let mut options = Options::default();
            if self.verbose {
                options.on_call = Some(Arc::new(tell));
            }
            let file = recording.smog_file();
            Ok(Replayed { cloud: recording.cloud(options)?, file, is_cut })
        };
        Some(self.replayed.get_or_init(open).as_ref().map_err(Clone::clone))
    }

    /// Say what of a recording was answered by commands of another smog. Whether a part of it could
    /// not be read.
    pub fn end_of_replay(&self) -> bool {
        let Some(Ok(replayed)) = self.replayed.get() else { return false };
        let otherwise = replayed.cloud.answered_otherwise();
        if !otherwise.is_empty() && !self.quiet && self.saved_logs().is_none() {
            crate::output::note(&format!(
                "note: another smog made this recording and asked in other words: what this one asks for more is not in \
                 it ({})",
                otherwise.join("; ")
            ));
        }
        replayed.is_cut
    }

    /// With `--dry-run`: a change was shown instead of made, and there is no more to do.
    pub async fn change_was_shown(&self) {
        self.shown.notified().await;
    }

    /// Say each of these once per command.
    fn note_once(&self, notices: &[String]) {
        let Ok(mut said) = self.said.lock() else { return };
        for notice in notices {
            if !self.quiet && said.insert(notice.clone()) {
                crate::output::note(&format!("note: {notice}"));
            }
        }
    }

    /// `watch:` of smog.yml: known noise, and more logs.
    pub fn watch_section(&self) -> Result<smog::config::WatchSection> {
        Ok(self.smog_file()?.watch)
    }

    /// The same of the user's own smog.yml, where `--replay` names saved logs.
    pub fn watch_section_of_user(&self) -> Result<smog::config::WatchSection> {
        Ok(self.surroundings.smog_file()?.watch)
    }

    /// Whether more is shown (`--verbose`).
    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// Each `--set` that names an option of a file on the hosts.
    pub fn host_settings(&self) -> &[String] {
        &self.host_settings
    }

    /// The smog.yml in use, for what must work when the cloud does not answer.
    pub fn smog_file(&self) -> Result<smog::config::SmogFile> {
        if let Some(replayed) = self.replayed() {
            return Ok(replayed?.file.clone());
        }
        let file = self.surroundings.smog_file()?;
        self.note_once(&file.notices);
        Ok(file)
    }

    /// From now on, an interrupt leaves this.
    pub fn leaves(&self, left: impl Into<String>) {
        if let Ok(mut on) = self.on_interrupt.lock() {
            on.left = Some(left.into());
        }
    }

    /// From now on, an interrupt takes back what these boots have made; with `keep` all but servers.
    pub fn takes_back(&self, made: Arc<Vec<BootMade>>, keep: bool) {
        if let Ok(mut on) = self.on_interrupt.lock() {
            (on.boots, on.keep) = (made, keep);
        }
    }

    /// From now on, an interrupt takes back what this work with volumes has begun.
    pub fn takes_back_volumes(&self, work: &VolumeWork) {
        if let Ok(mut on) = self.on_interrupt.lock() {
            on.volumes = Some(work.clone());
        }
    }

    /// From now on, the command takes the first interrupt as its own way to end.
    pub fn ends_itself(&self) {
        self.ends_itself.store(true, Ordering::Relaxed);
    }

    /// From now on something is changed, which comes to its end (or is taken back) also when
    /// nobody reads the output. Calls to the cloud that change something say so themselves.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the reader is gone already: then it is not begun.
    pub fn begins_work(&self) -> Result<()> {
        may_begin(&self.at_work)
    }

    /// Whether something was changed, or is being.
    pub fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
    }

    /// Whether the command ends by itself at the first interrupt.
    pub fn is_ending_itself(&self) -> bool {
        self.ends_itself.load(Ordering::Relaxed)
    }

    /// Called after an interrupt: take back, and say what is left.
    pub async fn take_back(&self) -> String {
        let on = self.on_interrupt.lock().map(|mut on| std::mem::take(&mut *on)).unwrap_or_default();
        let left = on.left.unwrap_or_else(|| "nothing was changed".into());
        if let (Some(cloud), Some(work)) = (self.cloud.get(), &on.volumes) {
            crate::output::note("interrupted: undoing what was begun; press Ctrl-C again to leave at once");
            let wait = Wait::up_to(TAKING_BACK);
            return tokio::select! {
                taken_back = cloud.take_back_volumes(work, wait) => taken_back.unwrap_or(left),
                () = crate::interrupt::interrupts(2) => left,
            };
        }
        let Some(cloud) = self.cloud.get().filter(|_| !on.boots.is_empty()) else { return left };
        if !on.keep {
            crate::output::note("interrupted: undoing what was begun; press Ctrl-C again to leave at once");
        }
        let wait = Wait::up_to(TAKING_BACK);
        tokio::select! {
            left = cloud.take_back_boots(&on.boots, on.keep, wait) => left,
            () = crate::interrupt::interrupts(2) => left,
        }
    }

    /// Say that something is done, unless quiet.
    pub fn done(&self, text: &str) {
        if !self.quiet {
            crate::output::text(&format!("{text}\n"));
        }
    }

    pub async fn close(&self) {
        if let Some(cloud) = self.cloud.get() {
            cloud.close().await;
        }
    }
}

fn may_begin(at_work: &AtomicBool) -> Result<()> {
    if crate::output::is_gone() && !at_work.load(Ordering::Relaxed) {
        return Err(Error::Interrupted { left: "nothing was changed".into() });
    }
    at_work.store(true, Ordering::Relaxed);
    Ok(())
}

/// One line per API call on standard error.
fn tell(call: &CallRecord) {
    let status = call.status.map_or("---".into(), |status| status.to_string());
    crate::output::note(&format!(
        "{:<9} {:<6} {status} {:>6.0} ms  {}  {}",
        call.service,
        call.method,
        call.elapsed.as_secs_f64() * 1000.0,
        call.path,
        call.request_id.as_deref().unwrap_or("-"),
    ));
}

/// What would be asked, on standard output: the answer of `--dry-run`.
fn tell_change(call: &Call) {
    let body = call.body.as_ref().map(|body| format!("\n{:#}", redact::json(body))).unwrap_or_default();
    crate::output::text(&format!("would ask {}: {} {}{body}\n", call.service.name(), call.method, call.path));
}

/// Whether a `--set` names an option of a file on the hosts: `[WHO/]FILE:OPTION=VALUE`.
fn is_of_hosts(text: &str) -> bool {
    text.split('=').next().unwrap_or(text).contains(':')
}

/// The same for certain hosts only; smog's own settings know no such thing.
fn is_of_named_hosts(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or(text);
    name.split_once(':').is_some_and(|(file, _)| file.contains('/'))
}

/// What the user's environment says, with the flags on top.
fn surroundings(args: &GlobalArgs, suite: Option<&str>) -> Surroundings {
    let mut found = Surroundings {
        os_cloud: args.os_cloud.clone(),
        region: args.region.clone(),
        rc_file: args.rc.clone(),
        config_file: args.config.clone(),
        sets: args.set.iter().filter(|text| !is_of_named_hosts(text)).cloned().collect(),
        suite: suite.map(str::to_string),
        give_up: Some(Arc::new(crate::interrupt::is_interrupted)),
        ..Surroundings::of_process()
    };
    // What is wrong with the file is said when the settings are read.
    if args.replay.is_none()
        && std::io::stdin().is_terminal()
        && let Ok(Some(question)) = found.password_question()
        && let Some(answer) = crate::password::ask(&format!("{question}: "))
    {
        found.password = Some(Secret::new(answer));
    }
    found
}

/// A guest is named in full for what cannot be undone; its beginning is not enough.
pub fn named_in_full(asked: &str, guest: &smog::Guest) -> Result<()> {
    in_full("guest", asked, &guest.server.name, &guest.server.id)
}

/// Whether `asked` is the whole name or id of what was found.
pub fn in_full(what: &str, asked: &str, name: &str, id: &str) -> Result<()> {
    if id == asked || name == asked {
        return Ok(());
    }
    Err(Error::NotFound { what: what.into(), name: asked.into(), near: vec![name.to_string()] })
}
