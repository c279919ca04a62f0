//! Scripted hosts: an `ssh` that stands before the real one in `PATH`, and one socket per host
//! behind it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;

use crate::mux::{self, Said};
use crate::questions::{Answers, MARK};
use crate::recording::HostAnswer;

/// Hosts that answer commands from memory, for every smog that has [`FakeHosts::path`] as `PATH`.
#[derive(Debug)]
pub struct FakeHosts {
    // With a short path: a socket's has at most 108 bytes.
    folder: tempfile::TempDir,
}

impl FakeHosts {
    /// These hosts, each with its answers by command. All others do not answer.
    pub fn start(hosts: BTreeMap<String, BTreeMap<String, HostAnswer>>) -> FakeHosts {
        let folder = tempfile::Builder::new().prefix("sf-").tempdir_in("/tmp").expect("a folder");
        let ssh = folder.path().join("ssh");
        std::fs::write(&ssh, include_str!("ssh.sh")).expect("a script");
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        for (host, answers) in hosts {
            let listener = UnixListener::bind(folder.path().join(&host)).expect("a socket");
            let answers = Arc::new(Answers::new(answers));
            std::thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    let answers = Arc::clone(&answers);
                    std::thread::spawn(move || mux::serve(stream, |line| answer(&answers, line)));
                }
            });
        }
        FakeHosts { folder }
    }

    /// The folder of the stand-in `ssh` and of the sockets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `PATH` with the stand-in before the rest.
    pub fn path(&self) -> String {
        let rest = std::env::var("PATH").unwrap_or_default();
        format!("{}:{rest}", self.folder.path().display())
    }
}

/// What a host says to a line for its login shell.
fn answer(answers: &Answers, line: &str) -> Said {
    let Some(Asked { mark, command }) = asked(line) else {
        // smog asks first what the login shell is: see `login.rs` there.
        let mark =
            words(line).into_iter().flat_map(|word| words(&word)).find(|word| word.starts_with("smog-"));
        let stdout = format!("\n{}0 /bin/sh\n", mark.unwrap_or_default());
        return Said { stdout: stdout.into_bytes(), stderr: vec![], exit_code: 0 };
    };
    // Batches of commands have marks of their own between them, others at each run.
    let own = mark_in(&command).unwrap_or(MARK).to_string();
    let found = answers.to(&command.replace(&own, MARK));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64();
    let stdout = found.stdout.replace(MARK, &own).replace("{now}", &format!("{now:.6}"));
    let stderr = found.stderr.replace(MARK, &own);
    Said {
        stdout: format!("{mark}begin\n{stdout}").into_bytes(),
        stderr: format!("{mark}begin\n{stderr}{mark}{}\n", found.exit_code).into_bytes(),
        exit_code: found.exit_code,
    }
}

/// The first mark in a command: `smog-`, 32 hexadecimal digits and `-`.
fn mark_in(command: &str) -> Option<&str> {
    command.match_indices("smog-").find_map(|(at, _)| {
        let mark = command.get(at..at + "smog-".len() + 32 + 1)?;
        let digits = &mark["smog-".len()..mark.len() - 1];
        (mark.ends_with('-') && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(mark)
    })
}

/// A command, and the mark that its output is to have.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    mark: String,
    command: String,
}

/// The command in a line for a login shell, as smog packs it: see `login.rs` and `leash.rs` there.
fn asked(line: &str) -> Option<Asked> {
    let packed = words(line);
    let at = packed.iter().position(|word| word == "smog")?;
    let script = words(&unpacked(&packed[at + 1..].concat()));
    let at = script.iter().position(|word| word == "smog")?;
    let [_length, mark, argv @ ..] = &script[at + 1..] else { return None };
    // Where sudo may be needed, more of the shell's words follow.
    let end = argv.iter().position(|word| word.ends_with(';') && word != ";").map(|at| at + 1);
    let mut argv = argv[..end.unwrap_or(argv.len())].to_vec();
    if let (Some(_), Some(last)) = (end, argv.last_mut()) {
        last.pop();
    }
    let command = match &argv[..] {
        [shell, flag, script] if shell == "sh" && flag == "-c" => script.trim().to_string(),
        argv => argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    };
    Some(Asked { mark: mark.clone(), command })
}

/// What `printf %b` makes of a text.
fn unpacked(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        match rest {
            [b'\\', b'0', octal @ ..] if octal.len() >= 3 => {
                let digits = std::str::from_utf8(&octal[..3]).unwrap_or_default();
                bytes.push(u8::from_str_radix(digits, 8).unwrap_or_default());
                rest = &octal[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The words of a line of shell, with the quotes off.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                let mut escaped = false;
                for inner in letters.by_ref() {
                    if inner == letter && !escaped {
                        break;
                    }
                    escaped = letter == '"' && inner == '\\' && !escaped;
                    if !escaped {
                        word.push(inner);
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            ' ' | '\n' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// A word as Python's `shlex.join`, which wrote the recording, has it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@%_-+=:,./".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', "'\"'\"'")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked, unpacked, words};

    #[test]
    fn the_words_of_a_shell() {
        assert_eq!(words("a 'b c' \"d \\\" $(e)\" f\\'g ''"), ["a", "b c", "d \" $(e)", "f'g", ""]);
        assert_eq!(unpacked("a\\0047b\\0012"), "a'b\n");
    }

    #[test]
    fn the_command_behind_the_login_shell_and_the_leash() {
        let asks =
            |script: &str| asked(&format!("exec sh -c 'eval \"$(printf %b \"$@\")\"' smog '{script}'"));
        let found = asks("exec sh -c \\0047leash\\0047 smog 0 smog-1- virsh list");
        assert_eq!(found, Some(Asked { mark: "smog-1-".into(), command: "virsh list".into() }));
        let found = asks("set -- sh -c \\0047leash\\0047 smog 0 m- sh -c \\0047echo; id\\0047; [ 1 ]");
        assert_eq!(found, Some(Asked { mark: "m-".into(), command: "echo; id".into() }));
        assert_eq!(asked("exec sh -c 'printf \"\\n%s\" smog-1-'"), None);
    }
}
