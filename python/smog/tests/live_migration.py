"""The suite `live_migration` as `unittest` classes; `smog test --list --long live_migration` has the documents.

>>> python -m unittest smog.tests.live_migration
"""

from . import cases

globals().update(cases.classes("live_migration", __name__))
