//! oslo.config files (nova.conf and its kin): read, and edited without touching
//! anything else. What is not changed stays byte for byte: comments, order, blank
//! lines, line ends, odd spacing, options nobody knows.
//!
//! The syntax is oslo.config's own: `[section]` lines, whose names are compared without case
//! (`[DEFAULT]` excepted), `key = value` or `key: value`, continuation lines that begin with a
//! blank (also where `#` follows it) and come directly below their option: a blank line or a
//! comment ends a value. Comments begin with `#` or `;` in the first column.
//! A section may come several times. An option may come several times: of a
//! single-valued option the last counts, of a multi-valued one all do.

use std::ops::Range;

use crate::error::{Error, Result};

/// A configuration file's text and where its options are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsloConfig {
    text: String,
    sections: Vec<Section>,
}

/// One `[section]` line and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    name: String,
    /// From its header's beginning to the next header or the end.
    range: Range<usize>,
    options: Vec<Setting>,
    /// Where a commented-out option stands: its name, and the end of its line.
    commented: Vec<(String, usize)>,
    /// The end of its last line that is neither blank nor a comment: new options go there.
    end_of_content: usize,
}

/// One option as written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    key: String,
    value: String,
    /// Its lines, continuations and line ends included.
    range: Range<usize>,
    /// Where the value stands in its first line, up to the end of its last.
    value_range: Range<usize>,
}

impl OsloConfig {
    /// Read a file's text. `place` names it in errors.
    ///
    /// # Errors
    /// [`Error::Config`] with the line, for what oslo.config refuses too: an option
    /// before any section, a line that is no option, a `[section` without its end.
    pub fn parse(text: impl Into<String>, place: &str) -> Result<OsloConfig> {
        let text = text.into();
        let mut sections: Vec<Section> = Vec::new();
        let mut at = 0;
        // Whether a line that begins with a blank goes on with the option before.
        let mut goes_on = false;
        for (number, line) in lines(&text).enumerate() {
            let range = at..at + line.len();
            at = range.end;
            let bare = line.trim_end_matches(ENDS);
            // The line itself is not shown: it may hold a password.
            let refused = |why: &str| Error::Config {
                place: format!("{place}:{}", number + 1),
                message: why.into(),
                hint: None,
            };
            let trimmed = bare.trim_matches(blank);
            if trimmed.is_empty() || bare.starts_with(['#', ';']) {
                if let (Some(section), Some(key)) = (sections.last_mut(), commented_key(trimmed)) {
                    section.commented.push((key, range.end));
                }
                goes_on = false;
                continue;
            }
            if bare.starts_with([' ', '\t']) {
                let section = sections.last_mut().filter(|_| goes_on);
                let setting = section.and_then(|section| {
                    section.end_of_content = range.end;
                    section.options.last_mut()
                });
                let setting =
                    setting.ok_or_else(|| refused("a continuation line with nothing to continue"))?;
                setting.value.push('\n');
                setting.value.push_str(trimmed);
                setting.range.end = range.end;
                setting.value_range.end = range.start + bare.trim_end_matches(blank).len();
                continue;
            }
            goes_on = false;
            if let Some(header) = bare.trim_end_matches(blank).strip_prefix('[') {
                let name = header.strip_suffix(']').filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| refused("a section line without its end"))?;
                if let Some(before) = sections.last_mut() {
                    before.range.end = range.start;
                }
                sections.push(Section {
                    name: name.to_string(),
                    end_of_content: range.end,
                    range: range.start..text.len(),
                    options: Vec::new(),
                    commented: Vec::new(),
                });
                continue;
            }
            let split = bare.find(['=', ':']).ok_or_else(|| refused("neither an option nor a section"))?;
            let section = sections.last_mut().ok_or_else(|| refused("an option before any section"))?;
            let key = bare[..split].trim_matches(blank);
            if key.is_empty() {
                return Err(refused("an option without a name"));
            }
            let value = bare[split + 1..].trim_matches(blank);
            let value_start = range.start + bare.len() - bare[split + 1..].trim_start_matches(blank).len();
            section.end_of_content = range.end;
            goes_on = true;
            section.options.push(Setting {
                key: key.to_string(),
                value: unquoted(value).to_string(),
                value_range: value_start..value_start + value.len(),
                range,
            });
        }
        Ok(OsloConfig { text, sections })
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its sections' names in order, each once; of `[agent]` and `[AGENT]` the first.
    pub fn sections(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for section in &self.sections {
            if !names.iter().any(|name| same_section(name, &section.name)) {
                names.push(&section.name);
            }
        }
        names
    }

    /// The value that counts for a single-valued option: the last one.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.settings(section, key).last().map(|setting| setting.value.as_str())
    }

    /// All values of a multi-valued option, in order.
    pub fn get_all(&self, section: &str, key: &str) -> Vec<&str> {
        self.settings(section, key).map(|setting| setting.value.as_str()).collect()
    }

    fn settings(&self, section: &str, key: &str) -> impl DoubleEndedIterator<Item = &Setting> {
        let sections = self.sections.iter().filter(move |one| same_section(&one.name, section));
        sections.flat_map(|one| &one.options).filter(move |setting| setting.key == key)
    }

    /// Set a single-valued option. Where it stands already, the value that counts is
    /// replaced in its place, and nothing when it is the same; else it goes below a
    /// commented-out line of its name, else to the end of its section, else into a new
    /// section at the end of the file.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name or value that a line cannot hold.
    pub fn set(&self, section: &str, key: &str, value: &str) -> Result<OsloConfig> {
        check(section, key, value)?;
        if let Some(setting) = self.settings(section, key).next_back() {
            if setting.value == value {
                return Ok(self.clone());
            }
            return self.edited(setting.value_range.clone(), value);
        }
        self.inserted(section, key, &format!("{key} = {value}"))
    }

    /// Make these the values of a multi-valued option: those there are replaced one by
    /// one, further ones follow the last, those too many go.
    ///
    /// # Errors
    /// As [`OsloConfig::set`].
    pub fn set_all(&self, section: &str, key: &str, values: &[&str]) -> Result<OsloConfig> {
        for value in values {
            check(section, key, value)?;
        }
        let there: Vec<Setting> = self.settings(section, key).cloned().collect();
        let mut file = self.clone();
        // From the end to the beginning, so that the places before stay right.
        let more = &values[there.len().min(values.len())..];
        if let (Some(last), false) = (there.last(), more.is_empty()) {
            let lines: String =
                more.iter().map(|value| format!("{key} = {value}{}", self.line_end())).collect();
            let glue = if self.text[..last.range.end].ends_with(ENDS) { "" } else { self.line_end() };
            file = file.edited(last.range.end..last.range.end, &format!("{glue}{lines}"))?;
        }
        for (at, setting) in there.iter().enumerate().rev() {
            file = match values.get(at) {
                Some(value) if *value == setting.value => file,
                Some(value) => file.edited(setting.value_range.clone(), value)?,
                None => file.edited(setting.range.clone(), "")?,
            };
        }
        if there.is_empty() && !values.is_empty() {
            let lines: Vec<String> = values.iter().map(|value| format!("{key} = {value}")).collect();
            file = file.inserted(section, key, &lines.join(self.line_end()))?;
        }
        Ok(file)
    }

    /// Remove every occurrence of an option; comments stay.
    ///
    /// # Errors
    /// None in practice; the result is parsed again.
    pub fn remove(&self, section: &str, key: &str) -> Result<OsloConfig> {
        self.set_all(section, key, &[])
    }

    fn inserted(&self, section: &str, key: &str, lines: &str) -> Result<OsloConfig> {
        let end = self.line_end();
        let of_name: Vec<&Section> =
            self.sections.iter().filter(|one| same_section(&one.name, section)).collect();
        let below_comment =
            of_name.iter().flat_map(|one| &one.commented).find(|(name, _)| name == key).map(|(_, at)| *at);
        let place = below_comment.or_else(|| of_name.last().map(|one| one.end_of_content));
        match place {
            Some(at) => {
                let glue = if self.text[..at].ends_with(ENDS) { "" } else { end };
                self.edited(at..at, &format!("{glue}{lines}{end}"))
            }
            None => {
                let glue = match self.text.as_str() {
                    "" => String::new(),
                    text if text.ends_with(ENDS) => end.to_string(),
                    _ => format!("{end}{end}"),
                };
                self.edited(self.text.len()..self.text.len(), &format!("{glue}[{section}]{end}{lines}{end}"))
            }
        }
    }

    fn edited(&self, range: Range<usize>, with: &str) -> Result<OsloConfig> {
        let mut text = self.text.clone();
        text.replace_range(range, with);
        OsloConfig::parse(text, "the edited file")
    }

    fn line_end(&self) -> &'static str {
        if self.text.contains("\r\n") {
            "\r\n"
        } else if self.text.contains('\r') && !self.text.contains('\n') {
            "\r"
        } else {
            "\n"
        }
    }
}

/// What ends a line.
const ENDS: [char; 2] = ['\n', '\r'];

/// The lines of a file with their ends, as Python reads a text file: a lone carriage return ends
/// a line as well.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = match rest.find(ENDS) {
            None => rest.len(),
            Some(at) if rest[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
        };
        let (line, more) = rest.split_at(end);
        rest = more;
        (!line.is_empty()).then_some(line)
    })
}

/// What Python's `str.strip` takes away: Unicode's white space and four separators of ASCII.
fn blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn check(section: &str, key: &str, value: &str) -> Result<()> {
    let invalid = |what: String, why: &str| Err(Error::Invalid { what, why: why.into(), hint: None });
    if section.is_empty() || section.contains(['[', ']', '\n', '\r']) || section != section.trim() {
        return invalid(format!("section `{section}`"), "not a section's name");
    }
    if key.is_empty()
        || key.contains(['=', ':', '\n', '\r'])
        || key != key.trim()
        || key.starts_with(['#', ';', '['])
    {
        return invalid(format!("option `{key}`"), "not an option's name");
    }
    if value.contains(['\n', '\r']) || value != value.trim() || unquoted(value) != value {
        return invalid(
            format!("the value of `{key}`"),
            "it has line ends, outer blanks or outer quotes, which oslo.config would not give back",
        );
    }
    Ok(())
}

/// oslo.config compares the names of sections without case, `DEFAULT` excepted.
fn same_section(one: &str, other: &str) -> bool {
    one == other || (one != "DEFAULT" && other != "DEFAULT" && one.to_lowercase() == other.to_lowercase())
}

/// oslo.config takes a pair of quotes around a value away; of a lone quote nothing is left.
fn unquoted(value: &str) -> &str {
    if matches!(value, "\"" | "'") {
        return "";
    }
    let pair = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    pair.unwrap_or(value)
}

/// The option in `#key = value`; nothing for a comment in prose.
fn commented_key(trimmed: &str) -> Option<String> {
    let (key, _) = trimmed.strip_prefix('#')?.split_once('=')?;
    let key = key.trim();
    let is_name = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then(|| key.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOVA: &str = "\
# A comment above all
[DEFAULT]
my_ip = 192.0.2.11
#debug = false
transport_url=rabbit://guest:guest@192.0.2.10:5672/

[pci]
device_spec = {\"vendor_id\": \"8086\"}
device_spec = {\"vendor_id\": \"10de\",
   \"product_id\": \"1eb8\"}

[libvirt]
; old style comment
virt_type: qemu
cpu_mode = \"none\"
[DEFAULT]
state_path = /var/lib/nova";

    fn nova() -> OsloConfig {
        OsloConfig::parse(NOVA, "nova.conf").expect("nova.conf")
    }

    /// The lines that differ, as `-old` and `+new`.
    fn changed(new: &OsloConfig) -> Vec<String> {
        let (old, new): (Vec<&str>, Vec<&str>) = (NOVA.lines().collect(), new.text().lines().collect());
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("-{line}"));
        gone.chain(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+{line}"))).collect()
    }

    #[test]
    fn read_as_oslo_config_reads_it() {
        let file = nova();
        assert_eq!(file.sections(), ["DEFAULT", "pci", "libvirt"]);
        assert_eq!(file.get("DEFAULT", "state_path"), Some("/var/lib/nova"));
        assert_eq!(file.get("libvirt", "virt_type"), Some("qemu"));
        assert_eq!(file.get("libvirt", "cpu_mode"), Some("none"));
        assert_eq!(file.get("DEFAULT", "debug"), None);
        let specs = file.get_all("pci", "device_spec");
        assert_eq!(specs.len(), 2);
        assert_eq!(specs[1], "{\"vendor_id\": \"10de\",\n\"product_id\": \"1eb8\"}");
    }

    #[test]
    fn one_line_changes_and_nothing_else() {
        let set = |section, key, value| nova().set(section, key, value).expect("set");
        assert_eq!(changed(&set("libvirt", "virt_type", "kvm")), ["-virt_type: qemu", "+virt_type: kvm"]);
        assert_eq!(changed(&set("DEFAULT", "debug", "true")), ["+debug = true"]);
        assert!(set("DEFAULT", "debug", "true").text().contains("#debug = false\ndebug = true\n"));
        assert_eq!(changed(&set("DEFAULT", "my_ip", "192.0.2.11")), Vec::<String>::new());
        assert_eq!(changed(&set("compute", "cpu_shared_set", "0")), ["+[compute]", "+cpu_shared_set = 0"]);
        // A new option of a section that comes twice goes to its last part.
        assert!(set("DEFAULT", "host", "cmp1").text().ends_with("state_path = /var/lib/nova\nhost = cmp1\n"));
    }

    #[test]
    fn multi_valued_options() {
        let all = |values: &[&str]| nova().set_all("pci", "device_spec", values).expect("set");
        assert_eq!(all(&["a"]).get_all("pci", "device_spec"), ["a"]);
        assert_eq!(all(&["a", "b", "c"]).get_all("pci", "device_spec"), ["a", "b", "c"]);
        assert!(all(&[]).get_all("pci", "device_spec").is_empty());
        let alias = nova().set_all("pci", "alias", &["x", "y"]).expect("set");
        assert_eq!(alias.get_all("pci", "alias"), ["x", "y"]);
        assert_eq!(alias.get_all("pci", "device_spec"), nova().get_all("pci", "device_spec"));
    }

    #[test]
    fn what_oslo_config_refuses_is_refused_with_its_line() {
        for (text, place) in [
            ("debug = true\n", "f:1"),
            ("[DEFAULT]\nnonsense\n", "f:2"),
            ("[DEFAULT\n", "f:1"),
            ("[a]\n = b\n", "f:2"),
        ] {
            let error = OsloConfig::parse(text, "f").expect_err(text).to_string();
            assert!(error.starts_with(place), "{error}");
        }
        assert!(nova().set("libvirt", "x", "two\nlines").is_err());
        assert!(nova().set("libvirt", "a=b", "c").is_err());
    }

    #[test]
    fn section_names_are_without_case_as_oslo_config_has_them() {
        let file = OsloConfig::parse("[libvirt]\nvirt_type = kvm\n\n[LIBVIRT]\nvolume_clear = none\n", "f");
        let file = file.expect("two spellings");
        assert_eq!(file.sections(), ["libvirt"]);
        assert_eq!(file.get("libvirt", "volume_clear"), Some("none"));
        let changed = file.set("libvirt", "volume_clear", "zero").expect("set");
        assert_eq!(changed.text(), "[libvirt]\nvirt_type = kvm\n\n[LIBVIRT]\nvolume_clear = zero\n");
        assert_eq!(
            changed.remove("Libvirt", "volume_clear").expect("removed").get("libvirt", "volume_clear"),
            None
        );
        let file = OsloConfig::parse("[DEFAULT]\na = 1\n[default]\na = 2\n", "f").expect("not the same");
        assert_eq!((file.get("DEFAULT", "a"), file.get("default", "a")), (Some("1"), Some("2")));
    }

    /// Recorded from oslo.config 10.7.0 by tests/data/oslo/record.py.
    #[test]
    fn recorded_answers_of_oslo_config() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/oslo/recorded.json");
        let text = std::fs::read_to_string(path).expect("the recording");
        let cases: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 40, "{}", cases.len());
        for case in cases {
            let text = case["text"].as_str().expect("a text");
            match (OsloConfig::parse(text, "f"), case["sections"].as_object()) {
                (Err(_), None) => {}
                (Ok(file), Some(sections)) => {
                    let named: usize = file.sections().len();
                    assert_eq!(named, sections.len(), "{text:?}");
                    for (section, options) in sections {
                        for (key, values) in options.as_object().expect("options") {
                            let values: Vec<&str> = values
                                .as_array()
                                .expect("values")
                                .iter()
                                .filter_map(|one| one.as_str())
                                .collect();
                            assert_eq!(file.get_all(section, key), values, "{text:?} [{section}]{key}");
                        }
                    }
                }
                (read, sections) => panic!("{text:?}: smog {read:?}, oslo.config {sections:?}"),
            }
        }
    }

    #[test]
    fn no_line_and_no_value_is_shown_in_an_error() {
        for text in [
            "[DEFAULT]\nhush\n",
            "[hush\n",
            "hush = 1\n",
            "[a]\n = hush\n",
            "[a]\n hush\n",
            "[a]\nb=1\n\n hush\n",
        ] {
            let said = OsloConfig::parse(text, "f").expect_err(text).to_string();
            assert!(!said.contains("hush") && !said.contains('\n'), "{said}");
        }
        let said = nova().set("DEFAULT", "password", "hush ").expect_err("a blank").to_string();
        assert!(!said.contains("hush"), "{said}");
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("# prose, with = in it".to_string()),
            Just("#cpu_mode = none".to_string()),
            "\\[[a-zA-Z_]{1,8}\\]",
            "[a-z_]{1,8} ?[=:] ?[ -~]{0,20}",
            "[ \t]{1,3}[a-z\"{},]{1,12}",
        ]
    }

    fn file() -> impl Strategy<Value = String> {
        let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
        (proptest::collection::vec(line(), 0..30), end, any::<bool>()).prop_map(|(lines, end, ended)| {
            // It begins as oslo.config wants it: a section, and an option to continue.
            let text = ["[DEFAULT]".to_string(), "a = b".to_string()].into_iter().chain(lines);
            let text: Vec<String> = text.collect();
            text.join(end) + if ended { end } else { "" }
        })
    }

    proptest! {
        #[test]
        fn every_byte_survives(text in file()) {
            if let Ok(file) = OsloConfig::parse(text.clone(), "f") {
                prop_assert_eq!(file.text(), text);
            }
        }

        #[test]
        fn what_is_set_is_read_back_and_the_rest_is_as_it_was(
            text in file(), section in "[a-zA-Z_]{1,8}", key in "[a-z_]{1,8}", value in "[a-z0-9,{}/]{0,12}",
        ) {
            let Ok(file) = OsloConfig::parse(text, "f") else { return Ok(()) };
            let changed = file.set(&section, &key, &value).expect("a plain option");
            prop_assert_eq!(changed.get(&section, &key), Some(value.as_str()));
            for name in file.sections() {
                for other in file.sections.iter().filter(|one| same_section(&one.name, name)).flat_map(|one| &one.options) {
                    if !same_section(name, &section) || other.key != key {
                        prop_assert_eq!(file.get_all(name, &other.key), changed.get_all(name, &other.key));
                    }
                }
            }
            // Set back, it is the same file again, byte for byte.
            if let Some(before) = file.get(&section, &key).filter(|before| check(&section, &key, before).is_ok()) {
                let is_plain = file.settings(&section, &key).next_back().is_some_and(|one| file.text[one.value_range.clone()] == *before);
                if is_plain {
                    let back = changed.set(&section, &key, before).expect("set back");
                    prop_assert_eq!(back.text(), file.text());
                }
            }
        }

        #[test]
        fn values_are_counted(text in file(), values in proptest::collection::vec("[a-z0-9]{1,6}", 0..4)) {
            let Ok(file) = OsloConfig::parse(text, "f") else { return Ok(()) };
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let changed = file.set_all("DEFAULT", "a", &values).expect("plain values");
            prop_assert_eq!(changed.get_all("DEFAULT", "a"), values);
        }
    }
}
