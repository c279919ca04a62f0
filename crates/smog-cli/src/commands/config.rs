//! `smog config …`

mod init;

use std::path::PathBuf;

use clap::Subcommand;
use smog::config::{SmogFile, schema};
use smog::show::counted;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::Session;

/// smog's own settings
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Show every setting and where it comes from
    Show {
        /// With this suite's file over smog.yml: a name or a path
        #[arg(long, value_name = "NAME")]
        suite: Option<String>,
    },
    /// Write a commented smog.yml for this cloud
    Init(init::InitArgs),
    /// Check files [default: those in use, together]
    Check {
        /// A smog.yml or a suite's file
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of smog.yml, for editors
    Schema,
}

pub async fn run(args: ConfigArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        ConfigVerb::Show { suite } => {
            let mut file = session.surroundings.smog_file()?;
            if let Some(suite) = suite {
                file = session.surroundings.suite_file(&suite)?;
            }
            notices(&file, session);
            let entries = file.entries();
            match entries.is_empty() && session.view.is_for_people() {
                true if session.quiet => {}
                true => output::note("no settings; `smog config init` writes a smog.yml"),
                false => output::list(&entries, &session.view)?,
            }
        }
        ConfigVerb::Init(args) => init::run(args, session).await?,
        ConfigVerb::Check { files } if files.is_empty() => {
            let file = session.surroundings.smog_file()?;
            report(&[Checked::of(None, Ok(&file))], session, || {
                notices(&file, session);
                session.done(&format!("ok, {}", counted(file.entries().len(), "setting")));
            })?;
        }
        ConfigVerb::Check { files } => {
            let read: Vec<_> = files.iter().map(|path| (path, SmogFile::read(path))).collect();
            let checked: Vec<Checked> =
                read.iter().map(|(path, file)| Checked::of(Some(path), file.as_ref())).collect();
            let failed = read.iter().filter_map(|(_, file)| file.as_ref().err()).next_back();
            let code = failed.map_or(ExitCode::Ok, Error::exit_code);
            report(&checked, session, || {
                for (path, file) in &read {
                    match file {
                        Ok(file) => {
                            notices(file, session);
                            let count = counted(file.entries().len(), "setting");
                            session.done(&format!("{}: ok, {count}", path.display()));
                        }
                        Err(why) => output::error(why),
                    }
                }
            })?;
            return Ok(code);
        }
        ConfigVerb::Schema => output::text(&format!("{:#}\n", schema())),
    }
    Ok(ExitCode::Ok)
}

/// What `config check` found of one file, or of those in use together, for machines.
#[derive(serde::Serialize)]
struct Checked {
    file: Option<String>,
    ok: bool,
    /// How many settings it has.
    settings: Option<usize>,
    notices: Vec<String>,
    error: Option<String>,
}

impl Checked {
    fn of(path: Option<&std::path::PathBuf>, file: Result<&SmogFile, &Error>) -> Checked {
        Checked {
            file: path.map(|path| path.display().to_string()),
            ok: file.is_ok(),
            settings: file.ok().map(|file| file.entries().len()),
            notices: file.map(|file| file.notices.clone()).unwrap_or_default(),
            error: file.err().map(ToString::to_string),
        }
    }
}

/// For machines all of it as one value, for people by `said`.
fn report(checked: &[Checked], session: &Session, said: impl FnOnce()) -> Result<(), Error> {
    match session.view.form {
        output::Form::Json | output::Form::Yaml => output::machine(&checked, session.view.form),
        _ => {
            said();
            Ok(())
        }
    }
}

fn notices(file: &SmogFile, session: &Session) {
    if !session.quiet {
        file.notices.iter().for_each(|notice| output::note(&format!("note: {notice}")));
    }
}
