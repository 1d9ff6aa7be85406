"""SWE-bench as it is: instances in the official format become tasks, answers become predictions, swebench grades them.

`read_instances` and `write_tasks` make tasks that models are asked as any other; `predictions_of` and
`write_predictions` turn a run into predictions in the official format, and a `Grader` has the package `swebench` grade
them. Grading stands beside a run's result: the kit's own scorer runs nothing of it.
"""

from harness.swebench.grading import Grade, GradeEnd, Grader, swebench_version
from harness.swebench.instances import Instance, InstanceFile, read_instances
from harness.swebench.predictions import FOLDER, PredictionSet, predictions_of, write_predictions
from harness.swebench.task_folder import ORIGIN, SUITE, row_of, task_name_of, write_tasks

__all__ = [
    "FOLDER",
    "ORIGIN",
    "SUITE",
    "Grade",
    "GradeEnd",
    "Grader",
    "Instance",
    "InstanceFile",
    "PredictionSet",
    "predictions_of",
    "read_instances",
    "row_of",
    "swebench_version",
    "task_name_of",
    "write_predictions",
    "write_tasks",
]
