"""The product with one promise broken on purpose: what a campaign must not let pass.

A mutant is a module with `apply()`, which changes classes inside a process of the product that a campaign started with
its name; the product itself has no hook for it. `hook/sitecustomize.py` is what Python runs first in those processes.
"""
