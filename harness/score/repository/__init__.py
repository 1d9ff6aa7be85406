"""A repository's own tests by id, and calls of its functions, inside containers: `run_repository` in execution.py.

`runs` starts the tests and reads how each ended. pytest_script.py and node_script.cjs run there, beside the repository;
the kit imports neither. `runners` says which runner takes which script.
"""
