"""One tree, rooted at SmogError, with the way out in it."""

import inspect

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


@pytest.mark.parametrize(
    ("of_the_command", "of_python"),
    [
        ("`smog discover` lists the guests", "`cloud.discover()` lists the guests"),
        ("`smog guest unlock web`, by an administrator", "`cloud.guest('web').unlock()`, by an administrator"),
        ("`smog guest reboot --hard web`", "`cloud.guest('web').reboot(hard=True)`"),
        ("`smog guest resize-confirm web`", "`cloud.guest('web').confirm_resize()`"),
        ("`smog delete 'my web'`", "`cloud.guest('my web').delete()`"),
        ("`smog migrate web`", "`cloud.guest('web').live_migrate()`"),
        ("`smog flavor delete 42` removes it", "`cloud.flavor('42').delete()` removes it"),
        ("`--timeout SECONDS`", "`timeout=SECONDS`"),
        ("with `--os-cloud NAME`", 'with `smog.connect("NAME")`'),
        ("`--rc` reads it", '`smog.connect(rc="RC")` reads it'),
        ("`--allow-unread`", "`allow_unread=True`"),
        # What only the command has stays as it is.
        ("`smog nested --file F`", "`smog nested --file F`"),
        ("did you mean `cirros`?", "did you mean `cirros`?"),
        ("`smog guest 'a`", "`smog guest 'a`"),
    ],
)
def test_a_hint_is_in_terms_of_python(of_the_command, of_python):
    assert smog.SmogError("x", hint=of_the_command).hint == of_python


def test_a_hint_names_methods_that_there_are():
    from smog import _hints

    for code in _hints._COMMANDS.values():
        name = code.removeprefix("cloud.").split("(")[0]
        assert hasattr(smog.Cloud, name), code
    for code in _hints._GUEST.values():
        name = code.split("(")[0]
        assert hasattr(smog.Guest, name), code
