"""Run by Python at the start of each process that a campaign with a mutant starts; nobody else has this on the path."""

import importlib
import os

if name := os.environ.get("TELLTALE_CHAOS_MUTANT", ""):
    importlib.import_module(f"chaos.mutants.{name}").apply()
