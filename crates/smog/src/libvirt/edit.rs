//! Editing a domain's XML by ranges of its text: what is not touched stays byte for byte.

use std::ops::Range;

use roxmltree::{Document, Node, ParsingOptions};

use super::element::{child, is};
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};

/// How the guest's CPU is chosen, for machines that shall run guests themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuMode {
    /// The host's CPU as it is.
    HostPassthrough,
    /// The nearest model libvirt knows.
    HostModel,
    /// All the emulator can do: without KVM, what comes nearest to passing the CPU through.
    Maximum,
}

/// An edit of a domain's XML, step by step.
///
/// ```
/// use smog::libvirt::{CpuMode, DomainEdit};
///
/// let xml = "<domain>\n  <name>l1</name>\n  <cpu mode='host-model' check='partial'/>\n  <x:odd xmlns:x='u'/>\n</domain>\n";
/// let edited = DomainEdit::new(xml)?.cpu_mode(CpuMode::HostPassthrough)?.into_xml();
/// assert_eq!(edited, "<domain>\n  <name>l1</name>\n  <cpu mode='host-passthrough'/>\n  <x:odd xmlns:x='u'/>\n</domain>\n");
/// # Ok::<(), smog::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEdit {
    xml: String,
}

/// A part of the text and what comes in its place.
struct Change {
    range: Range<usize>,
    text: String,
}

impl CpuMode {
    /// As libvirt writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            CpuMode::HostPassthrough => "host-passthrough",
            CpuMode::HostModel => "host-model",
            CpuMode::Maximum => "maximum",
        }
    }
}

impl DomainEdit {
    /// Begin with a text that must be well-formed.
    ///
    /// # Errors
    /// [`Error::Parse`] with line and column.
    pub fn new(xml: impl Into<String>) -> Result<DomainEdit> {
        let edit = DomainEdit { xml: xml.into() };
        edit.parse().map(|_| ())?;
        Ok(edit)
    }

    /// The text as it is now.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The text, at the end.
    pub fn into_xml(self) -> String {
        self.xml
    }

    /// Set the CPU mode as nested virtualization needs it. A model, and flags
    /// that went with it, are dropped; topology, cells and cache are kept.
    ///
    /// # Errors
    /// [`Error::Parse`] when the text is not a domain.
    pub fn cpu_mode(self, mode: CpuMode) -> Result<DomainEdit> {
        let mut edited = self.with_bare_cpu(mode.as_str())?;
        // libvirt refuses it together with a model.
        if mode == CpuMode::HostModel {
            edited = edited.remove_attribute(&["cpu"], "migratable")?;
        }
        Ok(edited)
    }

    /// Give the guest this very CPU: model, vendor and required flags. The model may be
    /// followed by nothing else where the emulator brings its own flags.
    ///
    /// # Errors
    /// [`Error::Parse`] when the text is not a domain.
    pub fn cpu_exact(self, model: &str, vendor: Option<&str>, features: &[String]) -> Result<DomainEdit> {
        let mut edited = self
            .with_bare_cpu("custom")?
            .remove_attribute(&["cpu"], "migratable")?
            .set_attribute(&["cpu"], "match", "exact")?;
        let model = format!("<model fallback='forbid'>{}</model>", escaped(model));
        let vendor = vendor.map(|vendor| format!("<vendor>{}</vendor>", escaped(vendor)));
        for element in [Some(model), vendor].into_iter().flatten() {
            edited = edited.insert(&["cpu"], &element)?;
        }
        for name in features {
            edited =
                edited.insert(&["cpu"], &format!("<feature policy='require' name='{}'/>", escaped(name)))?;
        }
        Ok(edited)
    }

    /// Split the guest into NUMA nodes: the CPUs and the memory in KiB of each. Cells it
    /// had are dropped, with their distances.
    ///
    /// # Errors
    /// [`Error::Parse`] when the text is not a domain.
    pub fn numa_cells(self, cells: &[(Cpuset, u64)]) -> Result<DomainEdit> {
        let mut edited = if self.has(&["cpu"])? { self } else { self.insert(&[], "<cpu/>")? };
        while edited.has(&["cpu", "numa"])? {
            edited = edited.remove(&["cpu", "numa"])?;
        }
        edited = edited.insert(&["cpu"], "<numa/>")?;
        for (id, (cpus, kib)) in cells.iter().enumerate() {
            let cell = format!("<cell id='{id}' cpus='{cpus}' memory='{kib}' unit='KiB'/>");
            edited = edited.insert(&["cpu", "numa"], &cell)?;
        }
        Ok(edited)
    }

    /// `<cpu>` with this mode, without what belongs to a model.
    fn with_bare_cpu(self, mode: &str) -> Result<DomainEdit> {
        if !self.has(&["cpu"])? {
            return self.insert(&[], &format!("<cpu mode='{mode}'/>"));
        }
        let mut edited = self.set_attribute(&["cpu"], "mode", mode)?;
        for name in ["match", "check"] {
            edited = edited.remove_attribute(&["cpu"], name)?;
        }
        for name in ["model", "vendor", "feature"] {
            while edited.has(&["cpu", name])? {
                edited = edited.remove(&["cpu", name])?;
            }
        }
        Ok(edited)
    }

    /// Ask for a CPU flag: `vmx` or `svm` for nested virtualization.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no `<cpu>`.
    pub fn require_feature(self, name: &str) -> Result<DomainEdit> {
        let feature = format!("<feature policy='require' name='{}'/>", escaped(name));
        let cleaned = self.change(|root| {
            let cpu = child(root, "cpu");
            let old = cpu.into_iter().flat_map(|cpu| cpu.children());
            old.filter(|node| is(*node, "feature") && node.attribute("name") == Some(name))
                .map(removal)
                .collect()
        })?;
        cleaned.insert(&["cpu"], &feature)
    }

    /// Whether there is an element at this path below the root.
    ///
    /// # Errors
    /// [`Error::Parse`] when the text is not well-formed.
    pub fn has(&self, path: &[&str]) -> Result<bool> {
        let document = self.parse()?;
        Ok(find(document.root_element(), path).is_some())
    }

    /// Set an attribute of the first element at a path (below the root, by names).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such element.
    pub fn set_attribute(self, path: &[&str], name: &str, value: &str) -> Result<DomainEdit> {
        self.change_at(path, |node, xml| {
            let text = escaped(value);
            match node.attribute_node(name) {
                Some(attribute) => Change { range: attribute.range_value(), text },
                None => {
                    let at = end_of_name(xml, node);
                    Change { range: at..at, text: format!(" {name}='{text}'") }
                }
            }
        })
    }

    /// Remove an attribute of the first element at a path; nothing happens when it has none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such element.
    pub fn remove_attribute(self, path: &[&str], name: &str) -> Result<DomainEdit> {
        self.change_at(path, |node, xml| match node.attribute_node(name) {
            Some(attribute) => {
                let range = attribute.range();
                let before = xml[..range.start].trim_end_matches([' ', '\t', '\n', '\r']).len();
                Change { range: before..range.end, text: String::new() }
            }
            None => Change { range: 0..0, text: String::new() },
        })
    }

    /// Set the text inside the first element at a path.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such element; [`Error::Invalid`] when it has child elements.
    pub fn set_text(self, path: &[&str], text: &str) -> Result<DomainEdit> {
        let document = self.parse()?;
        if find(document.root_element(), path)
            .is_some_and(|node| node.children().any(|node| node.is_element()))
        {
            return Err(Error::Invalid {
                what: format!("<{}>", path.join("/")),
                why: "it has elements, which its text would replace".to_string(),
                hint: None,
            });
        }
        self.change_at(path, |node, xml| match inside(xml, node) {
            Some(range) => Change { range, text: escaped(text) },
            None => opened(xml, node, &escaped(text)),
        })
    }

    /// Put `element` (XML text) at the end of the first element at a path, on a
    /// line of its own, indented as its neighbours.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such element; [`Error::Parse`] when the result is not well-formed.
    pub fn insert(self, path: &[&str], element: &str) -> Result<DomainEdit> {
        self.change_at(path, |node, xml| {
            let outer = indentation(xml, node.range().start);
            let inner = match node.children().find(|child| child.is_element()) {
                Some(first) => indentation(xml, first.range().start),
                None => format!("{outer}  "),
            };
            match inside(xml, node) {
                Some(range) => {
                    // Behind the last thing inside, before the white space of the closing tag.
                    let at = range.start + xml[range.clone()].trim_end().len();
                    let tail =
                        if xml[at..range.end].contains('\n') { String::new() } else { format!("\n{outer}") };
                    Change { range: at..at, text: format!("\n{inner}{element}{tail}") }
                }
                None => opened(xml, node, &format!("\n{inner}{element}\n{outer}")),
            }
        })
    }

    /// Remove the first element at a path, with the white space before it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such element.
    pub fn remove(self, path: &[&str]) -> Result<DomainEdit> {
        self.change_at(path, |node, _| removal(node))
    }

    fn change_at(
        self,
        path: &[&str],
        change: impl FnOnce(Node<'_, '_>, &str) -> Change,
    ) -> Result<DomainEdit> {
        let document = self.parse()?;
        let Some(node) = find(document.root_element(), path) else {
            return Err(Error::NotFound {
                what: "element in the domain XML".to_string(),
                name: path.join("/"),
                near: Vec::new(),
            });
        };
        let change = change(node, &self.xml);
        self.applied(vec![change])
    }

    fn change(self, changes: impl FnOnce(Node<'_, '_>) -> Vec<Change>) -> Result<DomainEdit> {
        let changes = changes(self.parse()?.root_element());
        self.applied(changes)
    }

    /// The text with the changes, which do not overlap; it must still be well-formed.
    fn applied(&self, mut changes: Vec<Change>) -> Result<DomainEdit> {
        let mut xml = self.xml.clone();
        changes.sort_by_key(|change| std::cmp::Reverse(change.range.start));
        for change in changes {
            xml.replace_range(change.range, &change.text);
        }
        DomainEdit::new(xml)
    }

    fn parse(&self) -> Result<Document<'_>> {
        let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
        Document::parse_with_options(&self.xml, options).map_err(|err| Error::Parse {
            what: "domain XML".to_string(),
            source_of: "the edited text".to_string(),
            why: err.to_string(),
        })
    }
}

fn find<'a, 'input>(root: Node<'a, 'input>, path: &[&str]) -> Option<Node<'a, 'input>> {
    path.iter().try_fold(root, |node, name| child(node, name))
}

/// The element with the white space before it, up to the last thing that is none.
fn removal(node: Node<'_, '_>) -> Change {
    let before = node.prev_sibling().filter(Node::is_text);
    let blank = before.map(|text| {
        let range = text.range();
        range.start + text.document().input_text()[range].trim_end().len()
    });
    Change { range: blank.unwrap_or(node.range().start)..node.range().end, text: String::new() }
}

/// The range between the opening and the closing tag; `None` for `<a/>`.
fn inside(xml: &str, node: Node<'_, '_>) -> Option<Range<usize>> {
    let range = node.range();
    let text = &xml[range.clone()];
    if text.ends_with("/>") && node.children().next().is_none() {
        return None;
    }
    let close = text.rfind("</")?;
    let open = end_of_tag(xml, node);
    (open <= range.start + close).then_some(open..range.start + close)
}

/// `<a x='y'/>` with something inside: `<a x='y'>something</a>`.
fn opened(xml: &str, node: Node<'_, '_>, content: &str) -> Change {
    let range = node.range();
    let text = &xml[range.clone()];
    let slash = range.start + text.len() - 2;
    let name = &xml[range.start + 1..end_of_name(xml, node)];
    let end = xml[..slash].trim_end().len();
    Change { range: end..range.end, text: format!(">{content}</{name}>") }
}

/// Where the name of the element's opening tag ends.
fn end_of_name(xml: &str, node: Node<'_, '_>) -> usize {
    let start = node.range().start;
    let ends = |letter: char| letter.is_ascii_whitespace() || letter == '>' || letter == '/';
    xml[start..].find(ends).map_or(xml.len(), |at| start + at)
}

/// Behind the `>` of the opening tag. A `>` may stand in an attribute.
fn end_of_tag(xml: &str, node: Node<'_, '_>) -> usize {
    let from = node.attributes().map(|attribute| attribute.range().end).max();
    // Namespace declarations are no attributes to the parser: quotes are counted.
    let from = from.unwrap_or_else(|| end_of_name(xml, node));
    let mut quote = None;
    for (at, letter) in xml[from..].char_indices() {
        match (quote, letter) {
            (None, '>') => return from + at + 1,
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    xml.len()
}

/// The blanks between the line's beginning and `at`, or nothing when something else is there.
fn indentation(xml: &str, at: usize) -> String {
    let line = xml[..at].rfind('\n').map_or(0, |end| end + 1);
    let blank = &xml[line..at];
    if blank.trim().is_empty() { blank.to_string() } else { String::new() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&apos;")
        .replace('"', "&quot;")
}
