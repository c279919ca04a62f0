//! What is wanted of hosts, before anyone has looked at them.

use super::things::Want;

/// Everything that is wanted, in the order it was said.
///
/// ```
/// use smog::environment::{Target, Want, Wish};
///
/// let wish = Wish::new()
///     .with_option("nova.conf:libvirt.virt_type=kvm".parse()?)
///     .with_filters(["NUMATopologyFilter"])
///     .with(Target::Computes, Want::Pages("2M=256".parse()?));
/// assert_eq!(wish.items.len(), 3);
/// # Ok::<(), smog::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// What is wanted, and of which hosts.
    pub items: Vec<Item>,
}

/// One want and whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The hosts it is for.
    pub target: Target,
    /// What is wanted of them.
    pub want: Want,
}

/// Whom a want is for. Roles are found by looking which services a host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Every host.
    All,
    /// Hosts with nova-compute.
    Computes,
    /// Hosts with nova-scheduler or nova-api.
    Controllers,
    /// One host, by name.
    Host(String),
    /// The machines that hosts of smog.yml are guests of.
    Parents,
}

impl Wish {
    /// Nothing is wanted yet.
    pub fn new() -> Wish {
        Wish::default()
    }

    /// One more want. Values of one option that come one after the other are the
    /// values of a multi-valued option.
    #[must_use]
    pub fn with(mut self, target: Target, want: Want) -> Wish {
        if let Want::Option(new) = &want {
            let same = self.items.iter_mut().find_map(|item| match &mut item.want {
                Want::Option(old)
                    if item.target == target
                        && (&old.file, &old.section, &old.key) == (&new.file, &new.section, &new.key) =>
                {
                    Some(old)
                }
                _ => None,
            });
            if let Some(old) = same {
                old.values.extend(new.values.iter().cloned());
                return self;
            }
        }
        self.items.push(Item { target, want });
        self
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// The part before a slash that names hosts, and the rest. A text that begins with a slash is a path.
pub(super) fn targeted(text: &str) -> (Option<Target>, &str) {
    let name_end = text.find([':', '=']).unwrap_or(text.len());
    match text[..name_end].split_once('/') {
        Some((who, _)) if !who.is_empty() => {
            let target = match who {
                "all" => Target::All,
                "computes" => Target::Computes,
                "controllers" => Target::Controllers,
                host => Target::Host(host.to_string()),
            };
            (Some(target), &text[who.len() + 1..])
        }
        _ => (None, text),
    }
}
