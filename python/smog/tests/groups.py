"""The suite `groups` as `unittest` classes; `smog test --list --long groups` has the documents.

>>> python -m unittest smog.tests.groups
"""

from . import cases

globals().update(cases.classes("groups", __name__))
