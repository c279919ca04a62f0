//! How a thing is shown, once for every face: its columns, its one line, and text of others
//! that must not steer the terminal it is shown on.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// One column of a table.
pub struct Column<T> {
    /// The heading, lower case; also the name for `-c`.
    pub name: &'static str,
    /// Only in the wide form.
    pub wide: bool,
    /// Not even where one thing is shown alone in the normal form.
    pub only_wide: bool,
    /// The text of the cell; empty when there is nothing to say.
    pub cell: fn(&T) -> String,
}

impl<T> Column<T> {
    /// A column of the normal form.
    pub const fn new(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
        Column { name, wide: false, only_wide: false, cell }
    }

    /// A column of the wide form only, also where one thing is shown alone: pages of text.
    pub const fn only_wide(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
        Column { name, wide: true, only_wide: true, cell }
    }

    /// A column of the wide form of lists; one thing alone is shown with it.
    pub const fn wide(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
        Column { name, wide: true, only_wide: false, cell }
    }
}

/// A thing that can be a row of a table.
pub trait Show: Sized + 'static {
    /// What several are called: "servers". An empty list says "no servers".
    const PLURAL: &'static str = "entries";

    /// Its columns, in order.
    const COLUMNS: &'static [Column<Self>];
}

/// "1 vCPU", "2 vCPUs".
pub fn counted(count: impl TryInto<u64>, what: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A size as people say it: "2 MiB" for 2048 KiB, "1 GiB", "1500 KiB".
pub fn kib(kib: u64) -> String {
    match kib {
        kib if kib > 0 && kib % (1 << 20) == 0 => format!("{} GiB", kib >> 20),
        kib if kib > 0 && kib % (1 << 10) == 0 => format!("{} MiB", kib >> 10),
        kib => format!("{kib} KiB"),
    }
}

/// Text of any origin for a terminal: each character that would steer the terminal, change the
/// order of the text around it, or hide is spelled out (`\u{1b}`). Line ends and tabs stay.
///
/// Names, faults, logs and files are written by tenants and by hosts; a terminal obeys
/// escape sequences whoever wrote them.
pub fn visible(text: &str) -> Cow<'_, str> {
    spelled_out(text, |c| !matches!(c, '\n' | '\t') && steers(c))
}

/// The same for what must stay in one line and one cell: line ends and tabs are spelled out
/// as well (`\n`, `\t`).
pub fn visible_line(text: &str) -> Cow<'_, str> {
    spelled_out(text, steers)
}

/// Whether a terminal would do something else with this character than show it.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, Arabic letter mark, Hangul fillers, Mongolian vowel separator: nothing is seen.
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}'
            // Zero width space; marks of direction. (Joiners are part of words and of emoji.)
            | '\u{200b}' | '\u{200e}' | '\u{200f}'
            // Line and paragraph separators, embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, old shaping controls; byte order mark.
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
            // Interlinear annotations; tags.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn spelled_out(text: &str, hides: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hides) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match hides(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Text made safe for HTML: for an element or a quoted attribute.
pub(crate) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(letter)?,
                letter if letter.is_control() => f.write_char('\u{fffd}')?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{kib, visible, visible_line};

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(visible("a\x1b[2Jb\0"), "a\\u{1b}[2Jb\\u{0}");
        assert_eq!(visible("a\tb\nc\rd"), "a\tb\nc\\rd");
        assert_eq!(visible_line("a\tb\nc"), "a\\tb\\nc");
        // C1 (a CSI of one character), DEL, overrides and isolates of direction, separators, tags.
        for c in [
            '\u{9b}',
            '\u{85}',
            '\u{7f}',
            '\u{202e}',
            '\u{2066}',
            '\u{2069}',
            '\u{2028}',
            '\u{2029}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert_eq!(visible(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
        // Other scripts, combined characters and emoji are text.
        for text in ["größe", "日本語", "e\u{301}", "👩\u{200d}🔬", "می\u{200c}خواهم", "a\\b"]
        {
            assert_eq!(visible_line(text), text);
        }
    }

    #[test]
    fn sizes_in_the_largest_whole_unit() {
        assert_eq!([2048, 1 << 20, 1500, 0].map(kib), ["2 MiB", "1 GiB", "1500 KiB", "0 KiB"]);
    }
}
