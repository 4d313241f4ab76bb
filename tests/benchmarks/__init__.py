"""How fast the clients are, and what they need: run ``python -m tests.benchmarks`` from the project's root.

``rows`` says what is measured, ``clients`` with what, ``peers`` against what.  ``running`` runs each row for each
client in turn, in a process of its own that runs one of the ``programs``; ``results`` makes medians and ratios of that,
and ``table`` prints them.
"""
