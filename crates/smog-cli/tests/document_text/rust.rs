//! What a Rust source says to people: doc comments, and messages in its literals.

/// Doc comments and string literals, each with where it begins, up to the tests of the file. What
/// a message fills in is `…`.
pub fn parts(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut parts = Vec::new();
    let (mut at, mut comment) = (0, None::<(usize, String)>);
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        match trimmed.strip_prefix("///").or(trimmed.strip_prefix("//!")) {
            Some(said) => comment.get_or_insert((at, String::new())).1.push_str(said),
            None => parts.extend(comment.take()),
        }
        at += line.len();
    }
    parts.extend(comment);
    parts.retain(|(_, part)| part.contains('`'));
    parts.extend(messages(text));
    parts
}

/// Doc comments line by line and literals, each with where it begins, up to the tests of the file.
pub fn prose(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let (mut parts, mut at) = (Vec::new(), 0);
    for line in code.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let comment = trimmed.strip_prefix("///").or(trimmed.strip_prefix("//!"));
        parts.extend(comment.map(|said| (at, said.to_string())));
        at += line.len();
    }
    parts.extend(literals(code).into_iter().map(|(at, literal)| (at, filled(literal))));
    parts
}

/// The literals alone.
pub fn messages(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let said = literals(code).into_iter().map(|(at, literal)| (at, filled(literal)));
    said.filter(|(_, part)| part.contains('`')).collect()
}

/// The string literals of a source, each with where it begins. Comments hold none, and a
/// character that is a quotation mark begins none.
fn literals(code: &str) -> Vec<(usize, &str)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = code.get(at..).and_then(|rest| rest.find(['"', '/', '\''])) {
        let begin = at + next;
        let rest = &code[begin..];
        if rest.starts_with("//") {
            at = begin + rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("'\"'") {
            at = begin + 3;
        } else if let Some(inner) = rest.strip_prefix('"') {
            let length = match code[..begin].ends_with("r#") {
                true => inner.find("\"#"),
                false => end_of(inner),
            };
            let literal = &inner[..length.unwrap_or(inner.len())];
            found.push((begin + 1, literal));
            at = begin + 1 + literal.len() + 1;
        } else {
            at = begin + 1;
        }
    }
    found
}

/// Where the quotation mark is that no backslash stands before.
fn end_of(literal: &str) -> Option<usize> {
    let mut escaped = false;
    literal.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })
}

/// What a literal says, with `…` for what a message fills in.
fn filled(literal: &str) -> String {
    let mut said = String::new();
    let mut letters = literal.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => said.push('\n'),
                Some('\n') => while letters.next_if(|next| next.is_whitespace()).is_some() {},
                Some(other) => said.push(other),
                None => {}
            },
            '{' if letters.peek() != Some(&'{') => {
                let _ = letters.by_ref().find(|next| *next == '}');
                said.push('…');
            }
            other => said.push(other),
        }
    }
    said
}

#[test]
fn the_messages_of_a_source() {
    let source = "/// See `smog a`.\nfn f() { let c = '\"'; g(\"`smog b {name}` \\\n   \\\"x\\\"\"); } // `no`\nh(r#\"`c` \"d\"\"#)";
    let said: Vec<String> = parts(source).into_iter().map(|(_, part)| part).collect();
    assert_eq!(said, [" See `smog a`.\n", "`smog b …` \"x\"", "`c` \"d\""]);
}
