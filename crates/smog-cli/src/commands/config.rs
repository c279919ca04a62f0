//! `smog config …`

mod init;

use std::path::PathBuf;

use clap::Subcommand;
use smog::config::{SmogFile, schema};
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
            output::list(&file.entries(), &session.view)?;
            if file.entries().is_empty() && !session.quiet {
                output::note("no settings; `smog config init` writes a smog.yml");
            }
        }
        ConfigVerb::Init(args) => init::run(args, session).await?,
        ConfigVerb::Check { files } if files.is_empty() => {
            let file = session.surroundings.smog_file()?;
            tell(&file, session);
            session.done(&format!("ok, {} settings", file.entries().len()));
        }
        ConfigVerb::Check { files } => {
            let mut failed = None;
            for path in &files {
                match SmogFile::read(path) {
                    Ok(file) => {
                        tell(&file, session);
                        session.done(&format!("{}: ok, {} settings", path.display(), file.entries().len()));
                    }
                    Err(why) if files.len() == 1 => return Err(why),
                    Err(why) => {
                        output::error(&why);
                        failed = Some(why.exit_code());
                    }
                }
            }
            return Ok(failed.unwrap_or(ExitCode::Ok));
        }
        ConfigVerb::Schema => output::text(&format!("{:#}\n", schema())),
    }
    Ok(ExitCode::Ok)
}

fn tell(file: &SmogFile, session: &Session) {
    if !session.quiet {
        file.notices.iter().for_each(|notice| output::note(&format!("note: {notice}")));
    }
}
