//! What a host answers to a command: as recorded, or where a script has changed a little since
//! then, as to the script that is most like it. A batch of questions (see `batch.rs` of smog) is
//! answered question by question, so that a new one leaves the others as they are.

use std::collections::BTreeMap;

use crate::recording::HostAnswer;

/// What stands for a mark in a recording.
pub(crate) const MARK: &str = "smog-MARK-";

/// What stands behind each question of a batch.
const BEHIND: &str = " </dev/null; e $?";

/// The recorded answers of a host, by command and by question.
#[derive(Debug)]
pub(crate) struct Answers(BTreeMap<String, HostAnswer>);

impl Answers {
    pub(crate) fn new(recorded: BTreeMap<String, HostAnswer>) -> Answers {
        let mut all = BTreeMap::new();
        for (command, answer) in &recorded {
            let questions = questions(command).unwrap_or_default();
            for (question, answer) in questions.into_iter().zip(parts(answer)) {
                all.entry(question.to_string()).or_insert(answer);
            }
        }
        all.extend(recorded);
        Answers(all)
    }

    /// The answer to a command, its own mark written as [`MARK`].
    pub(crate) fn to(&self, command: &str) -> HostAnswer {
        if let Some(answer) = self.0.get(command) {
            return answer.clone();
        }
        match questions(command) {
            Some(questions) => whole(questions.into_iter().map(|question| self.to(question))),
            None => self.to_one_like(command).unwrap_or_else(|| HostAnswer {
                exit_code: 99,
                stdout: String::new(),
                stderr: format!("no answer was recorded to:\n{command}\n"),
            }),
        }
    }

    /// The answer to the script that has most lines in common with this one, if that is most of them.
    fn to_one_like(&self, command: &str) -> Option<HostAnswer> {
        let lines: Vec<&str> = command.lines().collect();
        let alike = |other: &str| {
            let common = other.lines().filter(|line| lines.contains(line)).count();
            common * 100 / lines.len().max(other.lines().count()).max(1)
        };
        let (_, best) =
            self.0.iter().max_by_key(|(other, _)| alike(other)).filter(|(other, _)| alike(other) >= 70)?;
        Some(best.clone())
    }
}

/// The questions of a batch; nothing for another command.
fn questions(command: &str) -> Option<Vec<&str>> {
    let (begin, rest) = command.split_once('\n')?;
    if !begin.starts_with("e() {") {
        return None;
    }
    let mut all: Vec<&str> = rest.split(BEHIND).map(str::trim).collect();
    // What follows the last one ends the batch.
    all.pop();
    Some(all)
}

/// The answers to the questions of a batch.
fn parts(answer: &HostAnswer) -> Vec<HostAnswer> {
    let between = format!("\n{MARK} ");
    let mut outs = answer.stdout.split(&between);
    let mut errs =
        answer.stderr.split(&format!("\n{MARK}\n")).map(str::to_string).collect::<Vec<_>>().into_iter();
    let mut stdout = outs.next().unwrap_or_default().to_string();
    let mut all = Vec::new();
    for next in outs {
        let (code, rest) = next.split_once('\n').unwrap_or((next, ""));
        let stderr = errs.next().unwrap_or_default();
        all.push(HostAnswer { exit_code: code.parse().unwrap_or(99), stdout, stderr });
        stdout = rest.to_string();
    }
    all
}

/// The answer to a batch.
fn whole(answers: impl Iterator<Item = HostAnswer>) -> HostAnswer {
    let mut all = HostAnswer::default();
    for HostAnswer { exit_code, stdout, stderr } in answers {
        all.stdout.push_str(&format!("{stdout}\n{MARK} {exit_code}\n"));
        all.stderr.push_str(&format!("{stderr}\n{MARK}\n"));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Answers, MARK};
    use crate::recording::HostAnswer;

    fn answer(stdout: &str, stderr: &str, exit_code: i32) -> HostAnswer {
        HostAnswer { exit_code, stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_batch_is_answered_question_by_question() {
        let begin = format!("e() {{ printf '\\n{MARK} %s\\n' \"$1\"; printf '\\n{MARK}\\n' >&2; }}\n");
        let batch = format!("{begin}cat a </dev/null; e $?\ncat b </dev/null; e $?\nexit 0");
        let said = answer(&format!("A\n\n{MARK} 0\n\n{MARK} 1\n"), &format!("\n{MARK}\nno b\n\n{MARK}\n"), 0);
        let answers = Answers::new(BTreeMap::from([(batch.clone(), said.clone())]));
        assert_eq!(answers.to(&batch).stdout, said.stdout);
        let other =
            format!("{begin}cat b </dev/null; e $?\nid </dev/null; e $?\ncat a </dev/null; e $?\nexit 0");
        let found = answers.to(&other);
        assert_eq!(found.stdout, format!("\n{MARK} 1\n\n{MARK} 99\nA\n\n{MARK} 0\n"));
        assert!(found.stderr.starts_with(&format!("no b\n\n{MARK}\nno answer was recorded to:\nid\n")));
    }

    #[test]
    fn a_script_that_has_changed_a_little_is_known() {
        let recorded = BTreeMap::from([("one\ntwo\nthree\nfour".to_string(), answer("yes", "", 0))]);
        let answers = Answers::new(recorded);
        assert_eq!(answers.to("one\ntwo\nTHREE\nfour").stdout, "yes");
        assert_eq!(answers.to("one\nother").exit_code, 99);
    }
}
