"""Type in a real shell on a pseudo-terminal: complete.py SHELL SMOG FOLDER

FOLDER/names.json has names; the completion cache of smog is made already. For each name its
beginning is typed, then TAB and Enter. What the shell ran as `smog` is compared with the name.
Prints a line for each that is wrong; exit code 1 then.
"""

import json
import os
import pty
import select
import sys
import time

shell, smog, folder = sys.argv[1:]
names = json.load(open(f"{folder}/names.json"))
os.makedirs(f"{folder}/bin", exist_ok=True)
# What is completed is asked of the real one; what is run only writes its words down.
with open(f"{folder}/bin/smog", "w") as to:
    to.write(
        f"""#!/bin/sh
if [ -n "$COMPLETE" ]; then '{smog}' "$@"; : >'{folder}/answered'; exit; fi
[ "$1" != completion ] || exec '{smog}' "$@"
printf '%s\\0' "$@" >'{folder}/ran.part'
mv '{folder}/ran.part' '{folder}/ran'
"""
    )
os.chmod(f"{folder}/bin/smog", 0o755)
os.environ["PATH"] = f"{folder}/bin:{os.environ['PATH']}"
os.environ.update(HOME=folder, TERM="dumb" if shell == "zsh" else "xterm", PS1="$ ", LC_ALL="C.UTF-8")

BEGIN = {
    "bash": (["bash", "--norc", "-i"], "bind 'set enable-bracketed-paste off'; source <(smog completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; unsetopt beep; source <(smog completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "smog completion fish | source"),
}
words, first = BEGIN[shell]
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(folder)
    os.execvp(words[0], words)


def quiet(least, most=10.0, until=None):
    """Read until nothing comes for `least` seconds, or `until` is there."""
    end, seen, last = time.time() + most, b"", time.time()
    while time.time() < end:
        if until and os.path.exists(until):
            break
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                got = os.read(terminal, 65536)
            except OSError:
                break
            # fish asks the terminal what it is.
            if b"\x1b[c" in got:
                os.write(terminal, b"\x1b[?62c")
            seen, last = seen + got, time.time()
        elif not until and time.time() - last > least:
            break
    return seen


def line(text):
    os.write(terminal, text.encode())


ran, pwned, wrong, completed = f"{folder}/ran", f"{folder}/pwned", 0, 0
ready, answered = f"{folder}/ready", f"{folder}/answered"
quiet(0.5)
line(f"{first}; : >{ready}\n")
quiet(0.5, 60, until=ready)
quiet(0.3)
QUOTES = ["", "'", '"'] if shell == "bash" else [""]


def typed(name, quote, patience):
    """Type it; what was run as smog, and what the terminal showed."""
    for file in (ran, answered):
        if os.path.exists(file):
            os.remove(file)
    line(f"smog guest show {quote}{beginning(name)}")
    quiet(0.1 * patience)
    line("\t")
    # A busy machine is slow to answer. Words that a shell completes by itself ask nobody.
    seen = quiet(0.5, 10 if name.startswith("n") else 1, until=answered)
    seen += quiet(0.15 * patience)
    line("\n")
    seen += quiet(0.2, 1.5 * patience, until=ran)
    got = open(ran).read().split("\0")[:-1] if os.path.exists(ran) else None
    # An open quote, or a list of choices: give the line up.
    line("\x03")
    quiet(0.1 * patience)
    return got, seen


def beginning(name):
    return name[:4] if name.startswith("n") else name[:1]


for number, name in enumerate(names):
    offered = not any(ord(c) < 32 or c in "\u202e\x7f\x9b" for c in name) and not name.startswith("-")
    # zsh and fish complete `~` to users themselves, zsh `=` to commands.
    offered = offered and (shell == "bash" or name[0] not in "~=")
    for quote in QUOTES if number < 10 else [""]:
        # A busy machine is slow to answer: what was not completed is tried with more patience.
        for patience in (1, 3, 8):
            got, seen = typed(name, quote, patience)
            is_wrong = offered and not quote and got != ["guest", "show", name]
            if os.path.exists(pwned) or not is_wrong:
                break
        if os.path.exists(pwned):
            print(f"RAN: {shell}: {quote}{name!r}: {seen!r}")
            os.remove(pwned)
            wrong += 1
        elif any(c in seen for c in (b"\x9b", b"OWNED\x07", b"\xe2\x80\xae")):
            print(f"RAW: {shell}: {quote}{name!r}: {seen!r}")
            wrong += 1
        elif got == ["guest", "show", name]:
            completed += 1
        elif is_wrong:
            print(f"NOT COMPLETED: {shell}: {name!r}: ran {got!r}: {seen!r}")
            wrong += 1
os.close(terminal)
print(f"{shell}: {completed} completed, {wrong} wrong")
sys.exit(1 if wrong else 0)
