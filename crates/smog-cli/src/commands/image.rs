//! `smog image …`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use smog::cloud::{Checksum, ImageSource, NewImage, Transfer};
use smog::{Error, ExitCode};

use crate::args::key_value::{Keys, Pairs, key_and_value, only_keys};
use crate::args::names;
use crate::output;
use crate::print::progress::Progress;
use crate::session::{Session, in_full};

/// Images
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    #[command(subcommand)]
    verb: ImageVerb,
}

#[derive(Debug, Subcommand)]
enum ImageVerb {
    /// List images
    #[command(visible_alias = "ls")]
    List,
    /// Show an image with its properties
    Show(One),
    /// Upload a file
    Upload(UploadArgs),
    /// Download an image file from a URL, keep it in the cache, and upload it
    Fetch(FetchArgs),
    /// Write an image to a file
    Download(DownloadArgs),
    /// Set properties
    Set(SetArgs),
    /// Remove properties
    Unset(UnsetArgs),
    /// Delete images
    Delete(Many),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The image: name, id, or an unambiguous beginning
    #[arg(add = names::images())]
    image: String,
}

#[derive(Debug, clap::Args)]
struct Many {
    /// The images: full names or ids
    #[arg(required = true, add = names::images())]
    images: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct New {
    /// Its name [default: the file's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// raw, qcow2 … [default: detected from the file]
    #[arg(long, value_name = "FORMAT")]
    disk_format: Option<String>,
    /// Property, such as hw_cpu_policy=dedicated; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_and_value)]
    properties: Vec<(String, String)>,
    /// Visible to every project (administrators only)
    #[arg(long, conflicts_with_all = ["shared", "private"])]
    public: bool,
    /// Visible to the projects that are its members
    #[arg(long, conflicts_with = "private")]
    shared: bool,
    /// Visible to your own project only (the default)
    #[arg(long)]
    private: bool,
}

impl New {
    /// Private unless the caller says otherwise: an image that every project can boot from is a decision.
    fn visibility(&self) -> &'static str {
        match (self.public, self.shared) {
            (true, _) => "public",
            (_, true) => "shared",
            _ => "private",
        }
    }
}

#[derive(Debug, clap::Args)]
struct UploadArgs {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, clap::Args)]
struct FetchArgs {
    /// http, https or file URL
    url: String,
    /// Expected checksum: sha256:… or sha512:…
    #[arg(long, value_name = "CHECKSUM")]
    checksum: Option<Checksum>,
    /// The cache folder
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    new: New,
}

#[derive(Debug, clap::Args)]
struct DownloadArgs {
    #[command(flatten)]
    one: One,
    /// The file to write
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    properties: Pairs,
}

#[derive(Debug, clap::Args)]
struct UnsetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    properties: Keys,
}

pub async fn run(args: ImageArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        ImageVerb::List => output::list(&session.cloud().await?.images().await?, &session.view)?,
        ImageVerb::Show(args) => {
            output::show(&session.cloud().await?.image(&args.image).await?, &session.view)?
        }
        ImageVerb::Upload(args) => upload(args.file, args.new, session).await?,
        ImageVerb::Fetch(args) => fetch(args, session).await?,
        ImageVerb::Download(args) => {
            let cloud = session.cloud().await?;
            let image = cloud.image(&args.one.image).await?;
            let progress = Progress::begin(format!("downloading {}", image.name), session.quiet);
            cloud.download_image(&image, &args.file, &|transfer| progress.state(&amount(transfer))).await?;
            progress.end();
            session.done(&format!("{}: written to {}", image.name, args.file.display()));
        }
        ImageVerb::Set(args) => {
            let cloud = session.cloud().await?;
            let image = cloud.image(&args.one.image).await?;
            let properties: BTreeMap<String, String> = args.properties.pairs.into_iter().collect();
            output::show(&cloud.set_image_properties(&image.id, &properties).await?, &session.view)?;
        }
        ImageVerb::Unset(args) => {
            let cloud = session.cloud().await?;
            let image = cloud.image(&args.one.image).await?;
            only_keys("property", &args.properties.keys, image.properties.keys())?;
            let keys: Vec<&str> = args.properties.keys.iter().map(String::as_str).collect();
            output::show(&cloud.unset_image_properties(&image.id, &keys).await?, &session.view)?;
        }
        ImageVerb::Delete(args) => {
            let cloud = session.cloud().await?;
            let mut images = Vec::new();
            for asked in &args.images {
                let image = cloud.image(asked).await?;
                in_full("image", asked, &image.name, &image.id)?;
                images.push(image);
            }
            let work =
                |image: smog::cloud::Image| (image.name, async move { cloud.delete_image(&image.id).await });
            return crate::print::several::deleted(images.into_iter().map(work).collect(), session).await;
        }
    }
    Ok(ExitCode::Ok)
}

async fn upload(file: PathBuf, new: New, session: &Session) -> Result<(), Error> {
    let cloud = session.cloud().await?;
    let visibility = new.visibility();
    let name =
        new.name.unwrap_or_else(|| file.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let image = NewImage {
        name: name.clone(),
        disk_format: new.disk_format,
        properties: new.properties.into_iter().collect(),
        visibility: Some(visibility.into()),
        ..NewImage::default()
    };
    let progress = Progress::begin(format!("uploading {name}"), session.quiet);
    let image = cloud.upload_image(image, &file, &|transfer| progress.state(&amount(transfer))).await?;
    progress.end();
    output::show(&image, &session.view)
}

async fn fetch(args: FetchArgs, session: &Session) -> Result<(), Error> {
    let folder = args.cache.or_else(crate::args::names::cache_folder).ok_or_else(|| Error::Invalid {
        what: "the cache folder".into(),
        why: "neither XDG_CACHE_HOME nor HOME is set".into(),
        hint: Some("name one with `--cache DIR`".into()),
    })?;
    let mut source = ImageSource::new(&args.url, folder.join("images"));
    if let Some(checksum) = args.checksum {
        source = source.with_checksum(checksum);
    }
    let progress = Progress::begin(format!("fetching {}", args.url), session.quiet);
    let file = source.fetch(&|transfer| progress.state(&amount(transfer))).await?;
    progress.end();
    upload(file, args.new, session).await
}

/// "12 of 16 MiB"
fn amount(transfer: Transfer) -> String {
    match transfer.total_bytes {
        Some(total) => format!("{} of {} MiB", transfer.done_bytes >> 20, total >> 20),
        None => format!("{} MiB", transfer.done_bytes >> 20),
    }
}
