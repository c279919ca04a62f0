//! The commands in a line of shell, as far as documents need it.

/// Every command of a line, as its words. Variables before it, redirections and comments are left
/// out; the brackets of a synopsis too: `[--flag]` is `--flag`.
pub fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut redirected = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                word.extend(letters.by_ref().take_while(|inner| *inner != letter));
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '#' if word.is_none() => break,
            '[' | ']' => {}
            ' ' | '\n' => push(&mut words, &mut word, &mut redirected),
            '>' | '<' if letters.peek() != Some(&'(') => {
                push(&mut words, &mut word, &mut redirected);
                redirected = true;
            }
            '|' | ';' | '&' | '(' | ')' | '<' | '>' => {
                push(&mut words, &mut word, &mut redirected);
                end(&mut all, &mut words);
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    push(&mut words, &mut word, &mut redirected);
    end(&mut all, &mut words);
    all
}

fn push(words: &mut Vec<String>, word: &mut Option<String>, redirected: &mut bool) {
    if let Some(word) = word.take()
        && !std::mem::take(redirected)
    {
        words.push(word);
    }
}

fn end(all: &mut Vec<Vec<String>>, words: &mut Vec<String>) {
    let is_variable = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let mut command: Vec<String> = std::mem::take(words);
    let variables = command.iter().take_while(is_variable).count();
    command.drain(..variables);
    if let Some(at) = command.iter().position(|word| word == "--")
        && command.get(at + 1).is_some_and(|word| word == "smog")
    {
        all.push(command[at + 1..].to_vec());
    }
    if !command.is_empty() {
        all.push(command);
    }
}

#[test]
fn the_commands_of_a_line() {
    let all = |line: &str| commands(line).iter().map(|words| words.join(",")).collect::<Vec<_>>();
    assert_eq!(all("A=b smog x 'a b' | head # no"), ["smog,x,a b", "head"]);
    assert_eq!(all("source <(smog completion bash); ls"), ["source", "smog,completion,bash", "ls"]);
    assert_eq!(all("smog audit -o json > known.json"), ["smog,audit,-o,json"]);
    assert_eq!(all("smog watch -- smog boot a"), ["smog,boot,a", "smog,watch,--,smog,boot,a"]);
}
