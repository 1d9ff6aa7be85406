"""A static site of many results: `build_site` makes it from a collection.

The data is one Parquet file, and each page is made of it. A build writes only files whose content changes.
"""

from harness.site.build import SiteReport, SiteRequest, build_site
from harness.site.folder import SiteFolder

__all__ = ["SiteFolder", "SiteReport", "SiteRequest", "build_site"]
