"""Where the limit of a verdict comes from: a standard (verified or not), the site file, or set by the method itself."""

from __future__ import annotations

from telltale.findings import Finding, Reason

SITE_FILE = "as the site file states it"


def limit_from(finding: Finding) -> str:
    """`EN 1990:2002/A1:2005, A2.4.3.2(1): comfort (as the site file states it)`; empty where none is named.

    Limits of standards that the service applies itself say whether they were verified (`models.standards.cite`); for
    what a site file cites, whoever wrote it answers.
    """
    if not finding.limit_source:
        return ""
    if finding.reason is Reason.LIMIT:
        return f"{finding.limit_source} ({SITE_FILE})"
    return finding.limit_source
