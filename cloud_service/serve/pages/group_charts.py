"""The charts of a group of like sensors, on the page of each of them: how far it is from its normal, and who parts."""

from __future__ import annotations

from collections.abc import Iterator

from cloud_service.serve.pages.chart import Chart, Maker, history_url
from telltale.site import Group, Structure

NAMES = {"t": "T", "q": "Q", "single": "single sensor"}


def group_charts(make: Maker, structure: Structure) -> Iterator[Chart]:
    """Of every group that the channel belongs to."""
    for group in structure.groups:
        if make.item.id in group.channels:
            yield _apart(make, structure, group)
            yield _statistics(make, group)


def _apart(make: Maker, structure: Structure, group: Group) -> Chart:
    """Each sensor less the mean of the group: what moves all of them alike is gone."""
    measurement, field = ("reading", "value") if group.quantity == "value" else ("window", group.quantity)
    names = {channel.id: channel.label for channel in structure.channels}
    sources = [
        {"label": names[channel], "url": history_url(channel, measurement, (field,), make.start)}
        for channel in group.channels
    ]
    unit = "Hz" if field.endswith("_hz") else make.unit
    about = "Each sensor less the mean of all: what moves them together is gone, the one that parts is seen."
    spec = {"kind": "apart", "sources": sources, "field": field, "unit": unit, "zone": make.zone}
    return Chart(f"Group {group.id}: each against the others", about, {**spec, "url": sources[0]["url"]})


def _statistics(make: Maker, group: Group) -> Chart:
    about = (
        "T: the group moves together, but further than it did. Q: one leaves what the others say of it. single: one"
        " sensor alone. 1 is the limit of each."
    )
    limit = [{"value": 1.0, "label": "limit", "level": "alarm"}]
    fields = ("t", "q", "single")
    title = f"Group {group.id}: difference from normal"
    url = history_url(
        group.channels[0], "group_novelty", fields, make.start
    )  # a group's rows stand at its first channel
    return make.series(title, about, "group_novelty", fields, unit="× limit", limits=limit, url=url, names=NAMES)
