"""What is typed is remembered, and becomes a test: on the scripted cloud."""

import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

import smog
from smog import session
from smog.session.controls import watched
from smog.session.forms import needs_of
from smog.session.memory import Memory
from smog.session.prompt import Console
from smog.session.redact import redact
from smog.session.save import save
from smog.shell import namespace

Play = Callable[..., Memory]


@pytest.fixture
def play(fake, monkeypatch) -> Play:
    """`play(lines…)` types lines at Python's own prompt, connected to the scripted cloud."""

    def typed(*lines: str, names: "dict[str, object] | None" = None, trouble: "tuple[str, ...]" = ()) -> Memory:
        memory = session.start(names or namespace(fake(*trouble)))
        console = Console(memory)
        monkeypatch.setattr(sys, "displayhook", memory.echo)
        for line in lines:
            console.push(line)
        return memory

    return typed


def text_of(memory: Memory, *args: object, **options: object) -> str:
    """A test's text, without running it."""
    options = {"keep": "all", "run": False, **options}
    return save(memory, *args, **options).path.read_text()  # type: ignore[arg-type]


def test_what_was_typed_is_remembered(play):
    memory = play("web = cloud.guest('web')", "web.status", "cloud.image('ciros')", "print(web.name, 7)")
    one, two, three, four = memory.statements
    assert {call.method for call in one.calls} == {"GET"} and one.calls[0].seconds >= 0
    assert [(thing.variable, thing.kind, thing.name) for thing in one.things] == [("web", "Guest", "web")]
    assert [str(fact) for look in two.looks for fact in look.facts] == ["{} == 'ACTIVE'"]
    assert three.error_type == "smog.NotFound"
    assert [str(fact) for look in four.looks for fact in look.facts] == ["{} == 'web'"]
    assert "web = cloud.guest('web')" in repr(memory.history())


def test_secrets_are_not_kept(play, monkeypatch):
    monkeypatch.setenv("OS_OTHER_SECRET", "from-the-environment")
    memory = play(
        "password = 'hunter2-a'",
        "login = {'password': 'hunter2-b', \"api_key\": 'hunter2-c'}",
        "login",
        "'from-the-environment'",
        "'-----BEGIN RSA PRIVATE KEY-----\\nhunter2-d\\n-----END RSA PRIVATE KEY-----'",
        "cloud.create_user('bob', 'hunter2-e')",
    )
    kept = repr([one.to_dict() for one in memory.statements]) + repr(vars(memory.statements[2]))
    assert "hunter2" not in kept, kept
    assert "from-the-environment" not in kept
    assert kept.count("***") >= 6


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("connect(password='a b')", "connect(password='***')"),
        ("smog --os-password geheim list", "smog --os-password *** list"),
        ("OS_TOKEN=abc smog discover", "OS_TOKEN=*** smog discover"),
        ("http://user:geheim@host/", "http://user:***@host/"),
        ("keys = guest.key_name", "keys = guest.key_name"),
        ("tokens = 3", "tokens = 3"),
    ],
)
def test_what_counts_as_a_secret(typed, kept):
    assert redact(typed) == kept


def test_a_test_is_written_run_and_its_assertions_refuse_wrong_values(play, tmp_path):
    memory = play("# web is pinned", "web = guests['web']", "web.status", "web.server.ram_mib", "web.host", "web.name == 'web'")
    saved = save(memory, "web_is_pinned", keep="all", folder=tmp_path)
    text = saved.path.read_text()
    assert saved.outcome == "failed" or saved.outcome == "passed"
    assert '"""web is pinned"""' in text and "web = cloud.guests['web']" in text
    assert 'assert web.status == "ACTIVE"' in text and "assert web.server.ram_mib ==" in text
    assert "another run gives another value" in repr(saved)
    # The scripted cloud has no logs to follow: without the recorder it runs.
    saved = save(memory, "again", keep="not 4", folder=tmp_path)
    assert "thrown" not in saved.path.read_text()
    assert saved.outcome == "passed", saved
    assert (saved.refused, saved.cannot_fail) == (3, [])


def test_an_assertion_that_cannot_fail_is_said(play, tmp_path):
    memory = play("version = '1'", "version", "web = cloud.guest('web')", "web.status")
    saved = save(memory, "x", keep="1,2", folder=tmp_path)
    assert saved.refused == 1
    assert ["nothing in it comes from the cloud" in one for one in saved.cannot_fail] == [True]


def test_a_test_is_red_where_the_cloud_is_broken(play, tmp_path, fake):
    memory = play("web = cloud.guest('web')", "web.status")
    saved = save(memory, "x", keep="1", folder=tmp_path)
    assert saved.outcome == "passed"
    fake("empty")
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", str(saved.path)], capture_output=True, text=True)
    assert ran.returncode == 1 and "NotFound" in ran.stdout


def test_unittests_form_of_2015(play, tmp_path):
    memory = play("web = cloud.guest('web')", "web.status", "'big' in web.name")
    saved = save(memory, "web_is_active", form="unittest", keep="all", folder=tmp_path, run=False)
    text = saved.path.read_text()
    assert "class WebIsActive(base.NovaTest):" in text and "@declare" in text
    assert 'config_file = "test_web_is_active.yml"' in text
    assert "self.assertEqual(web.status, 'ACTIVE')" in text
    assert (tmp_path / "configs/test_web_is_active.yml").read_text().endswith("needs: {}\n")




def remembered(lines: "list[tuple[str, dict[str, str], list[tuple[str | None, str, str]], list[object]]]") -> Memory:
    from smog.session.facts import facts_of
    from smog.session.memory import Look, Statement, Thing
    from smog.session.facts import facts

    memory = Memory({"boot": 1, "cloud": 1, "guests": 1, "hosts": 1, "FlavorSpec": 1, "smog": smog})
    for number, (text, kinds, things, values) in enumerate(lines, 1):
        one = Statement(number, text, 0.0, kinds=kinds)
        one.things = [Thing(variable, kind, name, f"id-of-{name}") for variable, kind, name in things]
        one.looks = [Look(place, None, "", facts_of(text, facts(value), set())) for place, value in enumerate(values)]
        memory.statements.append(one)
    return memory


def test_what_was_made_gets_names_of_its_own_and_is_cleaned(tmp_path):
    cloud = {"cloud": "Cloud", "web": "Guest", "db": "Guest"}
    memory = remembered(
        [
            ("flavor = cloud.create_flavor('small', ram_mib=64)", cloud, [("flavor", "Flavor", "small")], []),
            ("web = boot('web-1', flavor='small', host='cmp1')", cloud, [("web", "Guest", "web-1")], []),
            ("web.host.name", cloud, [], ["cmp1"]),
            ("with cloud.boot('db', flavor=FlavorSpec('db').pinned()) as db:\n    db.status\n", cloud, [("db", "Guest", "db-1")], ["ACTIVE"]),
            ("web.live_migrate()", cloud, [], []),
            ("web.host.name", cloud, [], ["cmp2"]),
            ("guests['web-1'].status", cloud, [], ["ACTIVE"]),
            ("cloud.boot('last', image='id-of-web-1')", cloud, [(None, "Guest", "last")], []),
            ("cloud.guest('last').status", cloud, [], ["ACTIVE"]),
            ("watcher = cloud.monitor()", cloud, [], []),
            ("print(hosts.names())", cloud, [], []),
        ]
    )
    # Whether a value is a host's name is known from the cloud; here it is said.
    from smog.session.rewrite import body_of

    body = body_of(memory.statements, memory, {"cmp1", "cmp2"})
    assert body.text({one.number for one in body.proposals}).split("\n") == [
        "flavor = made(cloud.create_flavor(unique('small'), ram_mib=64))",
        "web = boot(unique('web-1'), flavor=flavor.name, host='cmp1')",
        "web_host_before = web.host.name",
        "with boot(unique('db'), flavor=smog.FlavorSpec(unique('db')).pinned()) as db:",
        '    assert db.status == "ACTIVE"',
        "web.live_migrate()",
        "assert web.host.name != web_host_before",
        'assert cloud.guests[web.name].status == "ACTIVE"',
        "guest = boot(unique('last'), image=web.id)",
        'assert cloud.guest(guest.name).status == "ACTIVE"',
        "watcher = made(cloud.monitor())",
        "cloud.hosts.names()",
    ]


def test_needs_come_from_what_was_done():
    assert needs_of("web.live_migrate()") == {"hosts": 2, "admin": True}
    assert needs_of("boot(flavor=smog.FlavorSpec(vcpus=2).pinned().pages('large'))") == {
        "hosts": 1, "admin": True, "dedicated": 2, "pages": True,
    }  # fmt: skip
    assert needs_of("web.status") == {}


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["web = cloud.guest('web')"], {"name": "my test"}, "`my test` is not a name for a test"),
        (["web = cloud.guest('web')"], {"name": "class"}, "`class` is not a name"),
        (["web = cloud.guest('web')"], {"lines": "2-9"}, "there is no line 2; there are 1 to 1"),
        (["web = cloud.guest('web')"], {"lines": "x"}, "`x` is neither a line nor a range"),
        (["web = cloud.guest('web')"], {"lines": "3-1"}, "1 is before 3"),
        (["web = cloud.guest('web')"], {"keep": "7"}, "there is no assertion 7"),
        (["web = cloud.guest('web')"], {"keep": "some"}, "`some` is not a number"),
        (["web = cloud.guest('web')"], {"form": "junit"}, "form `junit`"),
        (["web = cloud.guest('web')"], {"folder": "/proc/x"}, "cannot be written"),
        (["cloud.image('ciros')"], {"lines": "1"}, "line 1 failed: smog.NotFound: no image called `ciros`"),
        (["x = cloud.image('ciros')", "f = lambda: x"], {"lines": "2"}, "line 1, which makes it, failed"),
        (["history()"], {}, "no line of this choice does anything"),
        ([], {}, "no line of this choice does anything"),
    ],
)
def test_bad_input_is_said_plainly(play, tmp_path, lines, options, said):
    memory = play(*lines)
    given = {"name": "x", "folder": tmp_path, "run": False, **options}
    with pytest.raises(smog.errors.ArgumentError) as refused:
        save(memory, given.pop("name"), given.pop("lines", None), **given)
    assert said in str(refused.value)
    assert list(tmp_path.glob("test_*")) == []


def test_a_name_that_is_taken(play, tmp_path):
    memory = play("web = cloud.guest('web')")
    save(memory, "x", folder=tmp_path, run=False)
    with pytest.raises(smog.errors.ArgumentError, match="there is a test"):
        save(memory, "x", folder=tmp_path, run=False)
    save(memory, "x", folder=tmp_path, run=False, replace=True)


def test_an_object_that_is_gone(play, tmp_path, fake):
    memory = play("web = cloud.guest('web')", "web.status")
    memory.statements[0].clouds.clear()
    memory.names["cloud"] = fake("empty")
    with pytest.raises(smog.errors.ArgumentError, match="line 1: the guest `web` is not in the cloud any more"):
        save(memory, "x", folder=tmp_path, run=False)


def test_history_of_another_cloud(play, tmp_path, fake):
    memory = play("web = cloud.guest('web')")
    memory.names["cloud"] = fake()
    with pytest.raises(smog.errors.ArgumentError, match="these lines spoke to the cloud .* and `cloud` is now"):
        save(memory, "x", folder=tmp_path, run=False)


def test_what_a_line_needs_is_included(play, tmp_path):
    memory = play("web = cloud.guest('web')", "1", "web.status")
    saved = save(memory, "x", "3", folder=tmp_path, run=False, keep="all")
    assert "line 1 is included: line 3 uses `web`" in saved.notices
    assert 'assert web.status == "ACTIVE"' in saved.path.read_text()


def test_an_exception_that_must_happen(play, tmp_path):
    memory = play("cloud.image('ciros')")
    saved = save(memory, "x", folder=tmp_path, raises=True)
    assert "with pytest.raises(smog.NotFound):\n        cloud.image('ciros')" in saved.path.read_text()
    assert saved.outcome == "passed", saved


def test_a_person_is_asked_which_assertions_are_wanted(play, tmp_path):
    memory = play("web = cloud.guest('web')", "web.status", "web.server.ram_mib")
    said: list[str] = []
    answers = iter(["not 2-3", "It is there."])
    saved = save(memory, "x", folder=tmp_path, run=False, ask=lambda question: said.append(question) or next(answers), tell=said.append)
    assert 'line 2: web.status == "ACTIVE"' in "\n".join(said)
    assert saved.kept == ['web.status == "ACTIVE"'] and '"""It is there."""' in saved.path.read_text()


def test_ipython_remembers_cells_by_their_numbers(fake, tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config, user_ns={"cloud": fake()})
    shell.run_line_magic("load_ext", "smog.session")
    shell.run_cell("web = cloud.guest('web')\nweb.status", store_history=True)
    shell.run_cell("1 / 0", store_history=True)
    shell.run_cell(f"%smog_test web 1 --keep 1 --no-run --folder {tmp_path}", store_history=True)
    assert 'assert web.status == "ACTIVE"' in (tmp_path / "test_web.py").read_text()
    assert [one.error_type for one in session.history()][:2] == [None, "ZeroDivisionError"]
    _, found = shell.complete(line='cloud.guest("w', cursor_pos=14, text='cloud.guest("w')
    assert "web" in found


def test_completion_at_the_plain_prompt(play):
    from smog.session.complete import Completer, names_for

    memory = play()
    assert names_for('cloud.guest("we', memory.names) == ["web"]
    assert names_for("boot('x', flavor='", memory.names) == sorted(one.name for one in memory.names["cloud"].flavors())
    assert names_for("print('we", memory.names) == []
    completer = Completer(memory.names, lambda: "guests['we")
    assert [completer.complete("we", 0), completer.complete("we", 1)] == ["web", None]
    assert Completer(memory.names, lambda: "clou").complete("clou", 0) == "cloud"


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(self, *command: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            # As on a person's terminal, also where the tests run in the background of a script,
            # which begins programs with Ctrl-C ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(command[0], command)
        self.said = ""

    def until(self, word: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while word not in self.said:
            assert time.monotonic() < deadline, f"no {word!r} in {self.said!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.said += os.read(self.fd, 65536).decode(errors="replace")
        before, _, self.said = self.said.partition(word)
        return before

    def type(self, line: str) -> None:
        os.write(self.fd, line.encode() + b"\n")

    def end(self) -> int:
        os.write(self.fd, b"\x04")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_ctrl_c_leaves_the_prompt_usable(fake, tmp_path, monkeypatch):
    fake()
    prompt = Terminal(sys.executable, "-m", "smog.shell", "--plain")
    prompt.until(">>> ")
    begun = tmp_path / "begun"
    prompt.type(f"smog.Host.local().run('sh', '-c', 'touch {begun}; sleep 600')")
    deadline = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < deadline, "the command does not begin"
        time.sleep(0.05)
    os.write(prompt.fd, b"\x03")
    prompt.until("KeyboardInterrupt")
    prompt.until(">>> ")
    prompt.type("cloud.guest('web').status")
    prompt.until("'ACTIVE'")
    prompt.until(">>> ")
    prompt.type(f"save_test('typed', lines='2', folder={str(tmp_path)!r}, run=False)")
    prompt.until("Keep which?")
    prompt.type("1")
    prompt.until("What does it show?")
    prompt.type("web is active")
    prompt.until("1 assertion; not run")
    prompt.until(">>> ")
    assert prompt.end() == 0
    assert "assert cloud.guest('web').status ==" in (tmp_path / "test_typed.py").read_text()


def test_controls_know_what_cannot_fail(tmp_path):
    module: dict[str, object] = {}
    file = tmp_path / "case.py"
    file.write_text("def case(cloud):\n    x = 3\n    assert x == 3\n    assert cloud['a'] != 1\n    assert cloud['a'] in (2,)\n    assert cloud\n")
    exec(compile(file.read_text(), str(file), "exec"), module)
    report = tmp_path / "report"
    watched(module["case"], str(report))
    module["case"]({"a": 2})  # type: ignore[operator]
    import json

    tried = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(one["line"], one["holds"], one["refuses"], one["depends"]) for one in tried] == [
        (3, True, True, False), (4, True, True, True), (5, True, True, True), (6, True, False, True),
    ]  # fmt: skip
    with pytest.raises(AssertionError, match="it is 3"):
        module["case"]({"a": 3})  # type: ignore[operator]


def test_what_a_test_made_is_deleted_newest_first_whatever_fails():
    from smog.made import Made

    gone: list[str] = []

    class Thing:
        def __init__(self, name: str, error: "Exception | None" = None) -> None:
            self.name, self.error = name, error

        def delete(self) -> None:
            gone.append(self.name)
            if self.error:
                raise self.error

    made = Made(None)  # type: ignore[arg-type]
    made(Thing("a"))
    made(Thing("b", smog.NotFound("gone already")))
    made(Thing("c", smog.Fault("locked")))
    with pytest.raises(smog.Fault):
        made.clean()
    assert gone == ["c", "b", "a"]
    assert made.unique("web").startswith("smog-web-") and made.unique("a b/c") != made.unique("a b/c")
    assert pathlib.PurePath(made.unique("a/b")).name.startswith("smog-a-b-")
