"""Many results beside each other: `build_site` makes a static site of a collection, `merged_report` one report of runs.

`place_result` says where a result stands among others.

The data is one Parquet file, and each page is made of it. A build writes only files whose content changes.
"""

from harness.site.build import SiteReport, SiteRequest, build_site
from harness.site.folder import SiteFolder
from harness.site.merged import TITLE, merged_page, merged_report
from harness.site.standing import place_result

__all__ = [
    "TITLE",
    "SiteFolder",
    "SiteReport",
    "SiteRequest",
    "build_site",
    "merged_page",
    "merged_report",
    "place_result",
]
