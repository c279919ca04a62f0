"""One tree, rooted at SmogError, with the way out in it."""

import ast
import inspect
import re

import pytest

import smog
from smog import errors


def test_all_are_of_one_root():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]
    assert len(kinds) > 20
    for kind in kinds:
        assert issubclass(kind, smog.SmogError), kind
        assert kind.__doc__, kind


def test_builtin_cousins():
    assert issubclass(smog.NotFound, LookupError)
    assert issubclass(smog.Timeout, TimeoutError)
    assert issubclass(smog.Unreachable, ConnectionError)
    assert issubclass(smog.ArgumentError, ValueError)


def test_a_hint_is_a_note(python):
    ran = python("import smog; smog.FlavorSpec(vcpus=3).numa_nodes(2).extra_specs()")
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()
    assert last[-2].startswith("smog.errors.ArgumentError: ")
    assert last[-1].startswith("hint: ")


@pytest.mark.usefixtures("no_cloud")
def test_no_cloud_is_said_with_the_way_out():
    with pytest.raises(smog.SmogError) as refused:
        smog.connect()
    assert refused.value.hint
    assert refused.value.exit_code == smog.ExitCode.COULD_NOT_RUN


@pytest.mark.usefixtures("no_cloud")
def test_nobody_answers():
    with pytest.raises(smog.Unreachable) as refused:
        smog.connect(auth_url="http://127.0.0.1:9/v3", username="a", password="secret", project_name="b")
    assert refused.value.temporary
    assert "secret" not in f"{refused.value!r} {refused.value.hint}"


def test_a_command_that_fails():
    with pytest.raises(smog.CommandException) as failed:
        smog.Host.local().run("sh", "-c", "echo no >&2; exit 3")
    assert (failed.value.exit, failed.value.stderr.strip()) == ("exit code 3", "no")
    assert failed.value.host == "local"


def test_a_hint_is_in_terms_of_python():
    with pytest.raises(smog.ArgumentError) as refused:
        smog.FlavorSpec(vcpus=3).numa_nodes(2).extra_specs()
    assert "`FlavorSpec().extra('KEY', 'VALUE')`" in refused.value.hint
    assert "`smog " not in refused.value.hint


#: What the names of the prompts in the table of hints are.
_PROMPT = {
    "cloud": smog.Cloud,
    "cloud.guest": smog.Guest,
    "guest": smog.Guest,
    "cloud.flavor": smog.Flavor,
    "cloud.host": smog.Host,
    "cloud.environment": smog.Environment,
}
#: What takes the keywords that stand alone.
_TAKERS = [smog.connect, smog.Cloud.boot, smog.Cloud.environment, smog.Cloud.watch, smog.run_cases]


def _class_of(node):
    """The class that an expression of a hint is of."""
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ast.unparse(node)
    return _PROMPT[re.sub(r"\(.*\)$", "", name)]


def _missing(code):
    """What a Python form names and there is not."""
    tree = ast.parse(f"f({code})" if re.match(r"[a-z_]+=", code) else code).body[0].value
    if isinstance(tree.func, ast.Name) and tree.func.id == "f":
        takes = {name for taker in _TAKERS for name in inspect.signature(taker).parameters}
        return [word.arg for word in tree.keywords if word.arg not in takes]
    missing = []
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        if not isinstance(call.func, ast.Attribute):
            missing += [] if hasattr(smog, call.func.id) else [call.func.id]
            continue
        owner = ast.unparse(call.func.value)
        of = smog if owner == "smog" else smog.FlavorSpec if owner == "FlavorSpec()" else _class_of(call.func.value)
        method = getattr(of, call.func.attr, None)
        if method is None:
            missing.append(f"{owner}.{call.func.attr}")
            continue
        takes = inspect.signature(method).parameters
        missing += [word.arg for word in call.keywords if word.arg not in takes]
    return missing


def test_a_hint_names_what_there_is():
    hints = smog._smog._hints()
    assert len(hints) > 30
    for command, code in hints:
        if code.startswith("smog "):
            # There is no Python for it, and it is typed in a shell.
            assert code == command
        elif code != "rc=":
            assert _missing(code) == [], code
    assert _missing("cloud.guest('a').fly()") == ["cloud.guest('a').fly"]
    assert _missing("cloud.guest('a').reboot(very=True)") == ["very"]
    assert _missing("timeout_of=3") == ["timeout_of"]
