"""Where trials are scored: on threads of this process, or on the workers of a Dask cluster.

`ThreadScorer` scores in one sandbox on several threads, `open_cluster` gives a `ClusterScorer`; both are the
`TrialScorer` of harness.types, and `score_trial` is what either does with one trial. Nothing of Dask is imported until
a cluster is opened.
"""

from harness.cluster.connect import open_cluster
from harness.cluster.threads import ThreadScorer
from harness.cluster.trial import score_trial

__all__ = ["ThreadScorer", "open_cluster", "score_trial"]
