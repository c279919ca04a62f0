"""A test class with a YAML file of its own, on the lab: what the file asks of hosts is checked."""

import pathlib
import unittest

import pytest

import smog
from smog.tests import base


def test_class(folder: pathlib.Path, text: str) -> type[base.NovaTest]:
    (folder / "configs").mkdir()
    (folder / "configs" / "own.yml").write_text(text)

    class Own(base.NovaTest):
        config_file = "own.yml"
        config_dir = str(folder / "own.py")

    return Own


test_class.__test__ = False  # type: ignore[attr-defined]


def of_cmp1(lab: smog.Cloud, option: str) -> str | None:
    return smog.OsloConfig(lab.host("cmp1").read("/etc/nova/nova.conf")).get("DEFAULT", option)


def hosts(lab: smog.Cloud, address: str | None = None) -> str:
    """The `hosts:` of a suite's file, with another address for cmp1 perhaps."""
    lines = [line for line in lab.hosts() if line.name == "cmp1"]
    return f"hosts: {{computes: [{{name: cmp1, host: {address or lines[0].address}}}]}}\n"


def test_hosts_that_are_not_ready_skip_the_class(lab: smog.Cloud, tmp_path: pathlib.Path):
    own = test_class(tmp_path, hosts(lab) + "nova: {options: {DEFAULT.shutdown_timeout: 9}}\nmy_own: {section: 1}\n")
    with pytest.raises(unittest.SkipTest, match=r"cmp1: /etc/nova/nova.conf(.|\n)*smog prepare --suite .*own.yml"):
        own.setUpClass()
    assert own.config["my_own"] == {"section": 1}
    assert of_cmp1(lab, "shutdown_timeout") != "9"


def test_hosts_are_prepared_when_asked_and_restored(lab: smog.Cloud, tmp_path: pathlib.Path):
    before = lab.host("cmp1").read("/etc/nova/nova.conf")
    own = test_class(tmp_path, hosts(lab) + "nova: {options: {DEFAULT.shutdown_timeout: 9}}\n")
    own.prepare = True
    own.setUpClass()
    try:
        assert of_cmp1(lab, "shutdown_timeout") == "9"
    finally:
        own.doClassCleanups()
    assert lab.host("cmp1").read("/etc/nova/nova.conf") == before


def test_the_file_s_own_hosts_are_asked(lab: smog.Cloud, tmp_path: pathlib.Path):
    own = test_class(tmp_path, hosts(lab, "127.0.0.9") + "nova: {options: {DEFAULT.shutdown_timeout: 9}}\n")
    with pytest.raises(smog.SmogError, match="127.0.0.9|cmp1"):
        own.setUpClass()
