//! Reading a YAML file into a tree of settings, with errors that name the place and show
//! nothing of the text: any file may hold a password, also one given by mistake.

use crate::hint::Hint;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::tree::{Body, Entry, Node, Place, Source};
use crate::error::{Error, Result};

/// Bytes. No configuration is larger; a log given by mistake may be.
const LARGEST: u64 = 1 << 20;

/// Values of a file after its aliases are filled in: what an alias bomb exceeds.
const MOST_NODES: usize = 50_000;

/// What is said of a file that the user may not read.
pub(super) const DENIED: &str = "permission denied";

/// The text of a configuration file.
///
/// # Errors
/// [`Error::Config`]: not there, not readable, not a file, larger than 1 MiB, not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String> {
    let fail = |message: String, hint: Option<&str>| Error::Config {
        place: path.display().to_string(),
        message,
        hint: hint.map(Hint::from),
    };
    let found = std::fs::metadata(path).map_err(|why| fail(plain(&why), None))?;
    // A pipe could be read only once, or never end.
    if !found.is_file() {
        let what = if found.is_dir() { "a folder" } else { "a pipe or device" };
        return Err(fail(format!("is {what}, not a file"), Some("name the file itself")));
    }
    let mut bytes = Vec::new();
    let too_large = || {
        fail(
            format!("larger than {} MiB, the limit for a configuration file", LARGEST >> 20),
            Some("is it the right file?"),
        )
    };
    if found.len() > LARGEST {
        return Err(too_large());
    }
    let file = std::fs::File::open(path).map_err(|why| fail(plain(&why), None))?;
    // It may have grown since.
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|why| fail(plain(&why), None))?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|why| {
        let good = String::from_utf8_lossy(&why.as_bytes()[..why.utf8_error().valid_up_to()]).into_owned();
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::Config {
            place: format!("{}:{line}:{column}", path.display()),
            message: "not UTF-8 text from here on".into(),
            hint: Some(
                format!("`iconv -f {} -t utf8` may convert it", if is_utf16 { "utf16" } else { "latin1" })
                    .into(),
            ),
        }
    })
}

/// A file as a tree. A key that comes twice is refused.
pub(super) fn read_tree(path: &Path) -> Result<Node> {
    tree(path, DuplicateKeyPolicy::Error)
}

/// A file of others as a tree: of a key that comes twice both are there, as PyYAML takes it.
pub(super) fn read_forgiving(path: &Path) -> Result<Node> {
    tree(path, DuplicateKeyPolicy::PassThrough)
}

fn tree(path: &Path, duplicates: DuplicateKeyPolicy) -> Result<Node> {
    let text = read_text(path)?;
    let spanned = parsed(&text, duplicates).map_err(|(row, column, message)| Error::Config {
        place: match row {
            0 => path.display().to_string(),
            _ => format!("{}:{row}:{column}", path.display()),
        },
        message,
        hint: None,
    })?;
    let source = Arc::new(Source::File { path: path.into() });
    Ok(spanned.value.placed(&text, &source, &spanned.referenced, &spanned.defined))
}

/// A value given by a variable or a flag.
pub(super) fn value_tree(text: &str, source: Source) -> Result<Node> {
    let source = Arc::new(source);
    let spanned = parsed(text, DuplicateKeyPolicy::Error).map_err(|(_, _, message)| Error::Config {
        place: Place { source: source.clone(), line: 1, column: 1 }.to_string(),
        message: format!("the value is not YAML: {}", message.trim_start_matches("this is not valid YAML: ")),
        hint: Some("quote the value in YAML: `'\"a: b\"'`".into()),
    })?;
    Ok(spanned.value.placed(text, &source, &spanned.referenced, &spanned.defined))
}

fn parsed(text: &str, duplicates: DuplicateKeyPolicy) -> Result<Spanned<Raw>, (usize, usize, String)> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: duplicates,
        budget: serde_saphyr::budget! { max_nodes: MOST_NODES },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|why| {
        let (row, column) =
            why.location().map(|at| (at.line() as usize, at.column() as usize)).unwrap_or((0, 0));
        (row, column, sentence(&why.to_string()).into())
    })
}

/// What is wrong, in smog's own words. The parser's sentence may repeat a part of the text (an
/// anchor's name, an escape, a key), so none of it is handed on.
fn sentence(said: &str) -> &'static str {
    let has = |word: &str| said.contains(word);
    if said.starts_with("budget breached") || said.starts_with("alias") && has("limit") {
        "the aliases here unfold to more than a configuration can need"
    } else if said.starts_with("multiple YAML documents") {
        "a second document begins here (`---`), only one is read"
    } else if said.starts_with("recursive references") {
        "an alias within its own anchor never ends"
    } else if said.starts_with("duplicate mapping key") {
        "this key is there twice"
    } else if has("anchor") || has("alias") {
        "this alias has no anchor; a value that begins with `*` or `&` needs quotes"
    } else if has("tab") {
        "YAML does not allow tabs for indentation"
    } else if has("escape") {
        "YAML does not know this escape; put a value with a backslash in single quotes"
    } else {
        "this is not valid YAML: a bracket, a quote or a `: ` is missing or too many, here or before"
    }
}

/// "no such file" rather than "No such file or directory (os error 2)".
fn plain(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => DENIED.into(),
        _ => why.to_string(),
    }
}

/// What the parser gives.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    /// `used` is where an alias stands, `defined` where the value itself is written.
    fn placed(
        self,
        text: &str,
        source: &Arc<Source>,
        used: &serde_saphyr::Location,
        defined: &serde_saphyr::Location,
    ) -> Node {
        let place = |at: &serde_saphyr::Location| Place {
            source: source.clone(),
            line: at.line() as usize,
            column: at.column() as usize,
        };
        // The scalar as written: a password may look like a number.
        let written = |other: String| {
            let span = defined.span();
            let from = span.byte_offset().and_then(|at| usize::try_from(at).ok());
            let length = span.byte_len().and_then(|length| usize::try_from(length).ok());
            let slice = from.zip(length).and_then(|(from, length)| text.get(from..from + length));
            slice.map_or(other, str::to_string)
        };
        let body = match self {
            Raw::Null => Body::Null,
            Raw::Bool(value) => Body::Bool(value, written(value.to_string())),
            Raw::Number(value) => Body::Number(written(value)),
            Raw::Text(value) => Body::Text(value),
            Raw::List(items) => Body::List(
                items
                    .into_iter()
                    .map(|item| item.value.placed(text, source, &item.referenced, &item.defined))
                    .collect(),
            ),
            Raw::Map(entries) => Body::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key: key.value,
                        place: place(&key.referenced),
                        value: value.value.placed(text, source, &value.referenced, &value.defined),
                    })
                    .collect(),
            ),
        };
        Node { body, place: place(used) }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Raw, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        from.deserialize_any(Any)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
