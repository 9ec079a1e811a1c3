"""A small double of the library neuroworkflow, for tests: as much of its contract as nodes and workflows meet.

It is ours, written from the contract, and not the library. `tests/nodes/test_library.py` says what it does, and holds
the real one against it where that is importable.
"""
