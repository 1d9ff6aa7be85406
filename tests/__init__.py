"""The tests: a package, so that one may import another one's helpers under `tests.`."""
