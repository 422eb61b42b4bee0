"""Where the limit of a verdict comes from: a standard (verified or not), the site file, or set by the method itself."""

from __future__ import annotations

from models.standards import cite
from models.vibration_limits import GUIDE_CURVES
from telltale.channel_details import VelocityGuide
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


def guide_words(guide: VelocityGuide) -> str:
    """Which line of which table a building is judged by."""
    curve = GUIDE_CURVES[guide.guide]
    return (
        f"{cite(curve.standard, curve.clause)}: {curve.building}, {curve.position}; warning at {guide.warn_share:.0%}"
    )
