"""The frame that all dashboards share and the links between them."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

TAG = "telltale"
CHANNEL_LINK = (
    "/d/telltale-channel?var-facility=${__data.fields.facility}&var-structure=${__data.fields.structure}"
    "&var-channel=${__data.fields.channel}&${__url_time_range}"
)


def frame(title: str, uid: str, since: str) -> Dashboard:
    """An empty dashboard with the house's settings; read-only, since it is provisioned from files."""
    return (
        Dashboard(title)
        .uid(uid)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time(since, "now")
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            DashboardLink("Telltale dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
            .include_vars(True)
        )
    )
