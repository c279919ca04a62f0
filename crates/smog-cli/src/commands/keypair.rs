//! `smog keypair …`

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::{Session, in_full};

/// Key pairs
#[derive(Debug, clap::Args)]
pub struct KeypairArgs {
    #[command(subcommand)]
    verb: KeypairVerb,
}

#[derive(Debug, Subcommand)]
enum KeypairVerb {
    /// List key pairs
    #[command(visible_alias = "ls")]
    List,
    /// Create a key pair; the private key goes to a new file (mode 0600)
    Create(CreateArgs),
    /// Import a public key
    Import(ImportArgs),
    /// Delete a key pair
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// Where the private key is written; must not exist
    #[arg(long, value_name = "FILE")]
    private_key: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Its name
    name: String,
    /// The public key's file
    public_key: PathBuf,
}

#[derive(Debug, clap::Args)]
struct DeleteArgs {
    /// Its full name
    #[arg(add = crate::args::names::key_pairs())]
    name: String,
}

pub async fn run(args: KeypairArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        KeypairVerb::List => output::list(&cloud.key_pairs().await?, &session.view)?,
        KeypairVerb::Create(args) => {
            // The file first: a key that cannot be kept is not made.
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&args.private_key)
                .map_err(|why| unusable(&args.private_key, &why))?;
            let made = cloud.create_key_pair(&args.name).await;
            if made.is_err() {
                let _ = std::fs::remove_file(&args.private_key);
            }
            let (pair, private) = made?;
            file.write_all(private.reveal().as_bytes()).map_err(|why| unusable(&args.private_key, &why))?;
            output::show(&pair, &session.view)?;
        }
        KeypairVerb::Import(args) => {
            let text =
                std::fs::read_to_string(&args.public_key).map_err(|why| unusable(&args.public_key, &why))?;
            output::show(&cloud.import_key_pair(&args.name, text.trim()).await?, &session.view)?;
        }
        KeypairVerb::Delete(args) => {
            let pair = cloud.key_pair(&args.name).await?;
            in_full("key pair", &args.name, &pair.name, &pair.name)?;
            cloud.delete_key_pair(&pair.name).await?;
            session.done(&format!("{}: deleted", pair.name));
        }
    }
    Ok(ExitCode::Ok)
}

fn unusable(file: &Path, why: &std::io::Error) -> Error {
    Error::Invalid { what: format!("file `{}`", file.display()), why: why.to_string(), hint: None }
}
