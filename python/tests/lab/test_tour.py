"""docs/python/tour.md is a doctest."""

import doctest
import pathlib

DOC = pathlib.Path(__file__).resolve().parents[3] / "docs/python/tour.md"


def test_the_tour(lab, gone):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    try:
        failed, tried = doctest.testfile(str(DOC), module_relative=False, optionflags=options)
    finally:
        for server in lab.servers(name="py-tour"):
            lab.guest(server.id).delete()
    assert tried > 15
    assert failed == 0
    gone("py-tour")
