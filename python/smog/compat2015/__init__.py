"""The names of 2015, for programs written then: `smog.nova`, `smog.core.commander` and the others
re-export what is here.

They only call the modern face: nothing here waits, polls or opens a connection of its own. What each
of them is today stands in docs/python-parity.md.
"""
