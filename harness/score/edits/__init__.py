"""Edits in answers: `formats` reads them, `apply` applies them to a task's files."""
