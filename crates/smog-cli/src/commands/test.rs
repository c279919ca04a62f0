use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smog::hint::Face;
use smog::testing::{
    Case, Isolation, Python, RunReport, RunRequest, Runner, Stop, no_last_run, python_cases, report,
};
use smog::{Error, ExitCode};

use crate::args::environment::{options, variable};
use crate::output;
use crate::print::confirm::confirmed;
use crate::print::test_list;
use crate::print::tests::Printer;
use crate::session::Session;

/// Run white-box tests on the cloud, in parallel as far as its machines have room
///
/// PATTERN is a path (numa, numa.NUMALargePage, numa.NUMALargePage.test_large_pages), the
/// name of a class or a test alone, or a glob (numa.*.test_two*). Without any, all run.
/// A file or folder (./my_tests, test_web.py) adds the Python tests in it, as pytest finds
/// them: their marker `smog_claims` says what they need. They use your own project.
///
/// The cases work in a project of their own, which is removed afterwards with all that is
/// in it. Exceptions in the logs of the hosts fail the case whose requests they belong
/// to, unless `watch.allow` of smog.yml knows them. Each case has a folder under `log_dir`
/// with records, API calls and, after a failure, the domain XML and the hosts' facts.
///
/// Examples:
///   smog test --list numa
///   smog test numa.NUMALargePage
///   smog test -k "pinning and not resize" --prepare
///   smog test --failed --keep
///   smog test ./my_tests
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct TestArgs {
    /// Cases, classes, suites, globs, or files and folders of Python tests
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,

    /// Words in names and tags: "numa and not (resize or migration)"
    #[arg(short = 'k', value_name = "EXPRESSION", help_heading = "Which")]
    words: Option<String>,

    /// Only cases with this tag; may be given several times
    #[arg(long = "tag", value_name = "TAG", help_heading = "Which")]
    tags: Vec<String>,

    /// Only the cases that failed in the last run
    #[arg(long, help_heading = "Which")]
    failed: bool,

    /// Only the names in this file, one per line
    #[arg(long, value_name = "FILE", conflicts_with = "failed", help_heading = "Which")]
    load_list: Option<PathBuf>,

    /// Run only one part of the cases: 1/4 is the first of four
    #[arg(long, value_name = "N/M", value_parser = partition, help_heading = "Which")]
    partition: Option<(usize, usize)>,

    /// List the cases, and whether each can run here
    #[arg(long, help_heading = "Instead of running")]
    list: bool,

    /// With --list: show their documentation
    #[arg(long, requires = "list", help_heading = "Instead of running")]
    long: bool,

    /// Only show the summary of the last run, and write the reports asked for
    #[arg(long, conflicts_with = "list", help_heading = "Instead of running")]
    last: bool,

    /// Number of cases to run at once
    #[arg(short, long, value_name = "N", default_value_t = 4, help_heading = "Run")]
    jobs: usize,

    /// Change the configuration of hosts for the cases that need it, and restore it
    #[arg(long, help_heading = "Run")]
    prepare: bool,

    /// Do not ask before hosts are changed
    #[arg(short, long, help_heading = "Run")]
    yes: bool,

    /// Start no more cases after the first failure
    #[arg(long, help_heading = "Run")]
    fail_fast: bool,

    /// Start no more cases after this many failures
    #[arg(long, value_name = "N", conflicts_with = "fail_fast", help_heading = "Run")]
    max_fail: Option<NonZeroUsize>,

    /// A time limit for each case, in seconds, instead of its own
    #[arg(long, value_name = "SECONDS", help_heading = "Run")]
    timeout: Option<NonZeroU64>,

    /// Retry a failed case this many times; one that passes then is reported as flaky
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Run")]
    retries: u32,

    /// Run each case this many times
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Run")]
    repeat: usize,

    /// Keep the guests of failed cases, except where the configuration was changed
    #[arg(long, help_heading = "Run")]
    keep: bool,

    /// Which project the cases use
    #[arg(long, value_enum, default_value_t, help_heading = "Run")]
    isolate: Isolate,

    /// Do not follow the logs of the hosts
    #[arg(long, help_heading = "Run")]
    no_watch: bool,

    /// Ignore this known exception: TYPE or TYPE@LOGGER; may be given several times
    #[arg(long = "allow", value_name = "TYPE[@LOGGER]", help_heading = "Run")]
    allow: Vec<String>,

    /// Do not exit with 3 when a log could not be read (UNREAD)
    #[arg(long, help_heading = "Run")]
    allow_unread: bool,

    /// Where the folders of cases are written [default: log_dir of smog.yml, or ~/.local/state/smog/logs]
    #[arg(long, value_name = "DIR", help_heading = "Reports")]
    log_dir: Option<PathBuf>,

    /// Show the N slowest cases
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Reports")]
    slowest: usize,

    /// Write a JUnit XML report
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    junit: Option<PathBuf>,

    /// Write a subunit v2 stream
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    subunit: Option<PathBuf>,

    /// Write a JSON line for each case
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    json: Option<PathBuf>,

    /// Write a self-contained HTML page
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    html: Option<PathBuf>,

    /// Print failures as annotations for the log of GitHub or GitLab [default: on, where
    /// GITHUB_ACTIONS or GITLAB_CI is set]
    #[arg(long, help_heading = "Reports")]
    annotations: bool,

    /// The Python that has smog's package and pytest [default: the one next to this command, else python3]
    #[arg(long, value_name = "PATH", env = "SMOG_PYTHON", help_heading = "Run")]
    python: Option<PathBuf>,

    /// The folder of journals on this machine [default: ~/.local/state/smog/journal]
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    journal: Option<PathBuf>,
}

/// Whose the resources of cases are.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Isolate {
    /// A project and a user for the run
    #[default]
    Run,
    /// A project and a user for each case
    Case,
    /// Your own project
    None,
}

pub async fn run(mut args: TestArgs, session: &Session, mut cases: Vec<Case>) -> Result<ExitCode, Error> {
    let file = session.smog_file()?;
    args.add_python(session, &mut cases).await?;
    let request = args.request()?;
    let log_dir = request.log_dir(&file, &session.surroundings)?;
    if args.last {
        let mut last = report::last(&log_dir)?.ok_or_else(|| no_last_run(&log_dir))?;
        last.allow_unread |= args.allow_unread;
        output::painted(&crate::print::tests::coloured(&report::summary_text(&last, args.slowest)));
        args.write_reports(&last)?;
        return Ok(last.exit_code());
    }
    let plan = request.resolve(&cases, &file, &session.surroundings)?;
    plan.notices.iter().for_each(|notice| output::warning(notice));
    let chosen = &plan.cases;
    if args.list {
        return test_list::run(chosen, args.long, session).await;
    }
    if chosen.is_empty() {
        output::warning("no case is selected");
        return Ok(ExitCode::NothingRan);
    }
    if session.dry_run {
        return test_list::run(chosen, false, session).await;
    }
    args.reports_can_be_written()?;
    let cloud = session.cloud().await?;
    let names = plan.configurations();
    if args.prepare && !names.is_empty() {
        let question =
            format!("Change the configuration of the hosts ({}), and restore it?", names.join("; "));
        if !confirmed(&question, args.yes)? {
            return Ok(ExitCode::NothingRan);
        }
    }
    let stop = Stop::default();
    let printer = Arc::new(Printer::new(session.quiet));
    let mut environment = options(args.journal.as_deref(), session, "smog test")?;
    environment.on_event = None;
    let runner = Runner {
        cloud: cloud.clone(),
        surroundings: session.surroundings.clone(),
        settings: session.surroundings.settings()?,
        options: request.options(&plan, &file, environment)?,
        on_event: Some({
            let printer = Arc::clone(&printer);
            Arc::new(move |event| printer.tell(event))
        }),
        stop: stop.clone(),
    };
    session.begins_work()?;
    session.ends_itself();
    session
        .leaves("what the run had made: `smog clean` removes it, `smog restore` takes changes of hosts back");
    let repeated = plan.repeated(args.repeat);
    let mut nobody_reads = false;
    let mut ended = {
        let run = runner.run(&repeated);
        tokio::pin!(run);
        tokio::select! {
            ended = &mut run => ended?,
            () = crate::interrupt::interrupted() => {
                printer.note("stopping: cases are ended and cleaned up; press Ctrl-C again to leave at once");
                stop.stop();
                run.await?
            }
            // Nobody reads the output of a run that may take an hour: as with Ctrl-C.
            () = output::reader_gone() => {
                printer.note("stopping, since nobody reads the output: cases are ended and cleaned up");
                nobody_reads = true;
                stop.stop();
                run.await?
            }
        }
    };
    ended.allow_unread = args.allow_unread;
    printer.end();
    // Printed first: a full disk must not lose the result.
    output::painted(&crate::print::tests::coloured(&report::summary_text(&ended, args.slowest)));
    report::store(&ended, &log_dir)?;
    args.write_reports(&ended)?;
    if nobody_reads {
        return Ok(ExitCode::ReaderGone);
    }
    Ok(ended.exit_code())
}

impl TestArgs {
    /// Patterns that are paths become the Python tests that pytest finds there.
    async fn add_python(&mut self, session: &Session, cases: &mut Vec<Case>) -> Result<(), Error> {
        let (paths, mut patterns): (Vec<String>, Vec<String>) =
            std::mem::take(&mut self.patterns).into_iter().partition(|pattern| is_path(pattern));
        if paths.is_empty() {
            self.patterns = patterns;
            return Ok(());
        }
        for path in &paths {
            if !std::path::Path::new(path).exists() {
                return Err(Error::Invalid {
                    what: format!("`{path}`"),
                    why: "there is no such file or folder".into(),
                    hint: Some("a case is named without a slash: numa.NUMALargePage".into()),
                });
            }
        }
        let python = python(self.python.clone(), session);
        let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
        let found = python_cases(&python, &paths).await?;
        patterns.extend(found.iter().map(|case| case.name.to_string()));
        cases.extend(found);
        self.patterns = patterns;
        Ok(())
    }

    fn request(&self) -> Result<RunRequest, Error> {
        Ok(RunRequest {
            patterns: self.patterns.clone(),
            words: self.words.clone(),
            tags: self.tags.clone(),
            names: self.load_list.as_deref().map(names_in).transpose()?,
            failed: self.failed,
            partition: self.partition,
            jobs: self.jobs,
            isolation: match self.isolate {
                Isolate::Run => Isolation::Run,
                Isolate::Case => Isolation::Case,
                Isolate::None => Isolation::None,
            },
            keep: self.keep,
            retries: self.retries,
            repeat: self.repeat,
            max_fail: if self.fail_fast { Some(1) } else { self.max_fail.map(usize::from) },
            timeout: self.timeout.map(|seconds| Duration::from_secs(seconds.get())),
            prepare: self.prepare,
            watch: !self.no_watch,
            allow: self.allow.clone(),
            allow_unread: self.allow_unread,
            log_dir: self.log_dir.clone(),
            face: Face::Command,
        })
    }

    /// Asked before a run of many minutes, not after it.
    fn reports_can_be_written(&self) -> Result<(), Error> {
        for file in [&self.junit, &self.subunit, &self.json, &self.html].into_iter().flatten() {
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) || file.is_dir() {
                return Err(Error::Invalid {
                    what: format!("report {}", file.display()),
                    why: if file.is_dir() { "it is a folder" } else { "its folder is not there" }.into(),
                    hint: Some("nothing was run; name a file in a folder that is there".into()),
                });
            }
        }
        Ok(())
    }

    fn write_reports(&self, ended: &RunReport) -> Result<(), Error> {
        if let Some(file) = &self.junit {
            write(file, report::junit(ended)?.as_bytes())?;
        }
        if let Some(file) = &self.subunit {
            write(file, &report::subunit(ended))?;
        }
        if let Some(file) = &self.json {
            write(file, report::json_lines(ended).as_bytes())?;
        }
        if let Some(file) = &self.html {
            write(file, report::html(ended).as_bytes())?;
        }
        let (github, gitlab) = (variable("GITHUB_ACTIONS").is_some(), variable("GITLAB_CI").is_some());
        if self.annotations || github || gitlab {
            let flavor = if gitlab { report::Flavor::GitLab } else { report::Flavor::GitHub };
            output::text(&report::annotations(ended, flavor));
        }
        Ok(())
    }
}

/// Whether a pattern means files: names of cases have no slash.
fn is_path(pattern: &str) -> bool {
    pattern.contains('/') || pattern == "." || pattern == ".." || pattern.ends_with(".py")
}

/// The interpreter, and this command's login as pytest's options and variables.
fn python(program: Option<PathBuf>, session: &Session) -> Python {
    let asked = &session.surroundings;
    let mut python = Python { program: program.unwrap_or_else(super::shell::beside), ..Python::default() };
    if let Some(cloud) = &asked.os_cloud {
        python.arguments.extend(["--smog-cloud".to_string(), cloud.clone()]);
    }
    if let Some(file) = &asked.rc_file {
        python.arguments.extend(["--smog-rc".to_string(), file.display().to_string()]);
    }
    if let Some(file) = &asked.config_file {
        python.variables.push(("SMOG_CONFIG".into(), file.display().to_string()));
    }
    for set in &asked.sets {
        let (path, value) = set.split_once('=').unwrap_or((set, ""));
        let name = format!("SMOG_{}", path.to_uppercase().replace('.', "__"));
        python.variables.push((name, value.to_string()));
    }
    python
}

fn write(file: &std::path::Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(file, bytes).map_err(|why| Error::Invalid {
        what: format!("report {}", file.display()),
        why: why.to_string(),
        hint: Some("the run is kept: `smog test --last` with the reports' options writes them".into()),
    })
}

/// Names of cases, one per line; empty lines and comments are left out.
fn names_in(file: &std::path::Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(file).map_err(|why| Error::Invalid {
        what: format!("list {}", file.display()),
        why: why.to_string(),
        hint: None,
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_string).collect())
}

fn partition(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(one, all)| Some((one.parse().ok()?, all.parse().ok()?)));
    parts.ok_or_else(|| "two numbers are expected: 1/4".into())
}
