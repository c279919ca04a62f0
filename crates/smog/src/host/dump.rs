//! Many small kernel files in one text, as `grep -sH '' FILES` prints them: `path:line`.
//!
//! One process on the host reads hundreds of files below /sys; `cat` in a loop
//! would start hundreds.

use std::collections::BTreeMap;

/// The files of a dump by path, each with its whole text (lines without the last line end).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dump {
    files: BTreeMap<String, String>,
}

impl Dump {
    /// Read what `grep -sH ''` printed. A path ends at the first colon that is
    /// followed by a line of the file; PCI addresses have colons in the path,
    /// so the path is known to end after its last `/` part has begun.
    pub(crate) fn parse(text: &str) -> Dump {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for line in text.lines() {
            let Some((path, value)) = split(line) else { continue };
            let file = files.entry(path.to_string()).or_default();
            if !file.is_empty() {
                file.push('\n');
            }
            file.push_str(value);
        }
        Dump { files }
    }

    /// The text of one file.
    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// A number that stands alone in a file.
    pub(crate) fn number<N: std::str::FromStr>(&self, path: &str) -> Option<N> {
        self.get(path)?.trim().parse().ok()
    }

    /// The names right below a folder which begin with `prefix`: `node0`, `node1` …
    pub(crate) fn names<'a>(&'a self, folder: &str, prefix: &str) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for path in self.files.keys() {
            let Some(rest) = path.strip_prefix(folder) else { continue };
            let name = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
            if name.starts_with(prefix) && names.last() != Some(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The numbers behind `prefix` in the names below a folder: 0, 1 … for `node0`, `node1` …
    pub(crate) fn numbers(&self, folder: &str, prefix: &str) -> Vec<u32> {
        let names = self.names(folder, prefix);
        let mut numbers: Vec<u32> =
            names.iter().filter_map(|name| name[prefix.len()..].parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }
}

/// Path and line: the path ends at the first colon in its last part.
fn split(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with('/') {
        return None;
    }
    // A part such as `0000:3b:00.0` is a folder: a `/` follows it, and what lies between has no blank.
    let mut from = 0;
    loop {
        let colon = from + line[from..].find(':')?;
        let rest = &line[colon + 1..];
        let folder_goes_on = rest
            .find('/')
            .is_some_and(|slash| is_rest_of_pci_address(&rest[..slash]) && is_pci_part(&line[..colon]));
        if !folder_goes_on {
            return Some((&line[..colon], rest));
        }
        from = colon + 1;
    }
}

/// Whether a path ends within a PCI address: in hexadecimal digits and colons after a `/`.
fn is_pci_part(path: &str) -> bool {
    let part = path.rsplit('/').next().unwrap_or_default();
    part.len() >= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
}

/// `3b:00.0` or `00.0`: what comes between a colon of a PCI address and the next `/`.
fn is_rest_of_pci_address(text: &str) -> bool {
    (4..=7).contains(&text.len())
        && text.contains('.')
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::Dump;

    #[test]
    fn colons_in_paths_and_values_are_told_apart() {
        let dump = Dump::parse(
            "/sys/bus/pci/devices/0000:3b:00.0/vendor:0x8086\n\
             /sys/devices/system/node/node0/meminfo:Node 0 MemTotal:       65 kB\n\
             /sys/devices/system/node/node0/meminfo:Node 0 MemFree:        12 kB\n\
             /proc/7/task/8/cgroup:0::/machine.slice/x\n\
             grep: noise\n",
        );
        assert_eq!(dump.get("/sys/bus/pci/devices/0000:3b:00.0/vendor"), Some("0x8086"));
        assert_eq!(
            dump.get("/sys/devices/system/node/node0/meminfo"),
            Some("Node 0 MemTotal:       65 kB\nNode 0 MemFree:        12 kB")
        );
        assert_eq!(dump.get("/proc/7/task/8/cgroup"), Some("0::/machine.slice/x"));
        assert_eq!(dump.names("/sys/bus/pci/devices", ""), ["0000:3b:00.0"]);
        assert_eq!(dump.numbers("/sys/devices/system/node", "node"), [0]);
    }
}
