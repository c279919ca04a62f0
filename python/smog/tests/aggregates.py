"""The suite `aggregates` as `unittest` classes; `smog test --list --long aggregates` has the documents.

>>> python -m unittest smog.tests.aggregates
"""

from . import cases

globals().update(cases.classes("aggregates", __name__))
