//! Quoting of words for a POSIX shell: the only place where smog builds shell text from values.

/// `word` as one shell word: as it is when nothing in it is special, else in single quotes.
///
/// ```
/// assert_eq!(smog::quote("web-1"), "web-1");
/// assert_eq!(smog::quote("it's; rm -rf /"), r"'it'\''s; rm -rf /'");
/// ```
pub fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Several words, each quoted, with blanks between.
pub fn quote_all<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{quote, quote_all};

    #[test]
    fn what_the_shell_would_see_as_special_is_quoted() {
        assert_eq!(quote(""), "''");
        assert_eq!(quote("/etc/nova/nova.conf"), "/etc/nova/nova.conf");
        assert_eq!(quote("A=b"), "'A=b'");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("$HOME `id` \"x\" \\ *"), "'$HOME `id` \"x\" \\ *'");
        assert_eq!(quote("~root"), "'~root'");
        assert_eq!(quote_all(["echo", "two words", "-n"]), "echo 'two words' -n");
    }

    #[test]
    fn a_real_shell_gives_back_every_word() {
        let words = ["", "'", "''", "a'b", "\n", "$(id)", "\\", "--", "é", "!", "{a,b}", "a=b"];
        let script = format!("printf '%s\\0' {}", quote_all(words));
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().expect("sh runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), words);
    }
}
