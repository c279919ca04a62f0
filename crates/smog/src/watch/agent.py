# The far end of smog's watching. It runs on the host for as long as somebody
# watches, needs only Python's standard library, writes no file, and sends what
# files hold as frames: it looks for places in files, never into their meaning.
#
#   KIND ID OFFSET LENGTH\n  and LENGTH bytes:
#   H hello, once            O a source begins (JSON)     D bytes of a source from OFFSET
#   C source read to its end R a source has ended         L bytes were lost (JSON)
#   E a source cannot be read (JSON)    B still alive     A everything read to its end, once
#   F what was named is there (JSON)
import ctypes, errno, glob, gzip, json, os, re, select, struct, subprocess, sys, time

CHUNK, HEAD, TAIL = 65536, 256, 64
RETIRE, BEAT = 60.0, 5.0
ask = json.loads(sys.stdin.buffer.read().decode())
follow, since, until = ask["follow"], ask.get("since"), ask.get("until")
# Times are compared by whole seconds here; the other end looks at the rest.
since = None if since is None else since // 1
until = None if until is None else until // 1 + 1
out = os.dup(1)


def write(data):
    view = memoryview(data)
    while view:
        view = view[os.write(out, view):]


def shown(value):
    """A name as text: bytes of it that are not UTF-8 are spelled out."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def raw(path):
    """The bytes of a name that its text does not tell; None for any other."""
    return None if shown(path) == path else os.fsencode(path).hex()


def frame(kind, number=0, offset=0, payload=b""):
    if not isinstance(payload, bytes):
        payload = json.dumps({key: shown(value) for key, value in payload.items()}).encode()
    write(b"%s %d %d %d\n" % (kind.encode(), number, offset, len(payload)) + payload)


MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ISO = re.compile(rb"^\x00*\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?")
CTIME = re.compile(rb"\[\w{3} (\w{3}) +(\d+) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4})\]")
SYSLOG = re.compile(rb"^(?:<\d+>)?(\w{3}) +(\d+) (\d\d):(\d\d):(\d\d)")
ACCESS = re.compile(rb" \[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\]")


def stamp(line):
    """The time of a line, seconds since 1970; None where it has none."""
    try:
        line = line[:400]
        found = ISO.match(line)
        zone = None
        if found:
            y, mo, d, h, mi, s = (int(part) for part in found.groups()[:6])
            zone = found.group(7)
        else:
            found = CTIME.search(line)
            short = SYSLOG.match(line)
            if found:
                mo, d, h, mi, s, y = found.groups()
            elif short:
                # It names no year: the one that puts it nearest before now.
                mo, d, h, mi, s = short.groups()
                y, ahead = time.localtime().tm_year, time.time() + 86400
                at = lambda y: time.mktime((y, MONTHS.index(mo.decode()) + 1, int(d), int(h), int(mi), int(s), 0, 0, -1))
                return at(y) if at(y) <= ahead else at(y - 1)
            else:
                found = ACCESS.search(line)
                if not found:
                    return None
                d, mo, y, h, mi, s, zone = found.groups()
            mo = MONTHS.index(mo.decode()) + 1
            y, d, h, mi, s = int(y), int(d), int(h), int(mi), int(s)
        if zone is None:
            return time.mktime((y, mo, d, h, mi, s, 0, 0, -1))
        import calendar
        base = calendar.timegm((y, mo, d, h, mi, s))
        if zone == b"Z":
            return base
        digits = zone[1:].replace(b":", b"")
        shift = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        return base + shift if zone[:1] == b"-" else base - shift
    except (ValueError, OverflowError):
        return None


def place_of(fd, size, wanted):
    """The offset of the first line at or after a time, by halving; size when there is none."""
    def stamped(at, limit):
        # The first stamped line that begins at or after `at`: (its offset, its time).
        data, base = os.pread(fd, 262144, at), at
        if at > 0:
            cut = data.find(b"\n")
            if cut < 0:
                return None
            data, base = data[cut + 1:], at + cut + 1
        while data and base < limit:
            end = data.find(b"\n")
            line = data if end < 0 else data[:end]
            told = stamp(line)
            if told is not None:
                return base, told
            if end < 0:
                return None
            data, base = data[end + 1:], base + end + 1
        return None
    low, high = 0, size
    first = stamped(0, size)
    if first is None:
        return 0
    if first[1] >= wanted:
        return 0
    while high - low > 4096:
        middle = (low + high) // 2
        found = stamped(middle, high)
        if found is None or found[1] >= wanted:
            high = middle
        else:
            low = middle
    at = max(low, 1)  # the first line is known to be earlier: begin behind it
    while True:
        found = stamped(at, size)
        if found is None:
            return size
        if found[1] >= wanted:
            return found[0]
        at = found[0]  # a line's first byte: the next search begins behind its end


class Piped:
    """What a program prints, as a file that is read forwards."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def read(self, size):
        data = self.process.stdout.read(size)
        if len(data) < size and self.process.wait() != 0:
            if not data:
                raise OSError("it cannot be decompressed")
        return data

    def seek(self, offset):
        # Only what is behind the beginning, which was read.
        raise OSError("it is read forwards")

    def close(self):
        self.process.stdout.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def zstd(path, mode="rb"):
    try:
        from compression import zstd as module
        return module.open(path, mode)
    except ImportError:
        pass
    try:
        return Piped(["zstd", "-dcq", "--", path])
    except FileNotFoundError:
        raise OSError("it is compressed with zstd, which is not installed on the host")


def opener(path):
    """How to open a file: compressed ones are known by their first bytes."""
    with open(path, "rb") as f:
        begin = f.read(6)
    if begin[:2] == b"\x1f\x8b":
        return gzip.open
    if begin == b"\xfd7zXZ\0":
        import lzma
        return lzma.open
    if begin[:3] == b"BZh":
        import bz2
        return bz2.open
    if begin[:4] == b"\x28\xb5\x2f\xfd":
        return zstd
    return None


def reading(path, offset):
    """A compressed file from this place of its text on; and its first bytes."""
    how = opener(path)
    f = how(path, "rb")
    head = f.read(HEAD)
    try:
        f.seek(offset)
    except OSError:
        f.close()
        f, left = how(path, "rb"), offset
        while left > 0:
            data = f.read(min(left, CHUNK))
            if not data:
                break
            left -= len(data)
    return f, head


def broken():
    import lzma, zlib
    return OSError, EOFError, lzma.LZMAError, zlib.error


number = 0


class Source:
    """One generation of a file: what a path was until it was rotated."""

    def __init__(self, path, actual, offset, why, old=None, end=None):
        global number
        number += 1
        self.number, self.path, self.actual, self.why = number, path, actual, why
        self.zipped = opener(actual) is not None
        self.end, self.retired, self.caught, self.at = end, None, False, None
        if self.zipped:
            self.file, self.head = reading(actual, offset)
            self.fd = os.open(actual, os.O_RDONLY)
        else:
            self.file, self.fd = None, os.open(actual, os.O_RDONLY)
        status = os.fstat(self.fd)
        self.dev, self.ino, self.size = status.st_dev, status.st_ino, status.st_size
        self.offset = offset
        if not self.zipped:
            self.head = os.pread(self.fd, HEAD, 0)
        self.tail = b""
        if not self.zipped and offset > 0:
            self.tail = os.pread(self.fd, min(TAIL, offset), max(0, offset - TAIL))
        frame("O", self.number, offset, {
            "path": path, "raw": raw(path), "actual": actual, "dev": self.dev, "ino": self.ino, "why": why, "old": old,
            "head": self.head.hex(), "tail": self.tail.hex()})

    def read(self):
        """Send a piece; False at the end."""
        if self.zipped:
            try:
                data = self.file.read(CHUNK)
            except broken() as why:
                frame("E", self.number, self.offset, {"path": self.actual, "why": str(why)})
                data = b""
        else:
            try:
                return self.read_plain()
            except OSError as why:
                # A disk or a file server that fails: what is behind this place is not read.
                unreadable(self.actual, why)
                return False
        return self.send(data)

    def read_plain(self):
        size = os.fstat(self.fd).st_size
        if size < self.offset or not self.same_before():
            copied = self.read_copy()
            lost = 0 if copied else max(0, self.size - self.offset)
            if lost:
                frame("L", self.number, self.offset, {"path": self.path, "bytes": lost, "why": "truncated"})
            self.restart(lost == 0)
            return True
        self.size = size
        limit = CHUNK if self.end is None else max(0, min(CHUNK, self.end - self.offset))
        return self.send(os.pread(self.fd, limit, self.offset))

    def send(self, data):
        if not data:
            return False
        frame("D", self.number, self.offset, data)
        self.offset += len(data)
        if not self.zipped:
            self.tail = (self.tail + data)[-TAIL:]
            if len(self.head) < HEAD:
                # It was shorter when it was opened, perhaps empty.
                self.head = os.pread(self.fd, HEAD, 0)
        self.caught = False
        told = stamp(data[data.find(b"\n") + 1:]) or stamp(data)
        self.at = told or self.at
        return True

    def same_before(self):
        # Truncated and written past our place between two looks: the bytes before it are others now.
        if not self.tail:
            return True
        return os.pread(self.fd, len(self.tail), self.offset - len(self.tail)) == self.tail

    def read_copy(self):
        """What was written before the file was copied and truncated, and not read yet: it is in the copy.
        Whether there is one."""
        old = {"head": self.head.hex(), "tail": self.tail.hex(), "offset": self.offset}
        for path in rotated(self.path):
            # A match of nothing would be no match.
            if not self.tail or not matches(path, old):
                continue
            try:
                if opener(path) is None:
                    f = open(path, "rb")
                    f.seek(self.offset)
                else:
                    f, _ = reading(path, self.offset)
                with f:
                    while self.send(f.read(CHUNK)):
                        pass
            except broken() as why:
                unreadable(path, getattr(why, "strerror", None) or str(why))
            return True
        return False

    def restart(self, whole):
        """The file was truncated: its writer goes on at its beginning. `whole`: nothing between was lost."""
        global number
        before = self.number
        number += 1
        self.number, self.offset, self.tail, self.at, self.caught = number, 0, b"", None, False
        self.size = os.fstat(self.fd).st_size
        self.head = os.pread(self.fd, HEAD, 0)
        frame("O", self.number, 0, {
            "path": self.path, "raw": raw(self.path), "actual": self.actual, "dev": self.dev, "ino": self.ino,
            "why": "truncated", "old": None, "before": before, "whole": whole, "head": self.head.hex(), "tail": ""})

    def close(self):
        frame("R", self.number)
        if self.file:
            self.file.close()
        os.close(self.fd)


def rotated(path):
    """Earlier generations of a path, the newest first."""
    found = [p for p in glob.glob(glob.escape(path) + "[.-]*") if re.match(r"[.-]\d", p[len(path):])]
    stem, ext = os.path.splitext(path)
    # logrotate's `extension .log`: x-20260101.log
    found += [p for p in glob.glob(glob.escape(stem) + "-*") if re.match(r"-\d+" + re.escape(ext) + r"(\.(gz|xz|bz2|zst))?$", p[len(stem):])]
    told = []
    for p in set(found):
        try:
            told.append((os.stat(p).st_mtime, p))
        except OSError:
            pass
    return [p for _, p in sorted(told, reverse=True)]


def matches(path, old):
    """Whether the bytes before the place are those that were read."""
    try:
        head, tail = bytes.fromhex(old["head"]), bytes.fromhex(old["tail"])
        head = head[:old["offset"]] if old["offset"] < len(head) else head
        if opener(path) is None:
            with open(path, "rb") as f:
                if f.read(len(head)) != head:
                    return False
                f.seek(old["offset"] - len(tail))
                return f.read(len(tail)) == tail
        f, begin = reading(path, old["offset"] - len(tail))
        with f:
            return begin[:len(head)] == head and f.read(len(tail)) == tail
    except broken():
        return False


def resume(old):
    """Go on where an earlier connection stopped: the same file, wherever it has gone."""
    path = old["path"]
    places = [path] + rotated(path)
    def inode(p):
        try:
            status = os.stat(p)
            return status.st_dev == old["dev"] and status.st_ino == old["ino"]
        except OSError:
            return False
    found = next((p for p in places if inode(p) and matches(p, old)), None)
    if found is None:
        # Copied or compressed meanwhile. A match of nothing would be no match.
        found = next((p for p in places if old["tail"] and matches(p, old)), None)
    if found is None:
        if old["live"]:
            frame("L", 0, 0, {"path": path, "bytes": None, "why": "the file that was read is gone"})
        return None
    return found


known, retired, failed = {}, [], {}
# What must be there: the user named it. The usual places need not.
named, there = ask.get("named", []), set()


def unreadable(path, why, absent=False):
    """Tell once that something is not read."""
    told = why if isinstance(why, str) else why.strerror or str(why)
    if failed.get(path) != told:
        failed[path] = told
        frame("E", 0, 0, {"path": path, "why": told, "absent": absent})


def look_for_named(first=False):
    for pattern in named:
        if pattern in there:
            continue
        hits = glob.glob(pattern)
        # What is there and cannot be read (a folder, a device) stays unread.
        if any(hit not in failed for hit in hits):
            there.add(pattern)
            frame("F", 0, 0, {"path": pattern})
        elif first and not hits and glob.has_magic(pattern):
            unreadable(pattern, "no file of that name", absent=True)


def look_into_folders():
    """A folder that cannot be listed hides its logs."""
    for pattern in ask["files"]:
        folder = os.path.dirname(pattern) or "."
        while glob.has_magic(folder):
            folder = os.path.dirname(folder) or "."
        for one in {folder, *glob.glob(os.path.dirname(pattern) or ".")}:
            try:
                if os.path.isdir(one) and glob.has_magic(pattern):
                    os.scandir(one).close()
                else:
                    os.stat(one)
            except PermissionError as why:
                unreadable(one, why)
            except OSError:
                pass


def quiet_words(*words):
    """What a program says on its two outputs; nothing where there is no such program."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=10, env=dict(os.environ, LC_ALL="C"))
        return done.stdout.decode("utf-8", "replace").strip(), done.stderr.decode("utf-8", "replace").strip()
    except (OSError, subprocess.SubprocessError):
        return "", ""


def look_at_units(units):
    """A unit that is not there has a journal that is empty for ever."""
    if not units:
        return
    _, said = quiet_words("journalctl", "-n", "1", "-o", "cat")
    if "not seeing messages" in said or "insufficient permissions" in said:
        unreadable("the journal", "Permission denied")
        return
    for unit in units:
        # Many are found by their kind, and are there: their journal need not be looked into.
        state, _ = quiet_words("systemctl", "show", "-p", "LoadState", "--value", "--", unit)
        if state != "loaded" and not glob.has_magic(unit):
            entry, _ = quiet_words("journalctl", "-n", "1", "-o", "cat", "-u", unit)
            if not entry or entry.startswith("-- No entries"):
                unreadable("journal of " + unit, "no such unit", absent=True)
                continue
        frame("F", 0, 0, {"path": "journal of " + unit})


def paths():
    found = []
    for pattern in ask["files"]:
        # A path without wildcards is wanted even before it is there.
        hits = sorted(glob.glob(pattern))
        found += hits if hits or glob.has_magic(pattern) else [pattern]
    return list(dict.fromkeys(found))


def is_older(path, all_paths):
    """Whether a glob's hit is an earlier generation of another hit."""
    if path in ask["files"]:
        return False
    if re.search(r"\.(gz|xz|bz2|zst)$", path):
        return True
    return any(path != p and path.startswith(p) and re.match(r"[.-]\d", path[len(p):]) for p in all_paths)


def begin(path, why):
    """Open a path that is not followed yet."""
    try:
        status = os.stat(path)
        if not os.path.isfile(path):
            raise OSError(errno.EINVAL if path in named else errno.ENOENT, "not a regular file")
        offset, end = 0, None
        if why == "start":
            if since is not None:
                if ask.get("older"):
                    for p in reversed(rotated(path)):
                        begin_older(path, p)
                fd = os.open(path, os.O_RDONLY)
                try:
                    offset = status.st_size if status.st_mtime < since - 1 else place_of(fd, status.st_size, since)
                    if until is not None:
                        end = place_of(fd, status.st_size, until) if status.st_mtime >= until else status.st_size
                finally:
                    os.close(fd)
            elif ask["from"] == "end":
                offset = status.st_size
            if not follow and end is None:
                end = status.st_size
        known[path] = Source(path, path, offset, why, end=end)
        failed.pop(path, None)
    except OSError as why_not:
        is_absent = why_not.errno == errno.ENOENT
        if is_absent and path not in named:
            # A usual place, or a file that went between two looks.
            failed[path] = "absent"
        else:
            unreadable(path, why_not, absent=is_absent)


def begin_older(path, actual):
    try:
        status = os.stat(actual)
        if status.st_mtime < since - 1:
            return
        offset, end = 0, None
        if opener(actual) is None:
            fd = os.open(actual, os.O_RDONLY)
            offset = place_of(fd, status.st_size, since)
            if until is not None:
                end = place_of(fd, status.st_size, until)
            os.close(fd)
        source = Source(path, actual, offset, "older", end=end)
        source.retired = time.monotonic()
        retired.append(source)
    except FileNotFoundError:
        pass
    except broken() as why:
        unreadable(actual, getattr(why, "strerror", None) or str(why))


def take_up_missed(path):
    """Generations that came and were rotated away between two looks, the oldest first."""
    ours = [s for s in retired + list(known.values()) if s.path == path]
    if not ours:
        return
    newest = max(os.fstat(s.fd).st_mtime_ns for s in ours)
    for p in reversed(rotated(path)):
        try:
            status = os.stat(p)
            # Equal counts as younger: the kernel stamps files in steps of some milliseconds.
            if status.st_mtime_ns < newest or any((s.dev, s.ino) == (status.st_dev, status.st_ino) for s in ours):
                continue
            with (opener(p) or open)(p, "rb") as f:
                head = f.read(HEAD)
            # A copy of what is read already (copytruncate, or compressed since).
            if any(s.head and head.startswith(s.head[:len(head)]) for s in ours):
                continue
            source = Source(path, p, 0, "older")
            source.retired = time.monotonic()
            retired.append(source)
        except broken():
            pass


def start():
    for old in ask["resume"]:
        if old.get("raw"):
            old["path"] = os.fsdecode(bytes.fromhex(old["raw"]))
    for old in ask["resume"]:
        at, found = old["at"], resume(old)
        if found is None:
            continue
        source = Source(old["path"], found, old["offset"], "resumed", old=at)
        if found == old["path"]:
            known[found] = source
        else:
            source.retired = time.monotonic()
            retired.append(source)
    for path in {old["path"] for old in ask["resume"] if old["live"]}:
        if path in known:
            continue
        take_up_missed(path)
        if os.path.exists(path):
            begin(path, "rotated")
    everything = paths()
    for path in everything:
        if path not in known and not is_older(path, everything):
            # What an earlier connection did not know has come since.
            begin(path, "new" if ask["again"] else "start")
    look_for_named(first=True)
    if not ask["again"]:
        look_into_folders()
        look_at_units(ask.get("units", []))


def look_for_new(why):
    everything = paths()
    for path in everything:
        if path in known or is_older(path, everything + list(known)):
            continue
        try:
            status = os.stat(path)
        except OSError:
            if path not in failed:
                begin(path, why)
            continue
        # A file that was only renamed is followed already.
        if any(s.ino == status.st_ino and s.dev == status.st_dev for s in list(known.values()) + retired):
            continue
        take_up_missed(path)
        begin(path, why)
    look_for_named()


def check_rotation():
    for path, source in list(known.items()):
        try:
            status = os.stat(path)
            if (status.st_dev, status.st_ino) == (source.dev, source.ino):
                continue
        except OSError:
            status = None
        while source.read():
            pass
        source.retired = time.monotonic()
        retired.append(source)
        del known[path]
        take_up_missed(path)
        if status is not None:
            begin(path, "rotated")


# ---- waiting: inotify where there is one, a look each second in any case
libc, notify, watched = None, -1, set()
try:
    libc = ctypes.CDLL(None, use_errno=True)
    notify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
except (OSError, AttributeError):
    pass


def watch_folders():
    if notify < 0:
        return
    for pattern in ask["files"]:
        for folder in glob.glob(os.path.dirname(pattern) or "."):
            if folder not in watched and os.path.isdir(folder):
                # modify, attributes, moved from, moved to, create, delete
                if libc.inotify_add_watch(notify, os.fsencode(folder), 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200) >= 0:
                    watched.add(folder)


class Child:
    """The output of a command, or the journal."""

    def __init__(self, name, words, old=None, offset=0):
        global number
        number += 1
        self.number, self.name, self.offset = number, name, offset
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        frame("O", self.number, offset, {"path": name, "actual": name, "dev": 0, "ino": 0, "why": "command", "old": old, "head": "", "tail": ""})

    at = None

    def read(self):
        data = os.read(self.process.stdout.fileno(), CHUNK)
        if data:
            frame("D", self.number, self.offset, data)
            self.offset += len(data)
            if follow or self.name != "journal":
                frame("C", self.number)
            told = re.findall(rb'"__REALTIME_TIMESTAMP" ?: ?"(\d+)"', data)
            self.at = int(told[-1]) / 1e6 if told else self.at
            return True
        code = self.process.wait()
        if code != 0:
            frame("E", self.number, self.offset, {"path": self.name, "why": "ended with exit code %d" % code})
        frame("R", self.number)
        return False


zone = ""
try:
    zone = os.path.realpath("/etc/localtime").split("/zoneinfo/", 1)[1]
except IndexError:
    pass
frame("H", 0, 0, {"now": time.time(), "zone": zone, "offset": time.localtime().tm_gmtoff, "inotify": notify >= 0})
watch_folders()
start()
children = []
for entry in ask["commands"]:
    try:
        children.append(Child(entry["name"], entry["words"], entry.get("old"), entry.get("offset", 0)))
    except OSError as why:
        frame("E", 0, 0, {"path": entry["name"], "why": why.strerror or str(why)})

begun = False
last_look = last_beat = time.monotonic()
while True:
    # What has the oldest line goes first, so that the order of times nearly holds on the way.
    while True:
        behind = [s for s in retired + list(known.values()) if not s.caught]
        if not follow:
            behind += [c for c in children if c.name == "journal"]
        if not behind:
            break
        source = min(behind, key=lambda s: (s.at or 0, s.number))
        if isinstance(source, Child):
            if not source.read():
                children.remove(source)
            continue
        if not source.read():
            source.caught = True
            frame("C", source.number)
            if source.retired is not None and (source.zipped or source.why == "older" or not follow):
                retired.remove(source)
                source.close()
    if not begun and not children or not begun and follow:
        begun = True
        frame("A")
    if not follow and not children:
        break
    fds = {child.process.stdout.fileno(): child for child in children}
    wait = list(fds) + ([notify] if notify >= 0 else [])
    try:
        ready = select.select(wait, [], [], 1.0 if notify >= 0 else 0.1)[0]
    except InterruptedError:
        ready = []
    now = time.monotonic()
    if now - last_beat >= BEAT:
        last_beat = now
        frame("B", 0, 0, {"now": time.time()})
    for fd in ready:
        if fd == notify:
            try:
                while os.read(notify, 65536):
                    pass
            except BlockingIOError:
                pass
        elif not fds[fd].read():
            children.remove(fds[fd])
    if follow:
        for source in list(known.values()) + retired:
            if os.fstat(source.fd).st_size != source.offset or not source.same_before():
                source.caught = False
        check_rotation()
        look_for_new("new")
        for source in list(retired):
            if not source.caught:
                source.retired = now
            elif now - source.retired > RETIRE:
                retired.remove(source)
                source.close()
        if now - last_look >= 1.0:
            last_look = now
            watch_folders()
    elif not children:
        if not begun:
            frame("A")
        break
