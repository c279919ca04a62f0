//! Reading typed values out of XML elements, with the place of what is wrong.

use std::str::FromStr;

use roxmltree::{Document, Node};

use crate::cpuset::Cpuset;
use crate::error::{Error, Result};

/// What is wrong with an element, and where it begins in the text (a byte offset).
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) at: usize,
    pub(super) why: String,
}

impl Flaw {
    pub(super) fn new(node: Node<'_, '_>, why: impl Into<String>) -> Flaw {
        Flaw { at: node.range().start, why: why.into() }
    }
}

/// Parse a document and make something of its root, which must be called `root`.
pub(super) fn read<T>(
    what: &str,
    source_of: &str,
    xml: &str,
    root: &str,
    make: impl FnOnce(Node<'_, '_>) -> std::result::Result<T, Flaw>,
) -> Result<T> {
    let error = |why: String| Error::Parse { what: what.to_string(), source_of: source_of.to_string(), why };
    let document = Document::parse(xml).map_err(|err| error(err.to_string()))?;
    let node = document.root_element();
    let result = if is(node, root) {
        make(node)
    } else {
        Err(Flaw::new(node, format!("it begins with <{}>, not with <{root}>", node.tag_name().name())))
    };
    result.map_err(|flaw| {
        let place = document.text_pos_at(flaw.at);
        error(format!("line {}, column {}: {}", place.row, place.col, flaw.why))
    })
}

/// Whether it is an element of this name, in whatever namespace.
pub(super) fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// The first child of this name.
pub(super) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| is(*child, name))
}

/// All children of this name.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| is(*child, name))
}

/// The first child of the first child … of these names.
pub(super) fn descend<'a, 'input>(node: Node<'a, 'input>, names: &[&str]) -> Option<Node<'a, 'input>> {
    names.iter().try_fold(node, |node, name| child(node, name))
}

/// An attribute as text.
pub(super) fn attr(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(str::to_string)
}

/// The text inside an element without white space around it; `None` when there is none.
pub(super) fn text(node: Node<'_, '_>) -> Option<String> {
    node.text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_string)
}

/// The text of a child.
pub(super) fn child_text(node: Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name).and_then(text)
}

/// An attribute of a child.
pub(super) fn child_attr(node: Node<'_, '_>, name: &str, attribute: &str) -> Option<String> {
    child(node, name).and_then(|child| attr(child, attribute))
}

/// A number; libvirt writes some in hexadecimal with `0x`.
fn number<T: FromStr + TryFrom<u64>>(
    node: Node<'_, '_>,
    what: &str,
    text: &str,
) -> std::result::Result<T, Flaw> {
    let flaw = || Flaw::new(node, format!("{what} is `{text}`, no number that fits"));
    match text.strip_prefix("0x") {
        Some(digits) => {
            let number = u64::from_str_radix(digits, 16).map_err(|_| flaw())?;
            T::try_from(number).map_err(|_| flaw())
        }
        None => text.trim().parse().map_err(|_| flaw()),
    }
}

/// An attribute that is a number.
pub(super) fn number_attr<T: FromStr + TryFrom<u64>>(
    node: Node<'_, '_>,
    name: &str,
) -> std::result::Result<Option<T>, Flaw> {
    node.attribute(name).map(|text| number(node, &format!("`{name}`"), text)).transpose()
}

/// An attribute that is a number and must be there.
pub(super) fn needed_number_attr<T: FromStr + TryFrom<u64>>(
    node: Node<'_, '_>,
    name: &str,
) -> std::result::Result<T, Flaw> {
    number_attr(node, name)?
        .ok_or_else(|| Flaw::new(node, format!("<{}> lacks `{name}`", node.tag_name().name())))
}

/// The text of an element, a number.
pub(super) fn number_text<T: FromStr + TryFrom<u64>>(
    node: Node<'_, '_>,
) -> std::result::Result<Option<T>, Flaw> {
    let name = format!("<{}>", node.tag_name().name());
    text(node).map(|text| number(node, &name, &text)).transpose()
}

/// An attribute that is a set of CPUs or cells.
pub(super) fn cpuset_attr(node: Node<'_, '_>, name: &str) -> std::result::Result<Option<Cpuset>, Flaw> {
    node.attribute(name)
        .map(|text| text.parse().map_err(|_| Flaw::new(node, format!("`{name}` is `{text}`, no CPU set"))))
        .transpose()
}

/// An attribute that is `yes`/`on` or `no`/`off`.
pub(super) fn flag_attr(node: Node<'_, '_>, name: &str) -> Option<bool> {
    match node.attribute(name)? {
        "yes" | "on" => Some(true),
        "no" | "off" => Some(false),
        _ => None,
    }
}

/// A size in KiB out of a number and its unit, as libvirt has them: KiB when no unit is given;
/// the case of the letters does not matter.
pub(super) fn size_kib(node: Node<'_, '_>, value: u64, unit: Option<&str>) -> std::result::Result<u64, Flaw> {
    let unit = unit.filter(|unit| !unit.is_empty()).unwrap_or("KiB");
    let bytes = unit_bytes(unit).ok_or_else(|| Flaw::new(node, format!("`{unit}` is not a unit of size")))?;
    let total = value.checked_mul(bytes).ok_or_else(|| Flaw::new(node, "the size is too large"))?;
    Ok(total / 1024)
}

/// How many bytes a unit has, as libvirt's `virScaleInteger` reads it: `b`, `byte`, `bytes`; a
/// letter alone or with `iB` counts in powers of 1024, with `B` in powers of 1000.
fn unit_bytes(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    if matches!(unit.as_str(), "b" | "byte" | "bytes") {
        return Some(1);
    }
    let power = "kmgtpe".find(unit.chars().next()?)? as u32 + 1;
    let base: u64 = match &unit[1..] {
        "" | "ib" => 1024,
        "b" => 1000,
        _ => return None,
    };
    base.checked_pow(power)
}

/// The text of an element, a size with the unit in `unit=`.
pub(super) fn size_text_kib(node: Node<'_, '_>) -> std::result::Result<u64, Flaw> {
    let value = number_text(node)?
        .ok_or_else(|| Flaw::new(node, format!("<{}> is empty", node.tag_name().name())))?;
    size_kib(node, value, node.attribute("unit"))
}

#[cfg(test)]
mod tests {
    use super::unit_bytes;

    #[test]
    fn units_as_libvirt_reads_them() {
        for (unit, bytes) in [
            ("KiB", 1 << 10),
            ("kib", 1 << 10),
            ("KIB", 1 << 10),
            ("k", 1 << 10),
            ("kb", 1000),
            ("KB", 1000),
            ("m", 1 << 20),
            ("mib", 1 << 20),
            ("gB", 1_000_000_000),
            ("GIB", 1 << 30),
            ("p", 1 << 50),
            ("EiB", 1 << 60),
            ("B", 1),
            ("Bytes", 1),
            ("byte", 1),
        ] {
            assert_eq!(unit_bytes(unit), Some(bytes), "{unit}");
        }
        for unit in ["", "Kibi", "pages", "Ki", "é", "KiBB"] {
            assert_eq!(unit_bytes(unit), None, "{unit}");
        }
    }
}
