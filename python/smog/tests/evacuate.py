"""The suite `evacuate` as `unittest` classes; `smog test --list --long evacuate` has the documents.

>>> python -m unittest smog.tests.evacuate
"""

from . import cases

globals().update(cases.classes("evacuate", __name__))
