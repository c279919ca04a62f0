"""The suite `devices` as `unittest` classes; `smog test --list --long devices` has the documents.

>>> python -m unittest smog.tests.devices
"""

from . import cases

globals().update(cases.classes("devices", __name__))
