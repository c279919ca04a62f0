//! The files of a place.

use crate::hint::{self, Hint};
use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::archive::{self, Limits, Spool};
use super::entry::{Bytes, Entry, Input};
use super::kind::Kind;
use super::trouble::{Trouble, What};
use crate::error::{Error, Result};
use crate::watch::unpack;

/// So many folders may lie in each other.
const DEEPEST: usize = 64;

/// The files of all places.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub entries: Vec<Entry>,
    /// Symbolic links, as far as they say something: the path and where it points to.
    pub links: Vec<(String, String)>,
    pub troubles: Vec<Trouble>,
}

impl Gathered {
    pub fn left_out(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.troubles.push(Trouble { path: path.into(), what: What::LeftOut(why.into()), named: false });
    }

    /// A place that was named and cannot be read.
    fn unreadable(&mut self, place: &Path, why: &io::Error) {
        self.troubles.push(Trouble {
            path: place.display().to_string(),
            what: What::LeftOut(plain(why)),
            named: true,
        });
    }
}

/// All files of all places.
pub(super) fn gather(
    places: &[PathBuf],
    input: Option<Box<dyn Read + Send>>,
    limits: Limits,
) -> Result<Gathered> {
    let mut to = Gathered::default();
    let mut spool = Spool::new(limits);
    let mut input = input;
    let absent: Vec<&Path> = places.iter().map(PathBuf::as_path).filter(|place| is_absent(place)).collect();
    if !absent.is_empty() {
        // Said before anything is read: it is a wrong name, not a log that is gone.
        return Err(no_such(&absent));
    }
    for place in places {
        if place == Path::new("-") {
            let Some(input) = input.take() else {
                return Err(Error::Invalid {
                    what: "`-`".into(),
                    why: "standard input can be read once only".into(),
                    hint: None,
                });
            };
            if let Err(why) = standard_input(input, &mut spool, &mut to) {
                to.unreadable(place, &why);
            }
            continue;
        }
        // One that may not be read does not prevent the others.
        let read = fs::metadata(place).and_then(|about| match about.is_dir() {
            true => folder(place, &mut spool, &mut to),
            false => named_file(place, &about, &mut spool, &mut to),
        });
        if let Err(why) = read {
            to.unreadable(place, &why);
        }
    }
    Ok(to)
}

/// Whether there is nothing of this name.
fn is_absent(place: &Path) -> bool {
    place != Path::new("-") && fs::metadata(place).is_err_and(|why| why.kind() == io::ErrorKind::NotFound)
}

fn standard_input(input: Box<dyn Read + Send>, spool: &mut Spool, to: &mut Gathered) -> io::Result<()> {
    let (packed, counted) = archive::counted(input);
    let bare = unpack::bare(packed)?;
    if unpack::is_tar(&bare.begin) {
        archive::stream("-", "-", bare.whole, &counted, spool, to, 0);
        return Ok(());
    }
    to.entries.push(Entry {
        shown: "-".into(),
        inside: "-".into(),
        size: 0,
        modified: None,
        bytes: Bytes::Input(Arc::new(Mutex::new(Some(Input(bare.whole))))),
        named: true,
    });
    Ok(())
}

/// A file that was named: an archive, or a log whatever it is called.
fn named_file(path: &Path, about: &fs::Metadata, spool: &mut Spool, to: &mut Gathered) -> io::Result<()> {
    let shown = path.display().to_string();
    if about.is_file() && is_tar(path)? {
        archive_file(path, &shown, about.len(), spool, to);
        return Ok(());
    }
    File::open(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    to.entries.push(Entry {
        shown,
        inside: name,
        size: about.len(),
        modified: modified(about),
        bytes: Bytes::File(path.into()),
        named: true,
    });
    Ok(())
}

/// Whether a file, without its compressions, is a tar archive.
fn is_tar(path: &Path) -> io::Result<bool> {
    match unpack::bare(File::open(path)?) {
        Ok(bare) => Ok(unpack::is_tar(&bare.begin)),
        // What is damaged is said when it is read.
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied => Err(why),
        Err(_) => Ok(false),
    }
}

fn archive_file(path: &Path, shown: &str, size: u64, spool: &mut Spool, to: &mut Gathered) {
    let base = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let base = archive::stem(&base).to_string();
    match File::open(path) {
        Ok(file) => {
            let bytes = Bytes::Part { file: Arc::new(file), at: 0, length: size };
            archive::read(shown, &base, &bytes, spool, to, 0);
        }
        Err(why) => to.left_out(shown, plain(&why)),
    }
}

/// A folder with all that is below it. Symbolic links are not followed: what they point to is
/// below it anyway, or not of this place.
fn folder(place: &Path, spool: &mut Spool, to: &mut Gathered) -> io::Result<()> {
    let whole = place.canonicalize()?;
    let base = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut folders = vec![(place.to_path_buf(), base, 0)];
    let mut is_first = true;
    while let Some((folder, inside, depth)) = folders.pop() {
        let shown = folder.display().to_string();
        let listed = fs::read_dir(&folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
        let mut listed = match listed {
            Ok(listed) => listed,
            Err(why) if is_first => return Err(why),
            Err(why) => {
                to.left_out(shown, plain(&why));
                continue;
            }
        };
        is_first = false;
        listed.sort_by_key(fs::DirEntry::file_name);
        for entry in listed {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let inside = if inside.is_empty() { name } else { format!("{inside}/{name}") };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                match depth < DEEPEST {
                    true => folders.push((path, inside, depth + 1)),
                    false => to.left_out(path.display().to_string(), "folders lie too deep in each other"),
                }
            } else {
                file(&path, inside, kind, spool, to);
            }
        }
    }
    Ok(())
}

fn file(path: &Path, inside: String, kind: FileType, spool: &mut Spool, to: &mut Gathered) {
    if kind.is_symlink() {
        if let Ok(target) = fs::read_link(path) {
            to.links.push((inside, target.to_string_lossy().into_owned()));
        }
        return;
    }
    // Pipes, sockets and devices have no end.
    if !kind.is_file() {
        return;
    }
    let shown = path.display().to_string();
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(why) => return to.left_out(shown, plain(&why)),
    };
    match spool.kind(&inside) {
        Kind::Other => {}
        Kind::Archive => match is_tar(path) {
            Ok(true) => archive_file(path, &shown, about.len(), spool, to),
            Ok(false) => {}
            Err(why) => to.left_out(shown, plain(&why)),
        },
        kind => {
            if kind == Kind::Log
                && let Err(why) = File::open(path)
            {
                return to.left_out(shown, plain(&why));
            }
            to.entries.push(Entry {
                shown,
                inside,
                size: about.len(),
                modified: modified(&about),
                bytes: Bytes::File(path.into()),
                named: false,
            });
        }
    }
}

/// What the system says, without its number.
fn plain(why: &io::Error) -> String {
    let text = why.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_string()
}

/// When a file was written last; a time before there was any OpenStack is none.
fn modified(about: &fs::Metadata) -> Option<Timestamp> {
    believable(about.mtime())
}

pub(super) fn believable(seconds: i64) -> Option<Timestamp> {
    const Y2010: i64 = 1_262_304_000;
    Timestamp::from_second(seconds).ok().filter(|time| time.as_second() > Y2010)
}

fn no_such(paths: &[&Path]) -> Error {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    Error::Invalid {
        what: crate::some_of::some_of(&paths),
        why: if paths.len() == 1 { "no such file" } else { "no such files" }.into(),
        hint: Some(
            Hint::from("without a place, ")
                .and(hint::LOGS.hint())
                .and(" and ")
                .and(hint::TRIAGE.hint())
                .and(" read the logs on the hosts themselves"),
        ),
    }
}
