"""Which charts a channel's page shows. The script on the page reads the data from the API and draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from cloud_service.baseline_record import BaselineEvent
from cloud_service.serve.pages.chart import Chart, Maker, limit_lines
from cloud_service.serve.pages.group_charts import group_charts
from cloud_service.serve.pages.trend import forecast_spec, trend_spec, trend_words
from cloud_service.serve.pages.waveform_charts import waveform_charts
from cloud_service.serve.status import ChannelStatus
from cloud_service.wording.acts import ACT_WORDS
from cloud_service.wording.dates import iso, zone_of
from telltale.clock import DAYS_PER_YEAR, NS_PER_DAY, NS_PER_YEAR

# A forecast is drawn where it needs no more than so many times the span of the past that is shown.
FORECAST_SPANS = 3
DAYS_BELOW_YEARS = 2  # a shorter life is drawn in days


def charts(status: ChannelStatus, now_ns: int, days: int, acts: Sequence[BaselineEvent] = ()) -> list[Chart]:
    """What to draw for this channel, the most telling first; `acts` are marked where they fall into the span."""
    found = _charts(status, now_ns, days)
    marks = [
        {"at": iso(act.effective_ns), "label": ACT_WORDS[act.act].partition(":")[0]}
        for act in acts
        if now_ns - days * NS_PER_DAY <= act.effective_ns <= now_ns
    ]
    for chart in found:
        chart.spec["marks"] = marks
    return found


def _charts(status: ChannelStatus, now_ns: int, days: int) -> list[Chart]:
    item = status.place.channel
    make = Maker(item, status.place.facility.timezone, iso(now_ns - days * NS_PER_DAY))
    own = waveform_charts(make) if item.is_waveform else _scalar_charts(make, status, now_ns, days)
    return [*group_charts(make, status.place.structure), *own, *_life_chart(make, status)]


def _scalar_charts(make: Maker, status: ChannelStatus, now_ns: int, days: int) -> Iterator[Chart]:
    about = "Every reading, or the mean of several with their range. Limits are dashed lines."
    yield make.series(make.quantity, about, "reading", ("value",), limits=limit_lines(make.item, ("value",)))
    if make.item.kind == "crack":
        yield _growth_chart(make, status, now_ns + FORECAST_SPANS * days * NS_PER_DAY)


def _growth_chart(make: Maker, status: ChannelStatus, until_ns: int) -> Chart:
    """Widths without temperature with their trend; the way to the limit too, where it fits beside the past."""
    about = "The same with the effect of temperature removed: what is left is the structure."
    drawn: dict[str, Any] = {"trend": trend_spec(status)}
    if status.life is not None and status.life.p90_ns is not None and status.life.p90_ns <= until_ns:
        drawn |= {"forecast": forecast_spec(status), "limits": limit_lines(make.item, ("value",))}
        about += " Shaded: the way to the limit, P10 to P90."
    chart = make.series("Without temperature", about, "trend", ("compensated",), **drawn)
    return replace(chart, said=trend_words(status, zone_of(make.zone)))


def _life_chart(make: Maker, status: ChannelStatus) -> Iterator[Chart]:
    """How the estimate has moved; nothing while there is none."""
    if status.life is None or status.life.refused is not None:
        return
    about = "What was left as it was estimated at each time. A sound estimate falls by a day a day and narrows."
    latest_ns = status.life.p90_ns or 0
    short = latest_ns - status.life.t_ns < DAYS_BELOW_YEARS * NS_PER_YEAR
    drawn: dict[str, Any] = {"unit": "days", "scale": DAYS_PER_YEAR} if short else {"unit": "years"}
    names = {f"p{percent}_years": f"P{percent}" for percent in (10, 50, 90)}
    yield make.series("Remaining life as estimated", about, "life", tuple(names), names=names, **drawn)
