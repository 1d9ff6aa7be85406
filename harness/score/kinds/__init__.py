"""The scorer kinds, one module each. A module ends with its record `KIND`; harness/score/__init__.py has the table."""
