//! Every key smog.yml may have, once: the checks, the near names and the JSON Schema
//! all come from these tables.

use crate::hint::Hint;
use serde_json::{Value, json};

use super::tree::{Body, Node};
use crate::error::{Error, Result};
use crate::near;

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Any,
    Text,
    /// A regular expression.
    Pattern,
    Bool,
    /// A whole number from 0.
    Count,
    OneOf(&'static [&'static str]),
    /// A number, text, truth value or list of these.
    Scalars,
    /// A list of such things.
    List(&'static Kind),
    /// Names of the user's own, each with such a thing.
    Map(&'static Kind),
    /// One such thing or a list of them.
    Many(&'static Kind),
    Section(&'static [Key]),
    /// `smog`, `master`, or OS_* variables.
    Credentials,
    /// `false` or a number.
    Cells,
}

/// One key of a section.
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub about: &'static str,
}

const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, about }
}

const HOST: &[Key] = &[
    key("parent", Kind::Text, "the bare-metal machine this one is a guest of; none on bare metal"),
    key("name", Kind::Text, "host name (not an address); with a parent also its libvirt domain there"),
    key("host", Kind::Text, "the address SSH connects to"),
    key("user", Kind::Text, "the user to log in as"),
    key("type", Kind::OneOf(&["vm", "baremetal"]), "vm when it is a guest of its parent"),
    key(
        "container",
        Kind::Text,
        "the container libvirt runs in, such as nova_libvirt; detected where kolla is used",
    ),
    key(
        "sudo",
        Kind::OneOf(&["auto", "always", "never"]),
        "how to become root there; auto: by sudo unless root logs in",
    ),
];

const NOVA: &[Key] = &[
    key("filters", Kind::List(&Kind::Text), "scheduler filters that must be enabled"),
    key("nested_vm", Kind::Bool, "whether the parents must allow nested virtualisation"),
    key("host_passthrough", Kind::Bool, "whether computes that are guests get their parent's CPU as it is"),
    key(
        "cpu_mode",
        Kind::OneOf(&["host-passthrough", "host-model", "custom", "none", "exact", "maximum"]),
        "nova.conf's [libvirt]cpu_mode; with nested_vm, and always `exact` and `maximum`: \
         the CPU mode of computes that are guests, on their parents",
    ),
    key("virt_type", Kind::OneOf(&["kvm", "qemu", "parallels", "lxc"]), "nova.conf's [libvirt]virt_type"),
    key("large_page", Kind::Bool, "whether huge pages are needed"),
    key("large_page_num", Kind::Count, "how many, of the default huge page size (2 MiB on x86)"),
    key("large_page_persist", Kind::Bool, "whether they are there after a reboot too"),
    key("options", Kind::Map(&Kind::Scalars), "any option of nova.conf: `libvirt.virt_type: qemu`"),
];

const ALLOW: &[Key] = &[
    key("exception", Kind::Text, "the exception's class"),
    key("logger", Kind::Text, "the logger"),
    key("message", Kind::Pattern, "a regular expression the message matches"),
    key("why", Kind::Text, "why it is not a fault"),
];

/// The keys of smog.yml and of a suite's file.
pub(super) const FILE: &[Key] = &[
    key("log_dir", Kind::Text, "where smog puts what it records"),
    key("rdo_clones", Kind::Any, "of 2015; has no meaning any more"),
    key("cloud", Kind::Text, "a cloud of clouds.yaml"),
    key("credentials", Kind::Credentials, "OS_* variables; in a suite's file also `smog` or `master`"),
    key("baremetal", Kind::Map(&Kind::Text), "machines that OpenStack nodes are guests of: name and address"),
    key("hosts", Kind::Map(&Kind::Many(&Kind::Section(HOST))), "the nodes, by role or name"),
    key(
        "ssh",
        Kind::Section(&[
            key("key", Kind::Text, "a private key"),
            key("known_hosts", Kind::Text, "a known_hosts file to use instead of the user's"),
            key("config", Kind::Text, "an ssh_config file to use instead of the user's"),
            key("jump", Kind::Text, "the host to go through, as `ssh -J` takes it: [USER@]HOST[:PORT]"),
            key("connect_timeout", Kind::Count, "seconds a host may take to answer [default: 10]"),
            key(
                "control_dir",
                Kind::Text,
                "folder for SSH's control sockets, with a short path [default: /tmp]",
            ),
            key(
                "keep",
                Kind::Count,
                "seconds a connection without a command is kept for the next one; 0: not at all [default: 300]",
            ),
        ]),
        "how hosts are reached, beyond the user's own ssh configuration",
    ),
    key(
        "lab",
        Kind::Section(&[
            key("release", Kind::Text, "OpenStack's release in the lab"),
            key("simulated_cells", Kind::Cells, "simulated NUMA nodes per compute, or false"),
        ]),
        "written by lab/up",
    ),
    key(
        "cirros",
        Kind::Section(&[
            key("location", Kind::Text, "URL or path to fetch it from"),
            key("name", Kind::Text, "its file name and name in Glance"),
            key(
                "disk_format",
                Kind::OneOf(&[
                    "qcow2", "raw", "vmdk", "vdi", "vhd", "vhdx", "iso", "ploop", "ami", "ari", "aki",
                ]),
                "Glance's disk_format",
            ),
        ]),
        "the default test image",
    ),
    key("nova", Kind::Section(NOVA), "what tests need of Nova and its hosts"),
    key("libvirt_conf", Kind::Map(&Kind::Scalars), "options of libvirtd.conf"),
    key(
        "live_migration",
        Kind::Section(&[
            key("enabled", Kind::Bool, "whether live migration is to be prepared"),
            key("type", Kind::OneOf(&["NFS", "none"]), "shared storage"),
            key("conf", Kind::Map(&Kind::Scalars), "options of libvirtd.conf for it"),
        ]),
        "what live migration needs",
    ),
    key(
        "watch",
        Kind::Section(&[
            key("allow", Kind::List(&Kind::Section(ALLOW)), "errors in logs that are not faults"),
            key("logs", Kind::List(&Kind::Text), "more logs to watch, as globs"),
            key("leave_out", Kind::List(&Kind::Text), "hosts whose logs are not wanted"),
        ]),
        "watching logs",
    ),
];

/// The keys of the small `computes:` file.
pub(super) const COMPUTES: &[Key] = &[
    key("baremetal", Kind::Map(&Kind::Text), "anchors for `parent`"),
    key(
        "computes",
        Kind::List(&Kind::Section(&[
            key("parent", Kind::Text, "the bare-metal machine it is a guest of"),
            key("name", Kind::Text, "its libvirt domain there"),
            key("host", Kind::Text, "the address SSH connects to"),
            key("user", Kind::Text, "the user to log in as"),
            key("type", Kind::OneOf(&["vm", "baremetal"]), "vm when it is a guest of its parent"),
            key("vtype", Kind::OneOf(&["vm", "baremetal"]), "the older name of `type`"),
            key("passthrough", Kind::Bool, "whether it gets its parent's CPU as it is"),
        ])),
        "the computes",
    ),
];

/// An error at the place of a node. It shows nothing of what is written there: see
/// [`super::yaml`].
pub(super) fn wrong(place: &super::tree::Place, message: String, hint: Option<Hint>) -> Error {
    Error::Config { place: place.to_string(), message, hint }
}

/// A key that smog does not know, as an error may show it: one that looks like a key of smog.yml
/// or is one elsewhere. Others may be a part of a password that lost its quotes.
fn shown<'a>(key: &'a str, keys: &[Key]) -> Option<&'a str> {
    let is_near = |name: &&str| strsim::jaro_winkler(key, name) > 0.8;
    let known = keys.iter().map(|key| key.name).chain(every_name(FILE)).any(|name| is_near(&name));
    known.then_some(key)
}

/// Every name in these sections and those below.
fn every_name(keys: &'static [Key]) -> Vec<&'static str> {
    fn below(kind: Kind) -> Vec<&'static str> {
        match kind {
            Kind::List(one) | Kind::Map(one) | Kind::Many(one) => below(*one),
            Kind::Section(keys) => every_name(keys),
            _ => vec![],
        }
    }
    keys.iter().flat_map(|key| std::iter::once(key.name).chain(below(key.kind))).collect()
}

/// Check a tree and give it as plain JSON.
///
/// # Errors
/// [`Error::Config`] with the place of the first thing wrong.
pub(super) fn checked(node: &Node, kind: Kind, name: &str) -> Result<Value> {
    let bad = |what: &str| {
        // What kind of thing it is, and nothing of the thing itself.
        let written = match node.body {
            Body::List(_) => "a list",
            Body::Map(_) => "a set of keys",
            Body::Bool(..) => "a truth value",
            Body::Number(_) => "this number",
            Body::Text(_) => "this text",
            Body::Null => "nothing",
        };
        Err(wrong(&node.place, format!("`{name}` must be {what}, not {written}"), None))
    };
    if node.is_null() {
        return Ok(Value::Null);
    }
    if let Body::List(items) = &node.body
        && let Some(empty) = items.iter().find(|item| item.is_null())
    {
        return Err(wrong(&empty.place, format!("an entry of `{name}` says nothing"), None));
    }
    match (kind, &node.body) {
        (Kind::Any, _) => Ok(Value::Bool(true)),
        (Kind::Text, _) => match node.text() {
            Some(text) => Ok(text.into()),
            None => bad("text"),
        },
        (Kind::Pattern, _) => match node.text().map(|text| (text, regex::Regex::new(text))) {
            Some((text, Ok(_))) => Ok(text.into()),
            Some((_, Err(why))) => {
                // Its last line says what is wrong; the ones before draw it.
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(wrong(&node.place, format!("`{name}` is not a regular expression: {last}"), None))
            }
            None => bad("a regular expression"),
        },
        (Kind::Bool, Body::Bool(value, _)) => Ok((*value).into()),
        (Kind::Bool, _) => bad("`true` or `false`"),
        (Kind::Count, Body::Number(text)) => match text.parse::<u64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => bad("a whole number from 0"),
        },
        (Kind::Count, _) => bad("a whole number from 0"),
        (Kind::Cells, Body::Bool(value, _)) => Ok((*value).into()),
        (Kind::Cells, Body::Number(text)) => match text.parse::<u32>() {
            Ok(number) => Ok(number.into()),
            Err(_) => bad("`false` or a number"),
        },
        (Kind::Cells, _) => bad("`false` or a number"),
        (Kind::OneOf(words), _) => {
            let Some(text) = node.text() else { return bad(&format!("one of {}", words.join(", "))) };
            match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => Ok((*word).into()),
                None => {
                    let near = near(text, words.iter().copied());
                    let hint = near.first().map(|near| format!("did you mean `{near}`?").into());
                    let message = format!("`{name}` must be one of {}", words.join(", "));
                    Err(wrong(&node.place, message, hint))
                }
            }
        }
        (Kind::Scalars, Body::List(items)) => items
            .iter()
            .map(|item| checked(item, Kind::Text, name))
            .collect::<Result<Vec<_>>>()
            .map(Value::from),
        (Kind::Scalars, Body::Bool(value, _)) => Ok((*value).into()),
        (Kind::Scalars, Body::Number(text)) => {
            Ok(text.parse::<i64>().map_or_else(|_| text.as_str().into(), Value::from))
        }
        (Kind::Scalars, Body::Text(text)) => Ok(text.as_str().into()),
        (Kind::Scalars, _) => bad("a value or a list of values"),
        (Kind::List(of), Body::List(items)) => {
            items.iter().map(|item| checked(item, *of, name)).collect::<Result<Vec<_>>>().map(Value::from)
        }
        (Kind::List(_), _) => bad("a list"),
        (Kind::Many(of), Body::List(items)) => {
            items.iter().map(|item| checked(item, *of, name)).collect::<Result<Vec<_>>>().map(Value::from)
        }
        (Kind::Many(of), _) => Ok(Value::Array(vec![checked(node, *of, name)?])),
        (Kind::Map(of), Body::Map(entries)) => {
            let mut object = serde_json::Map::new();
            for entry in entries {
                let value = checked(&entry.value, *of, &entry.key)?;
                if !value.is_null() {
                    object.insert(entry.key.clone(), value);
                }
            }
            Ok(object.into())
        }
        (Kind::Section(keys), Body::Map(entries)) => {
            let mut object = serde_json::Map::new();
            for entry in entries {
                let known = keys.iter().find(|key| key.name == entry.key).ok_or_else(|| {
                    wrong(
                        &entry.place,
                        match shown(&entry.key, keys) {
                            Some(key) => format!("no key `{key}` here"),
                            None => "smog knows no such key here".into(),
                        },
                        Some(nearest(&entry.key, keys).into()),
                    )
                })?;
                let value = checked(&entry.value, known.kind, known.name)?;
                if !value.is_null() {
                    object.insert(entry.key.clone(), value);
                }
            }
            Ok(object.into())
        }
        (Kind::Credentials, Body::Text(word)) if word == "smog" || word == "master" => Ok(Value::Null),
        (Kind::Credentials, Body::Map(_)) => checked(node, Kind::Map(&Kind::Text), name),
        (Kind::Credentials, _) => bad("`smog`, `master` or a set of OS_* variables"),
        (Kind::Map(_) | Kind::Section(_), _) => bad("a set of keys"),
    }
}

/// "did you mean …", or all there are.
pub(super) fn nearest(asked: &str, keys: &[Key]) -> String {
    let names = || keys.iter().map(|key| key.name);
    match near(asked, names()) {
        found if found.is_empty() => format!("the keys here are {}", names().collect::<Vec<_>>().join(", ")),
        found => format!("did you mean `{}`?", found.join("` or `")),
    }
}

/// The JSON Schema of smog.yml and of suites' files, for editors.
pub fn schema() -> Value {
    let mut schema = of(Kind::Section(FILE));
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("smog.yml");
    schema
}

fn of(kind: Kind) -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    match kind {
        Kind::Any => json!({}),
        Kind::Text => scalar,
        Kind::Pattern => json!({"type": "string", "format": "regex"}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::OneOf(words) => json!({"enum": words}),
        Kind::Scalars => json!({"anyOf": [scalar, {"type": "array", "items": scalar}]}),
        Kind::List(item) => json!({"type": "array", "items": of(*item)}),
        Kind::Map(item) => json!({"type": "object", "additionalProperties": of(*item)}),
        Kind::Many(item) => json!({"anyOf": [of(*item), {"type": "array", "items": of(*item)}]}),
        Kind::Credentials => json!({"anyOf": [
            {"enum": ["smog", "master"]}, {"type": "object", "additionalProperties": scalar}]}),
        Kind::Cells => json!({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0}]}),
        Kind::Section(keys) => {
            let properties = keys.iter().map(|key| {
                let mut property = of(key.kind);
                property["description"] = key.about.into();
                (key.name.to_string(), property)
            });
            let properties: serde_json::Map<String, Value> = properties.collect();
            json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties})
        }
    }
}
