//! Tar archives: nothing of them is ever written under a name of theirs.
//!
//! Of an archive that is not compressed the members are read where they are. Of a compressed one
//! those that may be logs are unpacked, one after the other, into a file that has no name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Component, Path};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::entry::{Bytes, Entry};
use super::kind::{self, Kind};
use super::place::{Gathered, believable};
use super::trouble::{Trouble, What};
use crate::watch::unpack;

/// How much an archive may hold: archives are made by others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Members of all archives.
    members: u64,
    /// What is unpacked may be so many times as big as the archive …
    ratio: u64,
    /// … when it is bigger than so many bytes.
    free: u64,
    /// Bytes of all archives that are kept unpacked.
    kept: u64,
    /// Archives may lie so deep in each other.
    depth: usize,
    /// What a file is, by its path: what is [`Kind::Other`] is not kept.
    kinds: fn(&str) -> Kind,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            members: 1_000_000,
            ratio: 300,
            free: 512 << 20,
            kept: 64 << 30,
            depth: 3,
            kinds: kind::kind,
        }
    }
}

impl Limits {
    /// The same for files of other kinds than logs.
    pub fn of_kinds(self, kinds: fn(&str) -> Kind) -> Limits {
        Limits { kinds, ..self }
    }
}

#[cfg(test)]
impl Limits {
    pub fn small() -> Limits {
        Limits { members: 100, ratio: 20, free: 64 << 10, kept: 1 << 20, depth: 3, kinds: kind::kind }
    }
}

/// Where big files that are not kept belong: /tmp often is memory.
const BIG: &str = "/var/tmp";

/// The file to which archives are unpacked.
pub(super) struct Spool {
    file: Option<Arc<File>>,
    end: u64,
    members: u64,
    limits: Limits,
}

impl Spool {
    pub fn new(limits: Limits) -> Spool {
        Spool { file: None, end: 0, members: 0, limits }
    }

    /// What a file is, by its path.
    pub(super) fn kind(&self, inside: &str) -> Kind {
        (self.limits.kinds)(inside)
    }

    /// Unpack a member.
    fn keep(&mut self, input: &mut impl Read) -> io::Result<Bytes> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => {
                let file =
                    if Path::new(BIG).is_dir() { tempfile::tempfile_in(BIG) } else { tempfile::tempfile() };
                let file = Arc::new(file?);
                self.file = Some(Arc::clone(&file));
                file
            }
        };
        let room = self.limits.kept.saturating_sub(self.end);
        let (at, mut block) = (self.end, vec![0; 256 << 10]);
        let written = loop {
            let read = match input.read(&mut block) {
                Ok(read) => read,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => break Err(why),
            };
            if read == 0 {
                break Ok(());
            }
            if self.end - at + read as u64 > room {
                break Err(too_much(format!("the logs in it have more than {} GiB", self.limits.kept >> 30)));
            }
            (&*file).write_all(&block[..read])?;
            self.end += read as u64;
        };
        let bytes = Bytes::Part { file, at, length: self.end - at };
        match written {
            Ok(()) => Ok(bytes),
            // What came before the archive's end is read.
            Err(why) if self.end > at && !is_too_much(&why) => {
                Err(io::Error::new(why.kind(), Torn { bytes, why }))
            }
            Err(why) => Err(why),
        }
    }
}

/// A member of which only the beginning could be read.
#[derive(Debug)]
struct Torn {
    bytes: Bytes,
    why: io::Error,
}

impl std::fmt::Display for Torn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.why.fmt(f)
    }
}

impl std::error::Error for Torn {}

/// An error by a limit.
#[derive(Debug)]
struct TooMuch(String);

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; if it is meant to be so big, unpack it and name the folder", self.0)
    }
}

impl std::error::Error for TooMuch {}

fn too_much(why: String) -> io::Error {
    io::Error::other(TooMuch(why))
}

fn is_too_much(why: &io::Error) -> bool {
    why.get_ref().is_some_and(|inner| inner.is::<TooMuch>())
}

/// Counts what is read of a compressed archive.
pub(super) fn counted(input: impl Read + Send + 'static) -> (impl Read + Send + 'static, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    (Counted { input, count: Arc::clone(&count) }, count)
}

struct Counted<R> {
    input: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(to)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Fails where an archive unpacks to much more than it can hold.
struct Limited<'a, R> {
    input: R,
    read: u64,
    packed: &'a AtomicU64,
    limits: Limits,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(to)?;
        self.read += read as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.read > self.limits.free && self.read / self.limits.ratio > packed {
            return Err(too_much(format!(
                "it unpacks to more than {} times its size, as a tar bomb does",
                self.limits.ratio
            )));
        }
        Ok(read)
    }
}

/// Read an archive, compressed or not.
pub(super) fn read(
    shown: &str,
    base: &str,
    bytes: &Bytes,
    spool: &mut Spool,
    to: &mut Gathered,
    depth: usize,
) {
    if depth > spool.limits.depth {
        return to.left_out(shown, "archives lie too deep in each other");
    }
    let (input, packed) = match bytes.open() {
        Ok(input) => counted(input),
        Err(why) => return to.left_out(shown, why.to_string()),
    };
    let bare = match unpack::bare(input) {
        Ok(bare) => bare,
        Err(why) => return to.left_out(shown, why.to_string()),
    };
    match bytes {
        Bytes::Part { file, at, length } if !bare.was_packed => {
            let part = Bytes::Part { file: Arc::clone(file), at: *at, length: *length };
            match part.open() {
                Ok(input) => members(shown, base, input, Some((file, *at)), spool, to, depth),
                Err(why) => to.left_out(shown, why.to_string()),
            }
        }
        _ => stream(shown, base, bare.whole, &packed, spool, to, depth),
    }
}

/// Read an archive as it comes.
pub(super) fn stream(
    shown: &str,
    base: &str,
    input: impl Read,
    packed: &AtomicU64,
    spool: &mut Spool,
    to: &mut Gathered,
    depth: usize,
) {
    let input = Limited { input, read: 0, packed, limits: spool.limits };
    members(shown, base, input, None, spool, to, depth);
}

/// The members of an archive; `whole`: the file it lies in, and from where on.
fn members(
    shown: &str,
    base: &str,
    input: impl Read,
    whole: Option<(&Arc<File>, u64)>,
    spool: &mut Spool,
    to: &mut Gathered,
    depth: usize,
) {
    let cut = |to: &mut Gathered, why: &io::Error| {
        let what = match is_too_much(why) {
            true => What::LeftOut(why.to_string()),
            false => What::CutShort(why.to_string()),
        };
        to.troubles.push(Trouble { path: shown.into(), what, named: depth == 0 });
    };
    let mut archive = tar::Archive::new(input);
    archive.set_ignore_zeros(false);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(why) => return cut(to, &why),
    };
    let mut climbing: Option<(String, u64)> = None;
    for entry in entries {
        let mut member = match entry {
            Ok(member) => member,
            Err(why) => {
                cut(to, &why);
                break;
            }
        };
        spool.members += 1;
        if spool.members > spool.limits.members {
            let most = spool.limits.members;
            cut(to, &too_much(format!("it has more than {most} members")));
            break;
        }
        let written = member.path_bytes();
        let written = String::from_utf8_lossy(&written).into_owned();
        let Some(path) = below(&written) else {
            let first = climbing.get_or_insert((written, 0));
            first.1 += 1;
            continue;
        };
        let inside = format!("{base}/{path}");
        let kind = member.header().entry_type();
        if kind.is_symlink() {
            if let Some(target) = member.link_name_bytes() {
                to.links.push((inside, String::from_utf8_lossy(&target).into_owned()));
            }
            continue;
        }
        // Links to other members bring nothing new; devices and pipes hold nothing.
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let kind_of = spool.kind(&inside);
        if kind_of == Kind::Other {
            continue;
        }
        let modified = member.header().mtime().ok().and_then(|time| believable(i64::try_from(time).ok()?));
        let bytes = match whole {
            Some((file, at)) if !kind.is_gnu_sparse() => Ok(Bytes::Part {
                file: Arc::clone(file),
                at: at + member.raw_file_position(),
                length: member.size(),
            }),
            _ => spool.keep(&mut member),
        };
        let name = format!("{shown}:{path}");
        let (bytes, failed) = match bytes {
            Ok(bytes) => (bytes, None),
            Err(why) => match why.get_ref().and_then(|inner| inner.downcast_ref::<Torn>()) {
                Some(torn) => (torn.bytes.clone(), Some(why)),
                None => {
                    cut(to, &why);
                    break;
                }
            },
        };
        if kind_of == Kind::Archive {
            read(&name, stem(path.rsplit('/').next().unwrap_or(&path)), &bytes, spool, to, depth + 1);
        } else {
            let size = match &bytes {
                Bytes::Part { length, .. } => *length,
                _ => 0,
            };
            to.entries.push(Entry { shown: name, inside, size, modified, bytes, named: false });
        }
        if let Some(why) = failed {
            cut(to, &why);
            break;
        }
    }
    if let Some((first, count)) = climbing {
        let others = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        to.left_out(shown, format!("the path of a member climbs out of the archive: `{first}`{others}"));
    }
}

/// The path of a member below the archive's root; none when it climbs out.
fn below(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = vec![];
    for component in Path::new(path).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => _ = parts.pop()?,
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(parts.join("/"))
}

/// An archive's name without its endings.
pub(super) fn stem(name: &str) -> &str {
    let name = kind::without_packing(name);
    [".tar", ".tgz", ".txz", ".tbz2", ".tbz", ".tzst"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}
