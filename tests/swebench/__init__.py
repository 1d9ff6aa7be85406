"""Grading with the package swebench, in its containers; `nox -s tests_swebench` runs these."""
