"""A static site of many results: `build_site` makes it from a collection, `place_result` says where a result stands.

The data is one Parquet file, and each page is made of it. A build writes only files whose content changes.
"""

from harness.site.build import SiteReport, SiteRequest, build_site
from harness.site.folder import SiteFolder
from harness.site.standing import place_result

__all__ = ["SiteFolder", "SiteReport", "SiteRequest", "build_site", "place_result"]
