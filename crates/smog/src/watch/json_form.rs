//! Lines that are JSON objects, and lines of containers' engines.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::form::Line;
use super::head;
use super::level::Level;

/// What an envelope says of the lines in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outer {
    pub(super) time: Option<Timestamp>,
    pub(super) pid: Option<u32>,
    pub(super) level: Option<Level>,
    pub(super) program: Option<String>,
    /// Lines of one record have the same.
    pub(super) stream: String,
    /// The log's name, where it is not the one of all.
    pub(super) source: Option<String>,
    /// The host it names.
    pub(super) host: Option<String>,
    /// There was a message, which was left out when the entry was written.
    pub(super) is_without_message: bool,
}

/// A line of a container's log on a node (CRI, podman's `k8s-file`): `TIME stdout F message`;
/// `P` marks a piece of a line.
pub(super) fn container_line(text: &str) -> Option<Line<'static>> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut words = text.splitn(4, ' ');
    let (time, stream, tag) = (words.next()?, words.next()?, words.next()?);
    if !matches!(stream, "stdout" | "stderr") || !matches!(tag.split(':').next(), Some("F" | "P")) {
        return None;
    }
    let time: Timestamp = time.parse().ok()?;
    let message = head::without_colours(words.next().unwrap_or_default());
    if tag.starts_with('P') {
        return Some(Line::Part(message));
    }
    let outer = Outer { time: Some(time), stream: stream.into(), ..Outer::default() };
    Some(Line::Entry(Box::new(outer), message))
}

/// A line that is an object: of oslo.log (`use_json`), fluentd, docker or the journal.
pub(super) fn line(text: &str) -> Option<Line<'static>> {
    // fluentd's files: `time TAB tag TAB object`.
    let text = match text.starts_with('{') {
        true => text,
        false => &text[text.get(..200).unwrap_or(text).find("\t{")? + 1..],
    };
    const KEYS: [&str; 7] =
        ["\"message\"", "\"Payload\"", "\"log\"", "\"MESSAGE\"", "\"line\"", "\"msg\"", "\"_raw\""];
    let is_one = KEYS.iter().any(|key| text.contains(key));
    let parsed = serde_json::from_str(text).ok();
    if parsed.is_none() && text.starts_with("{\"__CURSOR\"") {
        // An entry of the journal that is cut off: what it says is not known.
        let outer = Outer { is_without_message: true, ..Outer::default() };
        return Some(Line::Entry(Box::new(outer), String::new()));
    }
    let Value::Object(mut object) = parsed.filter(|_| is_one)? else { return None };
    // What a search of Elasticsearch or Splunk exports.
    for key in ["_source", "result"] {
        if let Some(Value::Object(inner)) = object.get_mut(key) {
            object = std::mem::take(inner);
        }
    }
    if let Some(entry) = journal_entry(&object) {
        return Some(Line::Entry(Box::new(entry.0), entry.1));
    }
    docker(&object).or_else(|| carried(&object)).or_else(|| logged(&object))
}

/// An object in which a collector (Fluent Bit, Loki's `logcli -o jsonl`, Elasticsearch, Splunk) carries
/// a line as a service wrote it.
fn carried(object: &Map<String, Value>) -> Option<Line<'static>> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let line = ["log", "line", "message", "msg", "_raw"].into_iter().find_map(text)?.trim_end_matches('\n');
    let line = head::without_colours(line);
    let has_level = ["levelname", "log_level", "level", "severity", "severity_label"]
        .iter()
        .any(|key| text(key).is_some());
    let utc = jiff::tz::TimeZone::UTC.into();
    let has_head = head::parse(&line, &utc).is_some_and(|head| !head.weak)
        || head::undated(&line)
            .is_some_and(|head| matches!(head.kind, head::Kind::Oslo | head::Kind::OsloMore));
    // Where the collector has read the head already, its fields say more than the line.
    if has_level && !has_head {
        return None;
    }
    let named = |maps: &[&str], keys: &[&str]| {
        let maps = maps.iter().filter_map(|key| object.get(*key)?.as_object()).chain([object]);
        let mut found = maps.flat_map(|map| keys.iter().filter_map(|key| map.get(*key)?.as_str()));
        found.next().map(str::to_string)
    };
    let groups = ["kubernetes", "labels", "stream"];
    let host = named(&groups, &["host", "hostname", "Hostname", "node_name", "node"]);
    let program = named(&groups, &["container_name", "container", "pod_name", "pod", "programname"]);
    let time = ["time", "timestamp", "@timestamp", "ts", "_time"].into_iter().find_map(text);
    let time = time.and_then(|time| time.parse().ok()).or_else(|| {
        let seconds = ["date", "time", "timestamp"].iter().find_map(|key| object.get(*key)?.as_f64())?;
        Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
    });
    let is_carried = has_head || time.is_some() || program.is_some();
    let stream =
        format!("{} {}", host.as_deref().unwrap_or_default(), program.as_deref().unwrap_or_default());
    let outer = Outer { time, host, program: None, stream, ..Outer::default() };
    is_carried.then(|| Line::Entry(Box::new(outer), line))
}

/// `{"log": "line\n", "stream": "stderr", "time": "…Z"}`
fn docker(object: &Map<String, Value>) -> Option<Line<'static>> {
    let text = |key| object.get(key).and_then(Value::as_str);
    let (log, time) = (text("log")?, text("time")?);
    // Fluent Bit's objects have more in them.
    if object.len() > 4 || object.contains_key("kubernetes") {
        return None;
    }
    let Some(line) = log.strip_suffix('\n') else { return Some(Line::Part(head::without_colours(log))) };
    let time = time.parse().ok();
    let outer = Outer { time, stream: text("stream").unwrap_or_default().into(), ..Outer::default() };
    Some(Line::Entry(Box::new(outer), head::without_colours(line.trim_end_matches('\r'))))
}

/// An entry of the journal: what its envelope says, and its message.
pub(super) fn journal_entry(object: &Map<String, Value>) -> Option<(Outer, String)> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_string);
    let stamp = text("__REALTIME_TIMESTAMP").or_else(|| text("_SOURCE_REALTIME_TIMESTAMP"));
    if stamp.is_none() && !object.contains_key("__CURSOR") {
        return None;
    }
    // An entry without one (its fields are for programs) has nothing to say.
    let message = field(object.get("MESSAGE").unwrap_or(&Value::String(String::new())));
    let is_without_message =
        message.is_none() || EXCEPTIONS.iter().any(|key| object.get(*key).is_some_and(Value::is_null));
    let mut message = message.unwrap_or_default();
    if let Some(exception) = exception_field(object).filter(|lines| !says(&message, lines)) {
        if !message.is_empty() {
            message.push_str(if exception.contains('\n') { "\n" } else { ": " });
        }
        message.push_str(&exception);
    }
    let unit = text("UNIT").or_else(|| text("_SYSTEMD_UNIT")).unwrap_or_else(|| "journal".into());
    let microseconds = stamp.and_then(|text| text.parse::<i64>().ok());
    let pid = text("_PID").or_else(|| text("SYSLOG_PID")).and_then(|pid| pid.parse().ok());
    let invocation = text("_SYSTEMD_INVOCATION_ID").unwrap_or_default();
    let outer = Outer {
        time: microseconds.and_then(|time| Timestamp::from_microsecond(time).ok()),
        pid,
        level: text("PRIORITY").and_then(|text| text.parse().ok()).map(Level::of_priority),
        program: text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")),
        stream: format!("{unit} {invocation} {} {}", pid.unwrap_or(0), text("_HOSTNAME").unwrap_or_default()),
        source: Some(format!("journal:{unit}")),
        host: text("_HOSTNAME"),
        is_without_message,
    };
    Some((outer, head::without_colours(&message)))
}

/// The fields in which Python's handlers of the journal (oslo.log's, python-systemd's) put an
/// exception in addition to the message.
pub(super) const EXCEPTIONS: &[&str] = &["EXCEPTION_TEXT", "EXCEPTION_INFO"];

/// A field's text; none where `journalctl` without `--all` has left it out for its length.
fn field(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        // What is no UTF-8 comes as a list of bytes.
        Value::Array(bytes) if bytes.iter().any(Value::is_number) => {
            let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        // A field that an entry has several times.
        Value::Array(values) => {
            let values: Option<Vec<String>> = values.iter().map(field).collect();
            values.map(|values| values.join("\n"))
        }
        other => Some(other.to_string()),
    }
}

/// The exception that stands in a field of its own: lines of a traceback, or what Python prints of
/// `exc_info`, `(<class 'ValueError'>, ValueError('x'), <traceback object at 0x…>)`.
fn exception_field(object: &Map<String, Value>) -> Option<String> {
    let texts = EXCEPTIONS.iter().filter_map(|key| field(object.get(*key)?));
    let text = texts.map(|text| text.trim_end().to_string()).find(|text| !text.is_empty())?;
    let Some(rest) = text.strip_prefix("(<class '") else { return Some(text) };
    let (name, rest) = rest.split_once("'>, ")?;
    let said = rest.rsplit_once(", <traceback object").map_or(rest, |(said, _)| said);
    let short = name.rsplit('.').next().unwrap_or(name);
    let said =
        said.strip_prefix(short).and_then(|said| said.strip_prefix('(')?.strip_suffix(')')).unwrap_or(said);
    let said = said.trim_end_matches(',').trim_matches(['\'', '"']);
    Some(format!("{name}: {said}"))
}

/// Whether a message has the exception already: its last line.
fn says(message: &str, exception: &str) -> bool {
    exception.lines().next_back().is_some_and(|last| message.contains(last.trim()))
}

/// An object of oslo.log's JSON or fluentd formatter, or of a collector behind it, as the lines
/// that oslo.log would have written.
fn logged(object: &Map<String, Value>) -> Option<Line<'static>> {
    let of = |keys: &[&str]| -> Option<String> {
        keys.iter().find_map(|key| match object.get(*key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let level = of(&["levelname", "log_level", "level", "severity", "severity_label"])?;
    let level = Level::of(&level)?;
    let message = of(&["message", "Payload", "msg", "log"])?;
    let logger = of(&["name", "python_module", "logger_name", "Logger", "logger", "module"]);
    let created = object.get("created").and_then(Value::as_f64);
    let time = created.and_then(|seconds| Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok());
    let time = match time {
        Some(time) => format!("{time:.6} "),
        None => written_time(object, &of).map(|time| format!("{time} ")).unwrap_or_default(),
    };
    let pid = of(&["process", "Pid", "pid"]).filter(|pid| pid.parse::<u32>().is_ok() && !time.is_empty());
    let pid = pid.map(|pid| format!("{pid} ")).unwrap_or_default();
    let empty = Map::new();
    let context = object.get("context").and_then(Value::as_object).unwrap_or(&empty);
    let extra = object.get("extra").and_then(Value::as_object).unwrap_or(&empty);
    let id = |keys: &[&str]| -> String {
        let found = keys.iter().find_map(|key| {
            let value = context.get(*key).or_else(|| object.get(*key)).or_else(|| extra.get(*key));
            value?.as_str().filter(|text| !text.is_empty() && !text.contains(char::is_whitespace))
        });
        found.map_or_else(|| "-".into(), str::to_string)
    };
    let request = id(&["request_id"]);
    let ids = match request.as_str() {
        "-" => "-".to_string(),
        request => {
            let global =
                Some(id(&["global_request_id"])).filter(|id| id != "-").unwrap_or_else(|| "None".into());
            let (user, project) = (id(&["user_id", "user"]), id(&["project_id", "project", "tenant"]));
            format!("{global} {request} {user} {project} - - -")
        }
    };
    let logger = logger.filter(|name| !name.contains(char::is_whitespace)).unwrap_or_else(|| "-".into());
    let instance =
        instance(object, context, extra).map(|id| format!("[instance: {id}] ")).unwrap_or_default();
    let mut text = format!("{time}{pid}{level} {logger} [{ids}] {instance}{message}");
    let traceback =
        object.get("traceback").or_else(|| object.get("exc_info")).or_else(|| object.get("exc_text"));
    match traceback {
        Some(Value::String(lines)) => {
            text.push('\n');
            text.push_str(lines);
        }
        Some(Value::Array(lines)) => {
            for line in lines.iter().filter_map(Value::as_str) {
                text.push('\n');
                text.push_str(line.trim_end_matches('\n'));
            }
        }
        _ => {
            // What is in the summary is said by the message only with a traceback.
            if let Some(summary) =
                of(&["error_summary"]).filter(|text| !text.is_empty() && !message.contains(text.as_str()))
            {
                text.push_str(": ");
                text.push_str(&summary);
            }
        }
    }
    Some(Line::Whole(head::without_colours(text.trim_end_matches('\n'))))
}

/// The time as it is written: oslo.log's has its milliseconds apart.
fn written_time(object: &Map<String, Value>, of: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
    let text = of(&["asctime", "@timestamp", "timestamp", "Timestamp", "time"])?;
    let milliseconds = object.get("msecs").and_then(Value::as_f64).filter(|_| !text.contains(['.', ',']));
    Some(match milliseconds {
        Some(milliseconds) if text.len() == 19 => format!("{text}.{:03}", milliseconds as u32),
        _ => text,
    })
}

/// The server's UUID: `extra.instance`, `extra.resource` or `context.resource_uuid`.
fn instance(
    object: &Map<String, Value>,
    context: &Map<String, Value>,
    extra: &Map<String, Value>,
) -> Option<String> {
    let plain = |text: &str| {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let text =
            text.strip_prefix("instance").map_or(text, |text| text.trim_start_matches([':', '-', ' ']));
        let is_id = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        is_id.then(|| text.to_string())
    };
    let named = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).and_then(plain);
    let resource = extra.get("resource").and_then(|resource| match resource {
        Value::String(text) => text.contains("instance").then(|| plain(text))?,
        Value::Object(resource) => resource.get("id").and_then(Value::as_str).and_then(plain),
        _ => None,
    });
    named(extra, "instance")
        .or(resource)
        .or_else(|| named(context, "resource_uuid"))
        .or_else(|| named(object, "instance"))
}
