"""Bugs that packages really had, as tasks: each comes back into the release that fixed it by a small patch.

`load_instances` reads the declarations (instances/, one TOML file each), which hold no code of a package; `import_bugs`
fetches the source archives, proves each bug on this machine, and writes the tasks of each that holds: the bug, and its
twin, a bug of our own in the same package, which nobody can remember, in each of FORMS: the model gets the files that
matter, or finds them with tools or as an agent. What does not hold is left out and listed.
"""

from harness.real_bugs.forms import AGENT_SUITE, FORMS, SUITE
from harness.real_bugs.import_bugs import BugReport, import_bugs
from harness.real_bugs.instances import BugInstance, load_instances
from harness.real_bugs.task_folder import ORIGIN

__all__ = ["AGENT_SUITE", "FORMS", "ORIGIN", "SUITE", "BugInstance", "BugReport", "import_bugs", "load_instances"]
