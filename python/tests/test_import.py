"""Importing smog does nothing."""

import smog


def test_import_starts_no_thread_and_opens_no_file(python):
    code = """
import os
before = set(os.listdir("/proc/self/fd"))
import smog, smog.tests.numa, smog.nova, smog.virt
print(len(os.listdir("/proc/self/task")), len(set(os.listdir("/proc/self/fd")) - before))
"""
    ran = python(code)
    assert ran.stdout.split() == ["1", "0"], ran
    assert ran.stderr == ""


def test_import_of_smog_brings_little(python):
    ran = python("import sys; import smog; print([m for m in ('asyncio', 'unittest', 'xml', 'logging') if m in sys.modules])")
    assert ran.stdout.strip() == "[]", ran


def test_everything_exported_is_there_and_documented():
    for name in smog.__all__:
        thing = getattr(smog, name)
        if name != "__version__":
            assert thing.__doc__, name


def test_every_method_is_documented():
    for name in dir(smog._smog):
        kind = getattr(smog._smog, name)
        if isinstance(kind, type):
            bare = [one for one in vars(kind) if not one.startswith("_") and not getattr(kind, one).__doc__]
            assert not bare, f"{name}: {bare}"


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert smog.__version__ == version("smog") == smog.info()["smog"]


def test_every_case_is_a_test_method_with_its_document():
    import importlib
    import unittest

    for case in smog.cases():
        suite, group, method = case.name.split(".")
        # A new suite needs a module of a few lines: copy python/smog/tests/groups.py.
        kind = getattr(importlib.import_module(f"smog.tests.{suite}"), group)
        assert issubclass(kind, unittest.TestCase)
        assert getattr(kind, method).__doc__ == case.doc


def test_discovery_needs_one_line(python, tmp_path):
    (tmp_path / "test_smog.py").write_text("from smog.tests.numa import *\n")
    code = "import unittest; print(unittest.TestLoader().discover('.').countTestCases())"
    ran = python(code, cwd=tmp_path)
    assert int(ran.stdout) == len(smog.cases("numa")), ran
