//! A proxy before the APIs of the lab, which injects the faults it is given.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fault::{ApiFault, Hostile, Service, Signal};
use crate::http::{Answer, Request, ask, header, read_request};
use crate::mangle;

/// What the proxy does to whom.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// From this request of a service on, so many times, or for good.
    pub api: Option<(Service, u32, Option<u32>, ApiFault)>,
    pub names: Option<Hostile>,
    /// At this request of all, before it is passed on or when it is answered.
    pub kill: Option<(Signal, u32, bool)>,
}

/// Something that was made through the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub service: Service,
    /// The path that shows it.
    pub path: String,
    pub id: String,
}

/// What went through.
#[derive(Debug, Default, Clone)]
pub struct Passed {
    pub lines: Vec<String>,
    pub made: Vec<Made>,
    pub tokens: Vec<String>,
    /// How often the fault was injected.
    pub injected: u32,
    /// When the planned signal was sent.
    pub signalled: Option<Instant>,
    /// A token or password was sent to another origin.
    pub leaked: bool,
}

struct State {
    controller: String,
    plan: Plan,
    counts: [AtomicU32; 5],
    total: AtomicU32,
    ports: Mutex<Vec<u16>>,
    elsewhere: Mutex<u16>,
    passed: Mutex<Passed>,
    child: Mutex<Option<u32>>,
    stop: AtomicBool,
}

pub struct Proxy {
    state: Arc<State>,
    pub ports: Vec<u16>,
}

impl Proxy {
    /// Listen before all services of this controller.
    pub fn start(controller: &str, plan: Plan) -> std::io::Result<Proxy> {
        let state = Arc::new(State {
            controller: controller.to_string(),
            plan,
            counts: Default::default(),
            total: AtomicU32::new(0),
            ports: Mutex::default(),
            elsewhere: Mutex::new(0),
            passed: Mutex::default(),
            child: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let mut ports = vec![];
        for service in Service::ALL {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            ports.push(listener.local_addr()?.port());
            let refused = matches!(plan.api, Some((of, _, _, ApiFault::Refuse)) if of == service);
            if !refused {
                accept(listener, &state, move |connection, state| serve(connection, service, state));
            }
        }
        *lock(&state.ports) = ports.clone();
        // Another origin: whatever comes here must bear no token.
        let listener = TcpListener::bind("127.0.0.9:0")?;
        *lock(&state.elsewhere) = listener.local_addr()?.port();
        accept(listener, &state, elsewhere);
        Ok(Proxy { state, ports })
    }

    /// Whom a signal goes to.
    pub fn child(&self, id: u32) {
        *lock(&self.state.child) = Some(id);
    }

    /// What went through until now.
    pub fn passed(&self) -> Passed {
        lock(&self.state.passed).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        let elsewhere = *lock(&self.state.elsewhere);
        for port in &self.ports {
            let _ = TcpStream::connect(("127.0.0.1", *port));
        }
        let _ = TcpStream::connect(("127.0.0.9", elsewhere));
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn accept(
    listener: TcpListener,
    state: &Arc<State>,
    serve: impl Fn(TcpStream, &State) + Copy + Send + 'static,
) {
    let state = state.clone();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            if state.stop.load(Ordering::Relaxed) {
                return;
            }
            let Ok(connection) = connection else { continue };
            let state = state.clone();
            std::thread::spawn(move || serve(connection, &state));
        }
    });
}

/// The other origin.
fn elsewhere(connection: TcpStream, state: &State) {
    let _ = connection.set_read_timeout(Some(Duration::from_secs(30)));
    let mut from = BufReader::new(connection);
    while let Ok(Some(request)) = read_request(&mut from) {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        if header(&request.headers, "x-auth-token").is_some() || body.contains("\"password\"") {
            lock(&state.passed).leaked = true;
        }
        let answer = mangle::refusal(Service::Nova, 404, "this is another origin", None);
        if from.get_mut().write_all(&answer.bytes(&request.method)).is_err() {
            return;
        }
    }
}

fn serve(connection: TcpStream, service: Service, state: &State) {
    let _ = connection.set_read_timeout(Some(Duration::from_secs(300)));
    let _ = connection.set_nodelay(true);
    let mut from = BufReader::new(connection);
    while let Ok(Some(request)) = read_request(&mut from) {
        let index = Service::ALL.iter().position(|one| *one == service).unwrap_or(0);
        let number = state.counts[index].fetch_add(1, Ordering::Relaxed);
        let total = state.total.fetch_add(1, Ordering::Relaxed);
        signal_at(state, total, false);
        let fault = match state.plan.api {
            Some((of, first, times, what)) if of == service => {
                (number >= first && times.is_none_or(|times| number - first < times)).then_some(what)
            }
            _ => None,
        };
        let goes_on = match fault {
            None => {
                let Ok(answer) = forward(&request, service, state) else { return };
                signal_at(state, total, true);
                from.get_mut().write_all(&answer.bytes(&request.method)).is_ok()
            }
            Some(fault) => {
                lock(&state.passed).injected += 1;
                broken(&mut from, &request, service, fault, state)
            }
        };
        if !goes_on {
            return;
        }
    }
}

/// Send the planned signal if it is time.
fn signal_at(state: &State, total: u32, after: bool) {
    if let Some((signal, number, when_answered)) = state.plan.kill
        && number == total
        && when_answered == after
        && let Some(id) = *lock(&state.child)
    {
        let mut passed = lock(&state.passed);
        (passed.injected, passed.signalled) = (passed.injected + 1, Some(Instant::now()));
        drop(passed);
        let words = [&format!("-{}", signal.name()), &id.to_string()];
        let _ = std::process::Command::new("kill").args(words).status();
        // The signal comes before the answer.
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Pass a request on, and the answer back as if the services were here.
fn forward(request: &Request, service: Service, state: &State) -> std::io::Result<Answer> {
    let address = format!("{}:{}", state.controller, service.port());
    let mut request = request.clone();
    request.headers.retain(|(key, _)| !key.eq_ignore_ascii_case("host"));
    request.headers.push(("Host".into(), address.clone()));
    let mut answer = ask(&address, &request)?;
    remember(&request, service, &answer, state);
    answer.body = localized(&answer.body, state);
    for (key, value) in &mut answer.headers {
        if key.eq_ignore_ascii_case("location") || key.eq_ignore_ascii_case("openstack-image-store-ids") {
            *value = String::from_utf8_lossy(&localized(value.as_bytes(), state)).into_owned();
        }
    }
    let is_login = service == Service::Keystone && request.path.contains("/auth/");
    if let Some(how) = state.plan.names
        && !is_login
    {
        let before = answer.body.len();
        answer.body = mangle::hostile_names(&answer.body, how);
        if answer.body.len() != before {
            lock(&state.passed).injected += 1;
        }
    }
    Ok(answer)
}

/// The URLs of the services, as they are through the proxy.
fn localized(bytes: &[u8], state: &State) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(bytes.to_vec()) else { return bytes.to_vec() };
    for (service, port) in Service::ALL.iter().zip(lock(&state.ports).iter()) {
        text = text.replace(
            &format!("http://{}:{}", state.controller, service.port()),
            &format!("http://127.0.0.1:{port}"),
        );
    }
    text.into_bytes()
}

/// Keep what was made, and every token.
fn remember(request: &Request, service: Service, answer: &Answer, state: &State) {
    let mut passed = lock(&state.passed);
    passed.lines.push(format!("{service:?} {} {} {}", request.method, request.path, answer.status));
    if let Some(token) = header(&answer.headers, "x-subject-token") {
        passed.tokens.push(token.to_string());
    }
    if request.method != "POST" || !(200..300).contains(&answer.status) {
        return;
    }
    let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else { return };
    let path = request.path.split('?').next().unwrap_or_default().to_string();
    let text =
        |value: &Value| value.as_str().map(str::to_string).or_else(|| value.as_i64().map(|n| n.to_string()));
    for noun in
        ["server", "flavor", "port", "network", "keypair", "project", "user", "server_group", "aggregate"]
    {
        let field = if noun == "keypair" { "name" } else { "id" };
        if let Some(id) = text(&value[noun][field])
            && path.trim_end_matches('/').ends_with(&plural(noun))
        {
            passed.made.push(Made { service, path: format!("{}/{id}", path.trim_end_matches('/')), id });
        }
    }
    if service == Service::Glance
        && path.ends_with("/images")
        && let Some(id) = text(&value["id"])
    {
        passed.made.push(Made { service, path: format!("{path}/{id}"), id });
    }
}

fn plural(noun: &str) -> String {
    match noun {
        "server_group" => "/os-server-groups".into(),
        "keypair" => "/os-keypairs".into(),
        "aggregate" => "/os-aggregates".into(),
        noun => format!("/{noun}s"),
    }
}

/// Answer with a fault; whether the connection goes on.
fn broken(
    from: &mut BufReader<TcpStream>,
    request: &Request,
    service: Service,
    fault: ApiFault,
    state: &State,
) -> bool {
    let real = |state: &State| forward(request, service, state);
    let method = request.method.as_str();
    let answer = match fault {
        ApiFault::Refuse => return false,
        ApiFault::Reset { asked } => {
            if asked {
                let _ = real(state);
            }
            let _ = socket2::SockRef::from(from.get_ref()).set_linger(Some(Duration::ZERO));
            return false;
        }
        ApiFault::Close { asked } => {
            if asked {
                let _ = real(state);
            }
            return false;
        }
        ApiFault::Hang => {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(300) && !state.stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
            }
            return false;
        }
        ApiFault::Delay { ms } => {
            std::thread::sleep(Duration::from_millis(ms));
            let Ok(answer) = real(state) else { return false };
            answer
        }
        ApiFault::Cut { percent } => {
            let Ok(answer) = real(state) else { return false };
            let mut bytes = answer.head(Some(answer.body.len().max(10)));
            bytes.extend_from_slice(&answer.body[..answer.body.len() * usize::from(percent) / 100]);
            let _ = from.get_mut().write_all(&bytes);
            return false;
        }
        ApiFault::HalfJson => {
            let Ok(mut answer) = real(state) else { return false };
            answer.body.truncate(answer.body.len() / 2);
            answer
        }
        ApiFault::WrongTypes { variant } => {
            let Ok(mut answer) = real(state) else { return false };
            answer.body = mangle::other_types(&answer.body, variant);
            answer
        }
        ApiFault::Empty => {
            let Ok(mut answer) = real(state) else { return false };
            answer.body.clear();
            answer
        }
        ApiFault::Html { status } => mangle::page(status),
        ApiFault::Status { code, retry_after } => {
            mangle::refusal(service, code, "a fault was injected", retry_after)
        }
        ApiFault::Redirect { code } => {
            let to = format!("http://127.0.0.9:{}{}", *lock(&state.elsewhere), request.path);
            Answer { status: code, headers: vec![("Location".into(), to)], body: vec![] }
        }
        ApiFault::GzipBomb => {
            let headers = vec![
                ("Content-Type".to_string(), "application/json".to_string()),
                ("Content-Encoding".to_string(), "gzip".to_string()),
            ];
            Answer { status: 200, headers, body: mangle::bomb().to_vec() }
        }
        ApiFault::Endless => {
            let head = Answer {
                status: 200,
                headers: vec![("Content-Type".into(), "application/json".into())],
                body: vec![],
            };
            let to = from.get_mut();
            let _ = to.write_all(&head.head(None)).and_then(|()| to.write_all(b"{\"servers\": ["));
            let blanks = vec![b' '; 1 << 16];
            // Not quite without an end: a machine of others has only so much memory.
            for _ in 0..(1 << 14) {
                if to.write_all(&blanks).is_err() || state.stop.load(Ordering::Relaxed) {
                    break;
                }
            }
            return false;
        }
        ApiFault::HugeHeaders => {
            let Ok(mut answer) = real(state) else { return false };
            for number in 0..256 {
                answer.headers.push((format!("X-Word-{number}"), "x".repeat(8192)));
            }
            answer
        }
        ApiFault::ControlCharacters { code } => {
            let message = format!("a fault {}{} was injected", mangle::ESCAPES, mangle::LINES);
            mangle::refusal(service, code, &message, None)
        }
        ApiFault::Garbage => {
            let _ =
                from.get_mut().write_all(b"SSH-2.0-OpenSSH_10.0\r\n\x00\x01\x02\xff\xfe no HTTP here\r\n");
            return false;
        }
    };
    from.get_mut().write_all(&answer.bytes(method)).is_ok()
}
