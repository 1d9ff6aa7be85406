"""Standard sets: published problems with test code, written as tasks into a folder of the user's own.

`read_source` and `import_set` are the entry points; `SETS` (standard_sets.py) has one declaration for each set. Nothing
of a set ships with the kit, nothing of its package is imported, and its code runs in containers only. A problem becomes
a task once its own reference passes and wrong answers do not.
"""

from harness.sets.import_set import ImportReport, import_set
from harness.sets.source import SetSource, read_source
from harness.sets.standard_sets import SETS, StandardSet

__all__ = ["SETS", "ImportReport", "SetSource", "StandardSet", "import_set", "read_source"]
