//! A line of a shell as words without their quotes, and words with quotes again.

/// A line up to the cursor.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// The words before the last one.
    pub words: Vec<String>,
    /// The word at the cursor; empty behind a blank.
    pub last: Last,
}

/// The word that is being typed.
#[derive(Debug, Default, PartialEq)]
pub struct Last {
    /// Without quotes.
    pub text: String,
    /// So many bytes of `text` stand before what the shell replaces.
    kept: usize,
    /// In which quotes the cursor is.
    quote: Option<char>,
}

/// Read a line; `breaks` are characters at which the shell begins to replace again
/// (`COMP_WORDBREAKS`). None, when its last word has more than quotes in it (`$(…`, a closed
/// quote): then nothing is known about what the shell would replace.
pub fn read(line: &str, breaks: &str) -> Option<Line> {
    let (mut words, mut last, mut begun, mut odd) = (vec![], Last::default(), false, false);
    let mut letters = line.chars();
    while let Some(c) = letters.next() {
        match (last.quote, c) {
            (None, c) if c.is_ascii_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut last).text);
                }
                (last, begun, odd) = (Last::default(), false, false);
                continue;
            }
            (None, '\'' | '"') => {
                last.quote = Some(c);
                last.kept = last.text.len();
            }
            (Some(quote), c) if c == quote => {
                last.quote = None;
                odd = true;
            }
            (None, '\\') => last.text.push(letters.next()?),
            (Some('"'), '\\') => match letters.next()? {
                c @ ('$' | '`' | '"' | '\\') => last.text.push(c),
                c => last.text.extend(['\\', c]),
            },
            (None | Some('"'), '$' | '`') => {
                odd = true;
                last.text.push(c);
            }
            (quote, c) => {
                last.text.push(c);
                if quote.is_none() && breaks.contains(c) {
                    last.kept = last.text.len();
                }
            }
        }
        begun = true;
    }
    (!odd).then_some(Line { words, last })
}

impl Last {
    /// What the shell gets for `value`, the whole word without quotes. None, when it cannot
    /// be written in the quotes that are open.
    pub fn completed(&self, value: &str) -> Option<String> {
        let rest = value.strip_prefix(&self.text[..self.kept])?;
        match self.quote {
            None => Some(rest.chars().flat_map(escaped).collect()),
            // Nothing is special in it but its end.
            Some('\'') => (!rest.contains('\'')).then(|| rest.to_string()),
            // `!` cannot be written in it where a shell has a history.
            Some(_) if rest.contains('!') => None,
            Some(_) => Some(
                rest.chars()
                    .flat_map(|c| matches!(c, '$' | '`' | '"' | '\\').then_some('\\').into_iter().chain([c]))
                    .collect(),
            ),
        }
    }
}

/// A character of an unquoted word: all but letters, digits and what is plain everywhere has a
/// backslash before it.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let is_plain = c.is_alphanumeric() || "_-./:=@%+,".contains(c) || (!c.is_ascii() && !c.is_whitespace());
    (!is_plain).then_some('\\').into_iter().chain([c])
}

#[cfg(test)]
mod tests {
    use super::read;

    const BREAKS: &str = "\"'@><=;|&(:";

    fn completed(line: &str, value: &str) -> Option<String> {
        read(line, BREAKS)?.last.completed(value)
    }

    #[test]
    fn words_without_their_quotes() {
        let line = read(r#"smog guest 'a b' c\ d "e $f" g"#, BREAKS).expect("a line");
        assert_eq!(line.words, ["smog", "guest", "a b", "c d", "e $f"]);
        assert_eq!(line.last.text, "g");
        assert_eq!(read("smog guest ", BREAKS).expect("a line").last.text, "");
    }

    #[test]
    fn a_hostile_name_is_one_quoted_word() {
        let name = "web-x$(touch${IFS}F)";
        assert_eq!(completed("smog x web-", name).as_deref(), Some(r"web-x\$\(touch\$\{IFS\}F\)"));
        assert_eq!(completed("smog x 'web-", name).as_deref(), Some(name));
        assert_eq!(completed("smog x \"web-", name).as_deref(), Some(r"web-x\$(touch\${IFS}F)"));
        assert_eq!(
            completed("smog x ", "`a`;b&c|d>e<f*?[~]#'\"\\ !").as_deref(),
            Some(r#"\`a\`\;b\&c\|d\>e\<f\*\?\[\~\]\#\'\"\\\ \!"#)
        );
        assert_eq!(completed("smog x ", "~root").as_deref(), Some(r"\~root"));
        // What cannot be written in the quotes that are open is not offered.
        assert_eq!(completed("smog x 'a", "a'b"), None);
        assert_eq!(completed("smog x \"a", "a!b"), None);
    }

    #[test]
    fn only_what_the_shell_replaces_is_told() {
        assert_eq!(completed("smog boot --flavor=m", "--flavor=m1.tiny").as_deref(), Some("m1.tiny"));
        assert_eq!(completed("smog x a:", "a:b c").as_deref(), Some(r"b\ c"));
        assert_eq!(completed("smog boot --flavor='m", "--flavor=m x").as_deref(), Some("m x"));
        // More than quotes: nothing is known.
        assert_eq!(completed("smog x $(ls", "$(ls)"), None);
        assert_eq!(completed("smog x 'a'b", "ab"), None);
    }
}
