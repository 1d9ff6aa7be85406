"""A repository's own tests, run by id inside a container: `runs` starts them, `pytest_script` is what runs there."""
