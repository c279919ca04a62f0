"""The suite `placement` as `unittest` classes; `smog test --list --long placement` has the documents.

>>> python -m unittest smog.tests.placement
"""

from . import cases

globals().update(cases.classes("placement", __name__))
