//! The QEMU processes in what sos gathered: libvirt's own state of a running domain names the
//! threads of the vCPUs, `pstree` names the others, `taskset` says where each may run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A QEMU process as it was.
#[derive(Debug, Default)]
pub(super) struct SavedProcess {
    pub name: String,
    pub uuid: String,
    pid: u32,
    /// `/proc/PID/status`.
    status: String,
    /// Threads with their names and CPUs.
    threads: BTreeMap<u32, (String, String)>,
    /// `/proc/PID/numa_maps`.
    numa_maps: Option<String>,
}

/// All of them, as far as their threads are known.
pub(super) fn of(files: &BTreeMap<String, String>) -> Vec<SavedProcess> {
    let states = files.iter().filter_map(|(path, text)| {
        path.starts_with("/run/libvirt/qemu/").then(|| process(files, text)).flatten()
    });
    states.collect()
}

/// `<domstatus pid=…>` with `<vcpus><vcpu id= pid=>` and the domain.
fn process(files: &BTreeMap<String, String>, domstatus: &str) -> Option<SavedProcess> {
    let document = roxmltree::Document::parse(domstatus).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "domstatus" {
        return None;
    }
    let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name)?.parse::<u32>().ok();
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        node.children()
            .find(|child| child.tag_name().name() == name)
            .and_then(|child| child.text())
            .map(str::to_string)
    };
    let pid = number(root, "pid")?;
    let domain = root.children().find(|node| node.tag_name().name() == "domain")?;
    let (name, uuid) = (child(domain, "name")?, child(domain, "uuid")?);
    let affinity = files.iter().find(|(path, _)| {
        path.starts_with("/sos_commands/") && path.rsplit('/').next() == Some(&format!("taskset_{name}"))
    });
    let cpus = affinities(affinity.map(|(_, text)| text.as_str()).unwrap_or_default());
    let vcpus: BTreeMap<u32, String> = root
        .children()
        .filter(|node| node.tag_name().name() == "vcpus")
        .flat_map(|node| node.children())
        .filter_map(|node| Some((number(node, "pid")?, format!("CPU {}", number(node, "id")?))))
        .collect();
    let tree = files
        .iter()
        .find(|(path, _)| path.contains("/pstree"))
        .map(|(_, text)| text.as_str())
        .unwrap_or_default();
    let named = names(tree);
    let threads = cpus.into_iter().map(|(tid, cpus)| {
        let name = match vcpus.get(&tid).or_else(|| named.get(&tid)) {
            Some(name) => name.clone(),
            None => "not known".into(),
        };
        (tid, (name, cpus))
    });
    let file = |name: &str| files.get(&format!("/proc/{pid}/{name}")).cloned();
    Some(SavedProcess {
        threads: threads.collect(),
        status: file("status").unwrap_or_default(),
        numa_maps: file("numa_maps").filter(|text| !text.trim().is_empty()),
        name,
        uuid,
        pid,
    })
    .filter(|process| process.threads.contains_key(&pid))
}

/// `pid 1235's current affinity list: 2`, as `taskset -ac -p` prints it for each thread.
fn affinities(text: &str) -> BTreeMap<u32, String> {
    let line = |line: &str| {
        let (tid, rest) = line.strip_prefix("pid ")?.split_once('\'')?;
        let (_, cpus) = rest.split_once("affinity list: ")?;
        Some((tid.parse().ok()?, cpus.trim().to_string()))
    };
    text.lines().filter_map(line).collect()
}

/// `{IO iothread1}(1240)`: threads, as `pstree -lp` draws them.
fn names(text: &str) -> BTreeMap<u32, String> {
    let parts = text.split('{').skip(1);
    let named = parts.filter_map(|part| {
        let (name, rest) = part.split_once("}(")?;
        let (tid, _) = rest.split_once(')')?;
        Some((tid.parse().ok()?, name.to_string()))
    });
    named.collect()
}

impl SavedProcess {
    /// As smog's own look at the process prints it.
    pub fn text(&self, with_memory: bool) -> String {
        let pid = self.pid;
        let option = self.name.replace(',', ",,");
        let mut text =
            format!("== {pid}\n== command_line\n-name\nguest={option}\n-uuid\n{}\n== status\n", self.uuid);
        let fields = |wanted: &'static [&'static str]| {
            self.status.lines().filter(move |line| wanted.iter().any(|name| line.starts_with(name)))
        };
        for line in fields(&["VmRSS:", "VmLck:", "HugetlbPages:"]) {
            let _ = writeln!(text, "{line}");
        }
        text += "== files\n";
        for (tid, (name, cpus)) in &self.threads {
            let folder = format!("/proc/{pid}/task/{tid}");
            let _ =
                write!(text, "{folder}/status:Name:\t{name}\n{folder}/status:Cpus_allowed_list:\t{cpus}\n");
            // Of the main thread alone the rest is known.
            for line in fields(&["Mems_allowed_list:"]).filter(|_| *tid == pid) {
                let _ = writeln!(text, "{folder}/status:{line}");
            }
            let _ = writeln!(text, "{folder}/stat:{tid} ({name}) S 1");
        }
        if let Some(maps) = self.numa_maps.as_ref().filter(|_| with_memory) {
            let _ = write!(text, "== numa_maps\n{}\n== smaps\n{}", maps.trim_end(), huge(maps));
        }
        text
    }
}

/// The mappings in huge pages, as `smaps` has them.
fn huge(numa_maps: &str) -> String {
    let mut text = String::new();
    for map in crate::host::parse_numa_maps(numa_maps).into_iter().filter(|map| map.page_kib > 64) {
        let kib: u64 = map.pages.values().map(|pages| pages * map.page_kib).sum();
        let file = map.file.unwrap_or_default();
        let _ = write!(
            text,
            "{:x}-{:x} rw-s 00000000 00:00 0 {file}\nKernelPageSize: {} kB\nShared_Hugetlb: {kib} kB\n",
            map.start,
            map.start + 1,
            map.page_kib
        );
    }
    text
}
