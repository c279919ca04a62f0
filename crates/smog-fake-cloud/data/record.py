#!/usr/bin/env python3
"""Records what the lab answers to smog, for the scripted cloud and its hosts.

    record.py OUT COMMANDS [OLD=NEW …]

Stands between smog and the lab as the scripted cloud does: an API on loopback, which passes
each request on, and an `ssh` in front of PATH, which runs each command on the real host. Runs
every line of the file COMMANDS with the smog of PATH, and writes the first answer to each
question to OUT. OLD=NEW renames things in it.
"""

import array
import http.client
import http.server
import json
import os
import pathlib
import re
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).parent
PREFIXES = {"5000": "", "8774": "/compute", "9292": "/image", "9696": "/network", "8778": "/placement"}
CTL = "10.98.77.10"
ssh_config = pathlib.Path(os.environ["SMOG_LAB_DIR"]) / "ssh_config"
api: dict[str, dict[str, object]] = {}
hosts: dict[str, dict[str, dict[str, object]]] = {"ctl": {}, "cmp1": {}, "cmp2": {}}


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        pass

    def pass_on(self) -> None:
        path = self.path
        port = "5000"
        for number, prefix in PREFIXES.items():
            if prefix and (path == prefix or path.startswith(prefix + "/")):
                port, path = number, path[len(prefix) :] or "/"
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection", "accept-encoding")}
        connection = http.client.HTTPConnection(CTL, int(port))
        connection.request(self.command, path, body or None, headers)
        answer = connection.getresponse()
        said = answer.read()
        root = f"http://{self.headers['Host']}"
        text = said.decode("utf-8", "replace")
        for number, prefix in PREFIXES.items():
            for name in (CTL, "ctl"):
                text = text.replace(f"http://{name}:{number}", "{root}" + prefix)
        kept = {}
        for name, value in answer.getheaders():
            if name.lower() in ("x-openstack-request-id", "openstack-api-version", "x-compute-request-id", "location", "content-type"):
                kept[name] = value
        entry = {"status": answer.status, "headers": kept, "body": text}
        api.setdefault(f"{self.command} {self.path}", entry)
        data = text.replace("{root}", root).encode()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = pass_on


NAMES = ["web", "cmp1", "m1.nano", "cirros", "private", "racks", "apart", "ops", "default", "admin"]


def lines(text: str) -> list[list[str]]:
    """Every command that is run, and the same with a name that is not there."""
    found = []
    for line in text.splitlines():
        kind, _, command = line.partition(" ")
        if kind not in ("read", "change"):
            continue
        words, _, after = command.partition(" -- ")
        words = [*words.split(), *(["--dry-run"] if kind == "change" else [])]
        at = next((at for at, word in enumerate(words) if word in NAMES), None)
        for other in [words] if at is None else [words, [*words[:at], "nosuch", *words[at + 1 :]]]:
            found.append([*other, *(["--", *after.split()] if after else [])])
    return found


def unpacked(line: str) -> str:
    """The script in a line as smog's login.rs packs it."""
    words = shlex.split(line)
    text = "".join(words[words.index("smog") + 1 :]).encode()
    return re.sub(rb"\\0([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text).decode()


def asked(line: str) -> tuple[str, str] | None:
    """The mark and the command, as smog's own recordings have it."""
    if " smog '" not in line:
        return None
    words = shlex.split(unpacked(line))
    at = words.index("smog")
    mark, argv = words[at + 2], words[at + 3 :]
    argv = argv[: argv.index(";")] if ";" in argv else argv
    if argv and argv[-1].endswith(";"):
        argv[-1] = argv[-1][:-1]
    return mark, argv[2].strip() if argv[:2] == ["sh", "-c"] else shlex.join(argv)


def serve_host(host: str, listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_mux, args=(host, connection), daemon=True).start()


def serve_mux(host: str, connection: socket.socket) -> None:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def send(*numbers: int) -> None:
        body = struct.pack(f">{len(numbers)}I", *numbers)
        connection.sendall(struct.pack(">I", len(body)) + body)

    try:
        while True:
            (length,) = struct.unpack(">I", exactly(4))
            body = exactly(length)
            kind, request = struct.unpack(">II", body[:8])
            if kind == 1:
                send(1, 4)
            elif kind == 0x10000004:
                send(0x80000005, request, os.getpid())
            elif kind == 0x10000009:
                send(0x80000001, request)
            elif kind == 0x10000002:
                rest = body[8 + 4 + 4 * 5 :]
                (term,) = struct.unpack(">I", rest[:4])
                line = rest[4 + term + 4 :].decode()
                fds = []
                for _ in range(3):
                    _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_LEN(4))
                    fds += list(array.array("i", ancillary[0][2]))
                send(0x80000006, request, 1)
                code = run(host, line, fds)
                send(0x80000004, 1, code)
    except (EOFError, OSError):
        pass


def run(host: str, line: str, fds: list[int]) -> int:
    process = subprocess.Popen(["ssh", "-F", ssh_config, host, line], stdin=fds[0], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PATH": REAL_PATH})
    kept = [b"", b""]

    def copy(number: int, stream: object, fd: int) -> None:
        while chunk := os.read(stream.fileno(), 65536):  # type: ignore[attr-defined]
            kept[number] += chunk
            try:
                while chunk:
                    chunk = chunk[os.write(fd, chunk) :]
            except OSError:
                pass
        os.close(fd)

    threads = [threading.Thread(target=copy, args=(number, stream, fd)) for number, (stream, fd) in enumerate([(process.stdout, fds[1]), (process.stderr, fds[2])])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = process.wait()
    os.close(fds[0])
    found = asked(line)
    if found:
        mark, command = found
        out = kept[0].split(f"{mark}begin\n".encode(), 1)[-1]
        err = kept[1].split(f"{mark}begin\n".encode(), 1)[-1].split(mark.encode(), 1)[0]
        entry = {"exit_code": code, "stdout": out.decode("utf-8", "replace"), "stderr": err.decode("utf-8", "replace")}
        hosts[host].setdefault(command, entry)
    return code


REAL_PATH = os.environ["PATH"]


def main() -> None:
    out, commands, *renames = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="sf-", dir="/tmp") as folder:
        for host in hosts:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{folder}/{host}")
            listener.listen(50)
            threading.Thread(target=serve_host, args=(host, listener), daemon=True).start()
        stand_in = pathlib.Path(folder) / "ssh"
        stand_in.write_text((HERE.parent / "src/ssh.sh").read_text())
        stand_in.chmod(0o755)
        (pathlib.Path(folder) / "smog.yml").write_text((HERE.parent / "src/smog.yml").read_text())
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "SMOG_"))}
        env = {
            **kept,
            "PATH": f"{folder}:{REAL_PATH}",
            "HOME": folder,
            "XDG_CACHE_HOME": folder,
            "SMOG_CONFIG": f"{folder}/smog.yml",
            "SMOG_LOG_DIR": f"{folder}/log",
            "OS_AUTH_URL": f"http://127.0.0.1:{server.server_port}/v3",
            "OS_USERNAME": "admin",
            "OS_PASSWORD": "lab",
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
        }
        for words in lines(pathlib.Path(commands).read_text()):
            line = " ".join(words)
            for pair in renames:
                old, new = pair.split("=")
                line = re.sub(rf"\b{new}\b", old, line)
            ran = subprocess.run(["smog", *shlex.split(line)], env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
            print(f"[{ran.returncode}] smog {line}\n{ran.stdout[-300:]}{ran.stderr[-400:]}", flush=True)
    clean()
    text = json.dumps({"api": api, "hosts": hosts}, indent=1, sort_keys=True, ensure_ascii=False)
    for pair in renames:
        old, new = pair.split("=")
        text = text.replace(old, new)
    pathlib.Path(out).write_text(text + "\n")


def clean() -> None:
    """Nothing that is another at each run: marks, tokens; and none of the lab's logs."""
    token = api["POST /v3/auth/tokens"]
    token["body"] = re.sub(r'"expires_at": "[^"]*"', '"expires_at": "2099-01-01T00:00:00.000000Z"', str(token["body"]))
    token["headers"]["X-Subject-Token"] = "token"  # type: ignore[index]
    for host, answers in hosts.items():
        cleaned = {}
        for command, answer in sorted(answers.items()):
            answer = {name: re.sub(r"smog-[0-9a-f]{32}-", "smog-MARK-", value) if isinstance(value, str) else value for name, value in answer.items()}
            if str(answer["stdout"]).startswith("H 0 0 "):
                # The agent that reads logs (watch/agent.py): there is none to read.
                hello = '{"now": {now}, "zone": "Etc/UTC", "offset": 0, "inotify": true}'
                answer["stdout"] = f"H 0 0 {len(hello) - len('{now}') + 17}\n{hello}A 0 0 0\n"
            cleaned.setdefault(re.sub(r"smog-[0-9a-f]{32}-", "smog-MARK-", command), answer)
        hosts[host] = cleaned


if __name__ == "__main__":
    main()
