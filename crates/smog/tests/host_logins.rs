//! Login shells and sudo as people have them, behind a real sshd on loopback: no lab is needed,
//! but root, sshd, ssh and sudo. `/etc` of that sshd is an overlay in a mount namespace of its
//! own, so its users are nobody else's, and gone with it.
#![expect(clippy::expect_used, reason = "tests")]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use smog::Error;
use smog::host::{Batch, Cmd, Host, SshOptions, Sudo};

/// The users of the sshd: name, login shell, line in sudoers.
const USERS: &[(&str, &str, &str)] = &[
    ("u-sh", "/bin/sh", "u-sh ALL=(root) NOPASSWD: ALL"),
    ("u-bash", "/bin/bash", "u-bash ALL=(root) NOPASSWD: ALL"),
    ("u-tcsh", "/usr/bin/tcsh", "u-tcsh ALL=(root) NOPASSWD: ALL"),
    ("u-csh", "/usr/bin/bsd-csh", "u-csh ALL=(root) NOPASSWD: ALL"),
    ("u-fish", "/usr/bin/fish", "u-fish ALL=(root) NOPASSWD: ALL"),
    ("u-zsh", "/usr/bin/zsh", "u-zsh ALL=(root) NOPASSWD: ALL"),
    ("u-rbash", "/bin/rbash", "u-rbash ALL=(root) NOPASSWD: ALL"),
    ("u-nologin", "/usr/sbin/nologin", ""),
    ("u-false", "/bin/false", ""),
    ("u-noisy", "/bin/bash", "u-noisy ALL=(root) NOPASSWD: ALL"),
    ("u-bye", "/bin/bash", "u-bye ALL=(root) NOPASSWD: ALL"),
    ("u-rbye", "/bin/rbash", ""),
    ("u-asks", "/bin/bash", "u-asks ALL=(root) ALL"),
    ("u-tty", "/bin/bash", "Defaults:u-tty requiretty\nu-tty ALL=(root) NOPASSWD: ALL"),
    ("u-pty", "/bin/bash", "Defaults:u-pty use_pty\nu-pty ALL=(root) NOPASSWD: ALL"),
    ("u-lecture", "/bin/bash", "Defaults:u-lecture lecture=always\nu-lecture ALL=(root) NOPASSWD: ALL"),
    ("u-one", "/bin/bash", "u-one ALL=(root) NOPASSWD: /usr/bin/virsh"),
    ("u-none", "/bin/bash", ""),
];

struct Sshd {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

fn has(program: &str) -> bool {
    ["/usr/sbin", "/usr/bin", "/bin", "/sbin"].iter().any(|folder| Path::new(folder).join(program).exists())
}

impl Sshd {
    /// `None`, and a word on standard error, where it cannot be.
    fn start() -> Option<Sshd> {
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        let missing = ["sshd", "ssh", "sudo", "unshare", "bash"].into_iter().find(|program| !has(program));
        if !is_root || missing.is_some() {
            writeln_err(&format!("NOT RUN: needs root and {}", missing.unwrap_or("nothing else")));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port").port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host", "user"] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)]).status();
            assert!(made.is_ok_and(|status| status.success()), "ssh-keygen");
        }
        let mut script = format!(
            "set -e; mount --make-rprivate /; mkdir {0}/o; mount -t tmpfs t {0}/o; mkdir {0}/o/u {0}/o/w {0}/o/home\n\
             mount -t overlay o -olowerdir=/etc,upperdir={0}/o/u,workdir={0}/o/w /etc\n\
             mkdir -p /run/sshd; chmod 755 {0}/o; grep -v includedir /etc/sudoers >/etc/sudoers.new || :; mv /etc/sudoers.new /etc/sudoers\n\
             rm -rf /etc/hosts; echo 127.0.0.1 localhost >/etc/hosts\n",
            folder.path().display()
        );
        for (number, (name, shell, sudoers)) in USERS.iter().enumerate() {
            let home = format!("{}/o/home/{name}", folder.path().display());
            script += &format!(
                "echo '{name}:x:{id}:{id}::{home}:{shell}' >>/etc/passwd; echo '{name}:*:19000:0:99999:7:::' >>/etc/shadow\n\
                 echo '{name}:x:{id}:' >>/etc/group; mkdir -p {home}/.ssh; cp {0}/user.pub {home}/.ssh/authorized_keys\n\
                 printf '%s\\n' '{sudoers}' >>/etc/sudoers; chown -R {id}:{id} {home}\n",
                folder.path().display(),
                id = 61_500 + number
            );
        }
        script += &format!(
            "chmod 440 /etc/sudoers\n\
             echo 'echo Welcome to noisy host; echo and errors >&2' >{0}/o/home/u-noisy/.bashrc\n\
             printf 'echo Welcome; trap \"echo bye\" EXIT\\n' >{0}/o/home/u-bye/.bashrc\n\
             cp {0}/o/home/u-bye/.bashrc {0}/o/home/u-rbye/.bashrc\n\
             exec /usr/sbin/sshd -D -e -f {0}/config\n",
            folder.path().display()
        );
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nUsePAM no\nStrictModes no\nPidFile none\nAcceptEnv LANG LC_*\n",
            path("host")
        );
        std::fs::write(folder.path().join("config"), config).expect("config");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let child = Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("unshare");
        let mut sshd = Sshd { folder, child, port };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = sshd.child.try_wait().expect("its state").is_some();
            assert!(!ended && begun.elapsed() < Duration::from_secs(30), "{}", sshd.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        let key = std::fs::read_to_string(sshd.path("host.pub")).expect("host.pub");
        std::fs::write(sshd.path("known"), format!("[127.0.0.1]:{port} {key}")).expect("known hosts");
        Some(sshd)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn host(&self, user: &str) -> Host {
        let mut options = SshOptions::new("127.0.0.1");
        options.port = Some(self.port);
        options.user = Some(user.to_string());
        options.key_file = Some(self.path("user"));
        options.known_hosts_file = Some(self.path("known"));
        options.config_file = Some("/dev/null".into());
        options.connect_timeout = Duration::from_secs(20);
        Host::ssh(user, options)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tests may print; the library may not.
fn writeln_err(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

const TRICKY: &str = "a 'b' \"c\" \\\\ \\n $HOME `id` !x ^y %d ~ é\n# not a comment\n\ttab; exit 3";

#[tokio::test]
async fn output_is_exact_behind_every_login_shell() {
    let Some(sshd) = Sshd::start() else { return };
    for (user, shell, sudoers) in USERS {
        if sudoers.is_empty() || ["u-asks", "u-tty", "u-one"].contains(user) {
            continue;
        }
        if !Path::new(shell).exists() {
            writeln_err(&format!("NOT RUN: {shell} is not installed"));
            continue;
        }
        let host = sshd.host(user);
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
        let output = host.run(Cmd::new("cat").stdin(bytes.clone())).await;
        let output = output.unwrap_or_else(|error| panic!("{user}: {error}\n{}", sshd.log()));
        assert!(output.stdout == bytes && output.stderr.is_empty(), "{user}: {}", output.error_text());
        let words =
            host.run(Cmd::shell("printf '%s' \"$1\"; id -u >&2; exit 5").arg(TRICKY).expect([5])).await;
        let words = words.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert_eq!((words.text().as_ref(), words.error_text().as_ref()), (TRICKY, "0\n"), "{user}");
        let own = host.run(Cmd::new("id").arg("-un").as_user()).await.expect("runs as the user");
        assert_eq!(own.text().trim(), *user);
        // What sudo or a shell would say on the way is nobody's failure.
        let failed = host.run(Cmd::new("false").expect([1])).await;
        assert!(failed.is_ok(), "{user}: {failed:?}");
        let mut batch = Batch::new();
        let long = "'\n\\".repeat(300);
        let asks: Vec<_> = (0..50).map(|_| batch.add(Cmd::new("printf").args(["%s", &long]))).collect();
        let answers = host.ask(batch).await.unwrap_or_else(|error| panic!("{user}: {error}"));
        assert!(asks.iter().all(|ask| answers.get(*ask).text() == long), "{user}");
        let mut running = host.spawn(Cmd::shell("echo ready; exec sleep 600")).await.expect("starts");
        assert_eq!(running.next_line().await.expect("a line").expect("one").text, "ready", "{user}");
        running.stop().await.unwrap_or_else(|error| panic!("{user}: {error}"));
    }
}

#[tokio::test]
async fn a_login_shell_that_starts_nothing_is_named() {
    let Some(sshd) = Sshd::start() else { return };
    for (user, word) in
        [("u-nologin", "not available"), ("u-false", "it says nothing"), ("u-rbye", "prints more after")]
    {
        let error = sshd.host(user).run(Cmd::new("true")).await.expect_err(user);
        assert!(matches!(error, Error::Auth { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("of {user} on host `{user}` starts no commands")) && text.contains(word),
            "{text}"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("chsh")), "{error}");
    }
    let spawned = sshd.host("u-nologin").spawn(Cmd::new("true")).await;
    assert!(matches!(spawned, Err(Error::Auth { .. })));
}

#[tokio::test]
async fn sudo_that_refuses_says_why_and_one_that_warns_does_not() {
    let Some(sshd) = Sshd::start() else { return };
    for (user, why, hint) in [
        ("u-asks", "password is required", "NOPASSWD"),
        ("u-tty", "tty", "requiretty"),
        ("u-one", "password is required", "NOPASSWD"),
        ("u-none", "sudo", "NOPASSWD"),
    ] {
        let host = sshd.host(user);
        for cmd in [Cmd::new("true"), Cmd::new("grep").args(["-c", "x", "/dev/null"]).any_exit()] {
            let error = host.run(cmd).await.expect_err(user);
            assert!(matches!(error, Error::Auth { .. }), "{user}: {error:?}");
            let text = error.to_string();
            assert!(text.contains("no root on host") && text.contains(why), "{user}: {text}");
            assert!(!text.contains("unable to resolve"), "{text}");
            assert!(error.hint().is_some_and(|text| text.contains(hint)), "{user}: {:?}", error.hint());
        }
        assert!(host.with_sudo(Sudo::Never).run(Cmd::new("true")).await.is_ok(), "{user}");
    }
}
