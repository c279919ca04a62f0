"""The original's names, where no cloud is needed."""

import itertools
import pathlib
import time

import pytest

import smog
import smog.nova
from smog.core import commander, functional, logger, watcher
from smog.core.xml import helper
from smog.neutron import NIC
from smog.tests import base, numa


def test_a_command():
    command = commander.Command("echo hi")
    result = command()
    assert (result.output, result.returncode, bool(result)) == ("hi\n", 0, True)
    assert result == 0
    with pytest.raises(smog.CommandException):
        command("false")
    assert len(command.fails) == 1
    assert commander.Command("false")(throws=False) == 1


def test_a_command_in_the_background():
    result = commander.Command("sleep 0.3")(block=False)
    assert not result and result.returncode is None
    assert result.wait(5).returncode == 0
    forever = commander.Command("sleep 60")(block=False)
    time.sleep(0.2)
    begun = time.monotonic()
    forever.kill()
    assert time.monotonic() - begun < 1


LINE = "2026-11-24 10:30:00.123 7 ERROR nova.x [-] bad: ValueError: {}\n"


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_a_watcher_ends_at_the_first_exception(tmp_path: pathlib.Path):
    log, copy = tmp_path / "nova-x.log", tmp_path / "copy.log"
    log.write_text(LINE.format("before"))
    with open(copy, "w") as out:
        seen = watcher.make_watcher(f"tail -f {tmp_path}/nova-*", watcher.ExceptionHandler, log=out)
        assert seen.poll()
        with open(log, "a") as more:
            more.write("2026-11-24 10:30:00.000 7 INFO nova.x [-] fine\n")
            more.write("2026-11-24 10:30:00.123 7 ERROR nova.x [-] bad\n")
            more.write("2026-11-24 10:30:00.123 7 ERROR nova.x Traceback (most recent call last):\n")
            more.write("2026-11-24 10:30:00.123 7 ERROR nova.x ValueError: the number\n")
        wait_for(lambda: not seen.poll())
        seen.close()
    assert seen.handler.result == {"ValueError": ["the number"]}
    assert "the number" in copy.read_text() and "before" not in copy.read_text()


def test_a_handler_of_ones_own_gets_lines(tmp_path: pathlib.Path):
    log = tmp_path / "x.log"
    log.write_text("")

    class Looks(watcher.Handler):
        def __call__(self, line: str) -> bool:
            if "wanted" in line:
                self.result = line
                return False
            return True

    with watcher.make_watcher(f"tail -f {log}", Looks) as seen:
        with open(log, "a") as more:
            more.write("other\nthe wanted one\n")
        wait_for(lambda: not seen.poll())
    assert seen.handler.result == "the wanted one"
    with pytest.raises(smog.ReadOnlyException):
        seen.handler.result = "again"


def test_what_a_handler_raises_is_raised_at_the_close(tmp_path: pathlib.Path):
    log = tmp_path / "x.log"
    log.write_text("")

    def broken(record: smog.Record) -> None:
        raise ZeroDivisionError("in the handler")

    seen = smog.Host.local().monitor(f"tail -f {log}", broken)
    with open(log, "a") as more:
        more.write("a line\n")
    wait_for(lambda: not seen.is_running)
    with pytest.raises(ZeroDivisionError, match="in the handler"):
        seen.close()


def test_an_exception_handler_of_lines():
    handler = watcher.ExceptionHandler(count=2)
    assert handler("2026-11-24 10:30:00.123 7 INFO nova.x [-] fine")
    assert handler.result == {}


def test_logger(capsys: pytest.CaptureFixture[str]):
    logger.glob_logger.info("said")
    logger.glob_logger.debug("not said")
    out = capsys.readouterr().out
    assert out.rstrip().endswith("smog INFO: said") and "not said" not in out
    assert logger.make_timestamped_filename("a").startswith("a-20")


def test_small_things():
    assert list(itertools.islice(functional.powers_two(), 4)) == [1, 2, 4, 8]
    assert next(functional.bytes_iter()) == 1024
    root = numa.make_root("<domain><cpu mode='host-model'/></domain>")
    child = helper.get_xml_children(root, ["cpu"])
    assert child is not None and child["attrib"] == {"mode": "host-model"}
    assert NIC(net_id="n", v4="10.0.0.7").to_dict()["v4-fixed-ip"] == "10.0.0.7"
    assert numa.determine_fit({0: {"free": 1000}, "number": 1}, "free") == {0: {"free": 512.0}}
    assert numa.determine_fit({0: {"free": 1024}, "number": 1}, "free", "larger") == {0: {"free": 2048.0}}
    nodes = {0: {"free": 1, "cpus": [0, 1]}, "number": 1}
    numa.determine_fit(nodes, "free")
    assert "number" in nodes and numa.get_cpus_from_node(nodes, 0) == 2


def test_what_is_gone_says_what_is_there_instead():
    from smog import utils, virt

    for module, name, instead in ((virt, "set_host_passthrough", "smog nested"), (utils, "upgrade", "long done")):
        with pytest.raises(AttributeError, match=instead):
            getattr(module, name)
    with pytest.raises(AttributeError, match="has no attribute"):
        smog.nova_x  # noqa: B018


def test_a_list_of_several_does_not_answer_for_one():
    empty = base.Discovered()
    with pytest.raises(smog.ArgumentError, match="0 guests here; pick one"):
        empty.host  # noqa: B018
    assert not hasattr(empty, "no_such_attribute")


def test_a_stack_is_only_read():
    stack = base.BaseStack()
    with pytest.raises(smog.ReadOnlyException):
        stack.nova = None
    assert repr(stack) == "<BaseStack: not logged in yet>"


def test_injector_and_info():
    @base.injector({"config_file": "x.yml"})
    class One(base.BaseTest):
        pass

    assert One.config_file == "x.yml"
    with pytest.raises(smog.errors.InvalidInjectorError):
        base.injector({"configfile": "x"})(One)
    assert base.Info(master="m", more=1).more == 1


def test_the_yaml_of_a_test_class(tmp_path: pathlib.Path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "numa_lp_config.yml").write_text("cirros: {name: small}\n")

    class NUMALargePage(base.NovaTest):
        config_file = "numa_lp_config.yml"
        config_dir = str(tmp_path / "test_x.py")

    NUMALargePage.setUpClass()
    assert NUMALargePage.config == {"cirros": {"name": "small"}}


@pytest.mark.parametrize(
    ("statement", "instead"),
    [
        ("from smog.utils.nested_virt.nested import Compute, _setup_nested_support", "smog nested"),
        ("from smog.utils import pci", "smog host show"),
        ("import smog.utils.pci.pci_passthrough", "smog prepare --vfs"),
        ("from smog.utils.pkgmgr import yum", "installs nothing"),
        ("import smog.utils.conf_gen", "smog config init"),
        ("from smog.utils.live_migration.live_migration import ConfigureNFS", "smog prepare"),
        ("import smog.utils.upgrade", "long done"),
        ("from smog.types.hy_types import MetaData", "plain Python"),
        ("import smog.tests.misc", "smog.tests.sanity"),
    ],
)
def test_an_import_of_a_module_that_is_gone_says_where_it_went(statement: str, instead: str):
    with pytest.raises(ImportError, match=instead):
        exec(statement, {})


def test_other_modules_that_are_not_there_are_no_different():
    with pytest.raises(ModuleNotFoundError, match="No module named 'smog.utils.nothing'"):
        exec("import smog.utils.nothing", {})


def test_the_names_of_2015_lie_in_one_package_and_wait_for_nothing_themselves():
    import smog.compat2015.core.watcher
    import smog.compat2015.nova

    assert smog.nova.poll_status is smog.compat2015.nova.poll_status
    assert watcher.make_watcher is smog.compat2015.core.watcher.make_watcher
    folder = pathlib.Path(smog.__file__).parent / "compat2015"
    sleeping = [path.name for path in folder.rglob("*.py") if "sleep(" in path.read_text()]
    assert sleeping == []


def test_the_old_ways_to_wait_ask_the_modern_face(monkeypatch: pytest.MonkeyPatch):
    asked: list[object] = []

    class Gone:
        name, status = "web", "ACTIVE"

        def wait_for(self, status: str, *, timeout: float) -> None:
            asked.append((status, timeout))

    assert smog.nova.poll_status(Gone(), "deleted", timeout="7")  # type: ignore[arg-type]

    class Machine:
        @staticmethod
        def at(host: str) -> "Machine":
            return Machine()

        def reboot(self, *, timeout: float) -> None:
            asked.append(("reboot", timeout))

        def wait_until_up(self, *, timeout: float) -> None:
            asked.append(("up", timeout))

    from smog import virt
    from smog.compat2015 import virt as real

    monkeypatch.setattr(real, "Host", Machine)
    virt.rebooter("l1", timeout="9")
    virt.pinger("l1")
    assert asked == [("DELETED", 7.0), ("reboot", 9.0), ("up", 300.0)]


def test_numbers_may_be_text():
    from smog._numbers import seconds, whole

    assert (whole("ram", "128"), whole("ram", 128), whole("ram", 128.0), seconds("timeout", "2.5")) == (128, 128, 128, 2.5)
    for wrong in ("many", "", "1.5", 1.5, None, float("inf")):
        with pytest.raises(smog.ArgumentError, match="ram .*not a whole number"):
            whole("ram", wrong)  # type: ignore[arg-type]
    for wrong in ("soon", -1, float("nan")):
        with pytest.raises(smog.ArgumentError, match="not a number of seconds"):
            seconds("timeout", wrong)
    assert numa.determine_fit({0: {"free": 1000}, "number": 1}, "free", factor="2") == {0: {"free": 512.0}}


def test_a_flavor_of_text_is_one_of_numbers():
    class Cloud:
        def create_flavor(self, name: str, **sizes: object) -> dict[str, object]:
            return sizes

    stack = base.BaseStack(cloud=Cloud())  # type: ignore[arg-type]
    made = stack.create_flavor("f", ram="128", vcpus="1", disksize="1", specs={"hw:numa_nodes": 1})
    assert made == {"ram_mib": 128, "vcpus": 1, "disk_gib": 1, "extra_specs": {"hw:numa_nodes": "1"}}
    assert smog.nova.create_flavor(Cloud(), "f", "128", "2", "0") == {"ram_mib": 128, "vcpus": 2, "disk_gib": 0}


def test_the_introduction_s_other_spelling_is_found_by_name_only():
    import unittest

    suite = unittest.defaultTestLoader.loadTestsFromName("smog.tests.numa.NUMALargePage.test_large_page")
    (case,) = suite
    assert case._testMethodName == "test_large_page" and "pages" in (case.shortDescription() or "")
    names = unittest.defaultTestLoader.getTestCaseNames(numa.NUMALargePage)
    assert "test_large_pages" in names and "test_large_page" not in names
    with pytest.raises(AttributeError):
        numa.NUMALargePage.test_other  # noqa: B018
