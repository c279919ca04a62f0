"""The suite `pci` as `unittest` classes; `smog test --list --long pci` has the documents.

>>> python -m unittest smog.tests.pci
"""

from . import cases

globals().update(cases.classes("pci", __name__))
