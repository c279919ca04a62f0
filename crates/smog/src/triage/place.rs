//! Where an exception was thrown.

use crate::watch::{Record, is_own_file};

/// The deepest function of a service's own in the first traceback of a record, with its file from
/// the package on; else the deepest of all; else the logger.
pub(super) fn place(record: &Record) -> String {
    let (mut own, mut any, mut ended) = (None, None, false);
    for line in record.further_lines() {
        // The first traceback of a chain is the cause's.
        if line.starts_with("During handling") || line.starts_with("The above exception") {
            ended = any.is_some();
        }
        if ended {
            break;
        }
        let Some((file, function)) = frame(line.trim_start()) else { continue };
        let file = from_package(file);
        let place = format!("{file}:{function}");
        if is_own_file(file) {
            own = Some(place.clone());
        }
        any = Some(place);
    }
    own.or(any).or_else(|| record.logger.clone()).unwrap_or_else(|| record.short_source().to_string())
}

/// `File "/usr/lib/…/a.py", line 12, in f`
fn frame(line: &str) -> Option<(&str, &str)> {
    let (file, rest) = line.strip_prefix("File \"")?.split_once('"')?;
    let function = rest.rsplit_once(" in ").map_or("<module>", |(_, function)| function.trim());
    Some((file, function))
}

/// A file's path from its package on: it is the same wherever it is installed.
fn from_package(path: &str) -> &str {
    for root in ["/dist-packages/", "/site-packages/"] {
        if let Some((_, rest)) = path.rsplit_once(root) {
            return rest;
        }
    }
    if let Some(rest) = path.strip_prefix("/opt/stack/").and_then(|rest| rest.split_once('/')) {
        return rest.1;
    }
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    slashes.len().checked_sub(3).map_or(path.trim_start_matches('/'), |at| &path[slashes[at] + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_the_package_on() {
        for (path, wanted) in [
            ("/usr/lib/python3/dist-packages/nova/compute/manager.py", "nova/compute/manager.py"),
            ("/opt/stack/nova/nova/compute/manager.py", "nova/compute/manager.py"),
            ("/opt/stack/data/venv/lib/python3.12/site-packages/oslo_x/a.py", "oslo_x/a.py"),
            ("/a/b/c/d.py", "b/c/d.py"),
            ("a.py", "a.py"),
        ] {
            assert_eq!(from_package(path), wanted);
        }
    }
}
