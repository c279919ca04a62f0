"""The pytest plugin, without a cloud."""

import pytest


def test_it_is_installed_and_asleep(pytester: pytest.Pytester):
    pytester.makepyfile("import os\ndef test_nothing():\n    assert len(os.listdir('/proc/self/task')) == 1")
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    ran.assert_outcomes(passed=1)


def test_without_a_cloud_tests_are_skipped_with_the_reason(pytester: pytest.Pytester, no_cloud):
    path = pytester.makepyfile("def test_it(guest): pass")
    ran = pytester.runpytest_subprocess(path, "-p", "no:cacheprovider", "-rs")
    ran.assert_outcomes(skipped=1)
    ran.stdout.fnmatch_lines(["*no cloud: *"])


def test_its_fixtures_are_listed(pytester: pytest.Pytester):
    ran = pytester.runpytest_subprocess("--fixtures")
    for name in ("cloud", "guest", "host", "environment"):
        ran.stdout.fnmatch_lines([f"{name} -- *", ], consecutive=False)
    ran.stdout.no_fnmatch_line("*no docstring available*")
