"""By when something is to be done about an incident."""

from __future__ import annotations

from cloud_service.wording.reasons import ACT_WITHIN_DAYS
from telltale.clock import NS_PER_DAY
from telltale.findings import Life, Tier


def act_by_ns(tier: Tier, life: Life | None, told_ns: int) -> int:
    """The date: so many days after it was told, or the early date of the life estimate where that comes before.

    Args:
        tier: how bad.
        life: of the channel; None, or a refusal: only the tier counts.
        told_ns: when it was found or mailed (the run's clock).
    """
    by_ns = told_ns + ACT_WITHIN_DAYS[tier] * NS_PER_DAY
    if life and life.p10_ns is not None and tier is not Tier.SUSPECT:
        by_ns = min(by_ns, max(life.p10_ns, told_ns + NS_PER_DAY))
    return by_ns
