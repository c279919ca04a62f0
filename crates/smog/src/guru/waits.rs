//! What a stack waits in, by the functions of the libraries below it.

use super::Frame;

/// What a stack waits in.
pub(super) struct Wait {
    pub what: String,
    /// It is what a service does when it has nothing to do.
    pub idle: bool,
}

/// A frame that says what is waited for, wherever it is in a stack: a part of the file's path,
/// the function (empty: any), the words.
struct Sign {
    file: &'static str,
    function: &'static str,
    what: &'static str,
    idle: bool,
}

const fn busy(file: &'static str, function: &'static str, what: &'static str) -> Sign {
    Sign { file, function, what, idle: false }
}

const fn idle(file: &'static str, function: &'static str, what: &'static str) -> Sign {
    Sign { file, function, what, idle: true }
}

/// The first one that a stack has counts: what is waited for stands before the way it is waited.
const SIGNS: &[Sign] = &[
    // What asks for the report is no wait.
    idle("oslo_reports/", "", "writing this report"),
    busy("nova/compute/manager.py", "wait_for_instance_event", "an event of neutron"),
    busy("oslo_concurrency/lockutils.py", "", "a lock of oslo.concurrency"),
    busy("oslo_concurrency/processutils.py", "", "a command"),
    busy("oslo_privsep/comm.py", "remote_call", "an answer of the privsep daemon"),
    busy("oslo_privsep/comm.py", "send_recv", "an answer of the privsep daemon"),
    idle("oslo_privsep/", "", "the privsep channel"),
    busy("oslo_messaging/_drivers/amqpdriver.py", "_send", "an RPC reply"),
    busy("oslo_messaging/_drivers/amqpdriver.py", "_poll_connection", "an RPC reply"),
    idle("oslo_messaging/_drivers/amqpdriver.py", "poll", "RPC messages"),
    idle(
        "oslo_messaging/_drivers/impl_rabbit.py",
        "_heartbeat_thread_job",
        "the time of RabbitMQ's next heartbeat",
    ),
    busy("keystoneauth1/", "", "an HTTP answer"),
    busy("pymysql/", "", "the database"),
    busy("psycopg2/", "", "the database"),
    busy("glanceclient/", "", "glance"),
    idle("libvirt.py", "virEventRunDefaultImpl", "libvirt's events"),
    busy("libvirt.py", "", "libvirt"),
    busy("eventlet/tpool.py", "execute", "a native call (libvirt) in a thread of eventlet's pool"),
    busy("eventlet/tpool.py", "doit", "a native call (libvirt) in a thread of eventlet's pool"),
    idle("eventlet/tpool.py", "tworker", "work for eventlet's pool of threads"),
    idle("eventlet/tpool.py", "tpool_trampoline", "results of eventlet's pool of threads"),
    idle("ovs/poller.py", "", "messages of Open vSwitch"),
    idle("ovsdbapp/backend/ovs_idl/connection.py", "run", "messages of Open vSwitch"),
    idle("nova/virt/libvirt/host.py", "_dispatch_thread", "libvirt's events"),
    idle("oslo_service", "_run_loop", "the next run of a periodic task"),
    idle("oslo_service", "_wait_for_exit_or_signal", "the end of the service (its main thread)"),
    idle("oslo_service", "_pipe_watcher", "the end of its parent"),
    idle("oslo_service", "_respawn_children", "the end of a worker"),
    idle("futurist/", "", "work for a pool of threads"),
    idle("concurrent/futures/thread.py", "_worker", "work for a pool of threads"),
    idle("eventlet/hubs/hub.py", "run", "eventlet's hub: timers and sockets"),
    idle("nova/virt/libvirt/host.py", "_dispatch_conn_event", "changes of the connection to libvirt"),
    idle("eventlet/backdoor", "", "eventlet's back door"),
    idle("oslo_service", "run_service", "the end of the service"),
];

/// Files that only say how something waits.
const PLUMBING: &[&str] =
    &["/eventlet/", "/threading.py", "/queue.py", "/selectors.py", "/socket.py", "/greenlet"];

pub(super) fn of(frames: &[Frame]) -> Wait {
    let Some(last) = frames.last() else {
        return Wait { what: "no traceback: it has not started, or has ended".into(), idle: true };
    };
    let found = SIGNS.iter().find(|sign| {
        frames.iter().any(|frame| {
            frame.file.contains(sign.file) && (sign.function.is_empty() || frame.function == sign.function)
        })
    });
    if let Some(sign) = found {
        // A native call has a name worth knowing: `libvirt: virDomainCreateWithFlags`.
        let what = match sign.what {
            "libvirt" => format!("libvirt: {}", last.function),
            what => what.to_string(),
        };
        return Wait { what, idle: sign.idle };
    }
    let plain = frames.iter().rev().find(|frame| !PLUMBING.iter().any(|part| frame.file.contains(part)));
    Wait { what: plain.unwrap_or(last).to_string(), idle: false }
}

/// The innermost function of a service's own code.
pub(super) fn own(frames: &[Frame]) -> Option<String> {
    const OWN: &[&str] = &["nova/", "neutron/", "cinder/", "glance/", "placement/"];
    let is_own = |frame: &&Frame| {
        let file = frame.short_file();
        // `nova/utils.py` wraps every green thread; it says nothing.
        OWN.iter().any(|begin| file.starts_with(begin)) && !file.starts_with("nova/utils.py")
    };
    frames.iter().rev().find(is_own).map(ToString::to_string)
}
