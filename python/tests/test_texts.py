"""Configuration, YAML, logs and XML, read without asking anyone."""

import pathlib

import pytest

import smog
from smog.tests import base

CONF = """[DEFAULT]
# How long
shutdown_timeout = 5

[libvirt]
#virt_type = kvm
"""


def test_oslo_config_keeps_the_rest():
    conf = smog.OsloConfig(CONF)
    edited = conf.set("DEFAULT", "shutdown_timeout", "7")
    assert edited.text == CONF.replace("5", "7")
    assert edited.remove("DEFAULT", "shutdown_timeout").get("DEFAULT", "shutdown_timeout") is None
    assert conf.sections == ["DEFAULT", "libvirt"]
    with pytest.raises(smog.ConfigException):
        smog.OsloConfig("no section")


def test_set_cfg(tmp_path: pathlib.Path):
    file, backup = tmp_path / "nova.conf", tmp_path / "nova.conf.backup"
    file.write_text(CONF)
    (item,) = base.set_cfg("virt_type", "kvm", str(file), str(backup), section="libvirt")
    assert (item.section, item.key, item.val) == ("libvirt", "virt_type", "kvm")
    assert backup.read_text() == CONF
    assert "# How long" in file.read_text()
    with pytest.raises(smog.ConfigException):
        base.set_cfg("no_such", "x", str(file), not_found="fail")
    assert base.openstack_config(str(file), "DEFAULT", "shutdown_timeout") == "5"


def test_yaml_with_anchors(tmp_path: pathlib.Path):
    file = tmp_path / "x.yml"
    file.write_text("a: &a 10.8.0.59\nhosts:\n  one: {parent: *a, user: root}\nnumber: 256\n")
    assert smog.read_yaml(file) == {"a": "10.8.0.59", "hosts": {"one": {"parent": "10.8.0.59", "user": "root"}}, "number": 256}
    file.write_text("a: [")
    with pytest.raises(smog.ConfigException):
        smog.read_yaml(file)


LOG = """2026-11-24 10:30:00.123 7 ERROR nova.compute.manager [None req-1c8a7b0e-7d5c-4f5a-9f6b-0a1b2c3d4e5f - - - - -] it failed: Boom
2026-11-24 10:30:00.123 7 ERROR nova.compute.manager Traceback (most recent call last):
2026-11-24 10:30:00.123 7 ERROR nova.compute.manager   File "x.py", line 1, in f
2026-11-24 10:30:00.123 7 ERROR nova.compute.manager nova.exception.NoValidHost: No valid host was found.
2026-11-24 10:30:01.000 7 INFO nova.compute.manager [-] all well
"""


def test_records_are_whole():
    first, second = smog.records(LOG, host="cmp1", source="/var/log/nova/nova-compute.log")
    assert first.exception == "nova.exception.NoValidHost"
    assert first.exception_message == "No valid host was found."
    assert first.request_id == "req-1c8a7b0e-7d5c-4f5a-9f6b-0a1b2c3d4e5f"
    assert first.time is not None and first.time.year == 2026
    assert (second.level, second.message, second.exception) == ("INFO", "all well", None)
    assert repr(second) == "<Record cmp1 nova-compute.log INFO: all well>"


def test_a_domain():
    text = "<domain type='kvm' id='3'><name>i-1</name><uuid>u</uuid><memory unit='KiB'>65536</memory><vcpu>2</vcpu>"
    text += "<cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='3'/></cputune></domain>"
    domain = smog.Domain.parse(text)
    assert domain.vcpu_pins == {0: {2}, 1: {3}}
    assert domain.is_pinned
    assert domain.xml() == text
    assert repr(domain) == "<Domain i-1 kvm, 2 vCPU pinned to 2-3, 64 MiB>"
    with pytest.raises(smog.ParseError):
        smog.Domain.parse("<domain")
