//! One page of HTML that has everything in it: no script, nothing to load.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{By, FailedTest, Group, Triage};
use crate::show::Escaped;

/// So many tests and groups are shown in the page; the JSON has all.
const MOST: usize = 200;

const STYLE: &str = ":root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#60666c;--line:#d8dce0;--soft:#f4f6f8;--red:#c62828}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e4e7ea;--dim:#9aa2aa;--line:#343a40;--soft:#1d2226;--red:#ff7b72}}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:16px 20px 60px}h1{font-size:24px;margin:8px 0 0}h2{font-size:18px;margin:26px 0 8px}
p.facts,small,.dim{color:var(--dim)}code,pre{font:13px ui-monospace,monospace}pre{overflow-x:auto;background:var(--soft);padding:8px 12px}
.likely{border-left:4px solid var(--red);background:var(--soft);padding:8px 14px;overflow-wrap:anywhere}
details{border:1px solid var(--line);border-radius:4px;margin:4px 0;padding:4px 10px}summary{cursor:pointer;overflow-wrap:anywhere}
.noise{opacity:.65}b.count{display:inline-block;min-width:3em;text-align:right;margin-right:8px}ul{margin:4px 0}li{overflow-wrap:anywhere}";

/// The findings as one self-contained page, for dark and light.
pub fn html(triage: &Triage) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    let failed = triage.tests.as_ref().map_or(0, |tests| tests.failed.len());
    let title = format!("Triage of {}", triage.of);
    let _ = write!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title>\n<style>{STYLE}</style></head>\n<body><main>\n<h1>{0}</h1>\n",
        Escaped(&title)
    );
    let _ = writeln!(
        page,
        "<p class=\"facts\">{} exceptions of {} kinds on {}, {} to {}; {failed} failed tests</p>",
        triage.exceptions,
        triage.groups.len(),
        Escaped(&if triage.hosts.is_empty() { "no host".into() } else { triage.hosts.join(", ") }),
        time(triage.first),
        time(triage.last)
    );
    for line in &triage.unread {
        let _ = writeln!(page, "<p class=\"likely\">Not read: {}</p>", Escaped(line));
    }
    if let Some(likely) = &triage.likely {
        let _ = writeln!(
            page,
            "<h2>Likely first cause</h2><div class=\"likely\"><code>{}</code><br>{} on {} in {}{}<br><small>{}</small></div>",
            Escaped(&likely.text),
            time(likely.time),
            Escaped(&likely.host),
            Escaped(&likely.source),
            Escaped(&likely.request.as_ref().map(|id| format!(", request {id}")).unwrap_or_default()),
            Escaped(&likely.why)
        );
    }
    if let Some(tests) = &triage.tests {
        let _ = writeln!(
            page,
            "<h2>Failed tests</h2><p class=\"facts\">{failed} failed, {} passed, {} skipped</p>",
            tests.passed, tests.skipped
        );
        tests.failed.iter().take(MOST).for_each(|test| of_test(&mut page, test, &triage.groups));
        more(&mut page, tests.failed.len());
    }
    page.push_str("<h2>Exceptions</h2>\n");
    for (number, group) in triage.groups.iter().enumerate().take(MOST) {
        of_group(&mut page, number, group);
    }
    more(&mut page, triage.groups.len());
    page.push_str("</main></body></html>\n");
    page
}

fn more(page: &mut String, all: usize) {
    if all > MOST {
        let _ = writeln!(page, "<p class=\"dim\">{} more, in the JSON</p>", all - MOST);
    }
}

fn of_test(page: &mut String, test: &FailedTest, groups: &[Group]) {
    let _ = writeln!(
        page,
        "<details open><summary><b>{}</b> <small>{} to {}</small></summary><p>{}</p><ul>",
        Escaped(&test.name),
        time(test.began),
        time(test.ended),
        Escaped(&test.message)
    );
    for tie in &test.exceptions {
        let Some(group) = groups.get(tie.group) else { continue };
        let why = match tie.by {
            By::Request => "of its requests",
            By::Time => "while it ran",
        };
        let _ = writeln!(
            page,
            "<li{}>{} × <a href=\"#g{}\">{}</a> {} <small>{}</small></li>",
            if group.is_noise() { " class=\"noise\"" } else { "" },
            tie.count,
            tie.group,
            Escaped(&group.exception),
            why,
            Escaped(&group.place)
        );
    }
    page.push_str("</ul></details>\n");
}

fn of_group(page: &mut String, number: usize, group: &Group) {
    let hosts: Vec<String> = group.hosts.iter().map(|(host, count)| format!("{host} {count}")).collect();
    let baseline = match group.in_baseline {
        _ if group.known_noise == group.count => ", known noise".to_string(),
        Some(0) => ", not in the baseline".to_string(),
        Some(count) => format!(", {count} in the baseline"),
        None => String::new(),
    };
    let _ = write!(
        page,
        "<details id=\"g{number}\"{}><summary><b class=\"count\">{}</b><b>{}</b> <code>{}</code> <small>{}; {} to {}{baseline}</small></summary><p>{}</p>",
        if group.is_noise() { " class=\"noise\"" } else { "" },
        group.count,
        Escaped(&group.exception),
        Escaped(&group.place),
        Escaped(&hosts.join(", ")),
        time(group.first),
        time(group.last),
        Escaped(&group.message)
    );
    if let Some(known) = &group.known_bug {
        let _ = write!(
            page,
            "<p class=\"likely\">Known bug {}. {}. Repaired in: {}</p>",
            Escaped(&known.words()),
            Escaped(&known.advice),
            Escaped(&known.versions)
        );
    }
    if !group.requests.is_empty() {
        let rest = if group.requests_more > 0 {
            format!(" and {} more", group.requests_more)
        } else {
            String::new()
        };
        let _ = write!(page, "<p class=\"dim\">{}{rest}</p>", Escaped(&group.requests.join(", ")));
    }
    let _ = writeln!(page, "<pre>{}</pre></details>", Escaped(&group.example));
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or("no time".into(), |time| time.strftime("%F %T%.3fZ").to_string())
}
