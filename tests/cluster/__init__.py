"""Scoring on a Dask cluster of real processes; `nox -s tests_cluster` runs these."""
