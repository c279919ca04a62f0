"""The suite `machine` as `unittest` classes; `smog test --list --long machine` has the documents.

>>> python -m unittest smog.tests.machine
"""

from . import cases

globals().update(cases.classes("machine", __name__))
