//! Sentences on standard error: errors, hints, warnings. What they quote may be long, of many
//! lines, and hostile; none of it may look like a sentence of smog's own.

use smog::show::visible;

/// Of one error so many characters are shown.
const LONGEST: usize = 3000;
/// And so many lines.
const MOST_LINES: usize = 40;

/// A sentence as it is shown: visible, of bearable length, further lines indented.
pub fn sentence(text: &str) -> String {
    let text = visible(text.trim_end());
    let text = without_numbers(&text);
    let text = fewer_lines(&shorter(&text));
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_string();
    let rest: Vec<&str> = lines.collect();
    let indent = if rest.iter().all(|line| line.is_empty() || line.starts_with("  ")) { "" } else { "    " };
    rest.into_iter().fold(first, |text, line| text + "\n" + indent + line)
}

/// Without the system's numbers of errors: "No such file or directory (os error 2)".
fn without_numbers(text: &str) -> String {
    let mut pieces = text.split(" (os error ");
    let mut plain = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        match piece.split_once(')') {
            Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => plain.push_str(rest),
            _ => {
                plain.push_str(" (os error ");
                plain.push_str(piece);
            }
        }
    }
    plain
}

/// The beginning, and the end, which often is what one wants to copy.
fn shorter(text: &str) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text.to_string();
    }
    let head: String = text.chars().take(LONGEST * 2 / 3).collect();
    let tail: String = text.chars().skip(count - LONGEST / 3).collect();
    format!("{head} … ({} characters are left out) … {tail}", count - LONGEST * 2 / 3 - LONGEST / 3)
}

fn fewer_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= MOST_LINES {
        return text.to_string();
    }
    let (head, tail) = (&lines[..MOST_LINES / 2], &lines[lines.len() - MOST_LINES / 2..]);
    format!(
        "{}\n    … ({} lines are left out)\n{}",
        head.join("\n"),
        lines.len() - MOST_LINES,
        tail.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_quoted_text_cannot_look_like_smog_s_own() {
        assert_eq!(
            sentence("refused: no\nwarning: all is well\x1b[2J"),
            "refused: no\n    warning: all is well\\u{1b}[2J"
        );
        // What is indented already stays, and with it the place of a caret.
        assert_eq!(
            sentence("smog.yml:2:1: unknown\n    hots: {}\n    ^"),
            "smog.yml:2:1: unknown\n    hots: {}\n    ^"
        );
        assert_eq!(sentence("two lines\n"), "two lines");
        assert_eq!(
            sentence("a: No such file (os error 2); b (os error x)"),
            "a: No such file; b (os error x)"
        );
    }

    #[test]
    fn a_page_is_not_printed_whole_and_its_end_stays() {
        let long = format!("refused: {} (request req-1)", "x".repeat(3_000_000));
        let shown = sentence(&long);
        assert!(shown.len() < 4000, "{}", shown.len());
        assert!(shown.starts_with("refused: xxx") && shown.ends_with("(request req-1)"), "{shown}");
        assert!(shown.contains("(2997025 characters are left out)"), "{} characters", shown.len());
        let many = "a\n".repeat(5000);
        assert!(sentence(&many).lines().count() <= 41, "{}", sentence(&many));
    }
}
