//! oslo.config files (nova.conf and its kin): read, and edited without touching
//! anything else. What is not changed stays byte for byte: comments, order, blank
//! lines, line ends, odd spacing, unknown options.
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
    /// before any section, a line that is not an option, a `[section` without its end.
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
mod tests;
