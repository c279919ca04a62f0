//! Why no host.

use smog::why_not::{HostVerdict, Verdict, WhyNot as Core};

use crate::noun::{cells, noun};
use crate::table::text_table;

/// Its sentence, its hosts as a table, and what would help.
fn text(answer: &Core) -> String {
    let mut lines = vec![format!("{}: {}", answer.asked, answer.sentence)];
    if !answer.hosts.is_empty() {
        let row = |host: &HostVerdict| {
            cells(host).into_iter().map(|(name, text)| (name.to_string(), text)).collect()
        };
        lines.push(text_table(answer.hosts.iter().map(row).collect(), 0));
    }
    if !answer.helps.is_empty() {
        lines.push("what would help:".into());
    }
    lines.extend(answer.helps.iter().map(|help| format!("  {help}")));
    lines.extend(answer.notes.iter().map(|note| format!("note: {note}")));
    lines.extend(answer.unknown.iter().map(ToString::to_string));
    let lines: Vec<String> = lines.iter().flat_map(|text| text.lines().map(str::to_string)).collect();
    lines.iter().map(|line| smog::show::visible_line(line).into_owned()).collect::<Vec<_>>().join("\n")
}

fn row(answer: &Core) -> Vec<(&'static str, String)> {
    let hosts = answer.hosts.iter().map(|host| (host.host.as_str(), host.words()));
    let hosts: Vec<String> =
        hosts.map(|(host, why)| format!("{host} {why}").trim_end().to_string()).collect();
    vec![
        ("asked", answer.asked.clone()),
        ("answer", answer.sentence.clone()),
        ("hosts", hosts.join("; ")),
        ("would help", answer.helps.join("; ")),
    ]
}

fn named(answer: &Core, verdict: Verdict) -> Vec<String> {
    answer.hosts.iter().filter(|host| host.verdict == verdict).map(|host| host.host.clone()).collect()
}

noun! {
    /// Why no host takes a guest, or which one would. `print(answer)` is what the command shows,
    /// `answer.to_dict()["hosts"]` has every reason with `has` and `needs`.
    ///
    /// >>> cloud.why_not(flavor="big").sentence
    /// 'cmp1 and cmp2 each have 1 PCPU (dedicated CPUs) in all; flavor `big` needs 2'
    WhyNot of Core,
    line |it| format!("<WhyNot {}: {}>", it.asked, it.sentence),
    str text,
    cells row;
    /// What was asked for.
    asked: String = |it| it.asked.clone();
    /// The answer in one sentence.
    sentence: String = |it| it.sentence.clone();
    /// Hosts that can take it.
    fits: Vec<String> = |it| named(it, Verdict::Fits);
    /// Hosts that cannot, each with the first reason.
    ruled_out: Vec<(String, String)> = |it| {
        let out = it.hosts.iter().filter(|host| host.verdict == Verdict::RuledOut);
        out.map(|host| (host.host.clone(), host.words())).collect()
    };
    /// Hosts of which it is not known.
    unknown: Vec<String> = |it| named(it, Verdict::Unknown);
    /// What would help.
    helps: Vec<String> = |it| it.helps.clone();
    /// What the scheduler logged of the request, in one sentence.
    scheduler_log: Option<String> = |it| it.scheduler_log.as_ref().map(|log| log.words());
    /// What should be known about the answer.
    notes: Vec<String> = |it| it.notes.clone();
}
