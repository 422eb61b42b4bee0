"""Template variables, asked of the store so that a new structure or gateway appears by itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

from .influxql import check, datasource


def _variable(name: str, label: str, query: str, *, many: bool) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(datasource())
        .query(query)
        .definition(query)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(many)
        .include_all(many)
        .allow_custom_value(False)
    )


def facility(*, many: bool = True) -> QueryVariable:
    """Facilities that have ever reported."""
    return _variable("facility", "Facility", 'SHOW TAG VALUES WITH KEY = "facility"', many=many)


def structure(*, many: bool = True) -> QueryVariable:
    """Structures of the chosen facilities."""
    query = 'SHOW TAG VALUES WITH KEY = "structure" WHERE "facility" =~ /^${facility:regex}$/'
    return _variable("structure", "Structure", query, many=many)


def channel() -> QueryVariable:
    """Channels of the chosen structure, one at a time."""
    query = 'SHOW TAG VALUES WITH KEY = "channel" WHERE "structure" =~ /^${structure:regex}$/'
    return _variable("channel", "Channel", query, many=False)


def beside() -> QueryVariable:
    """A scalar channel of the same structure to draw beside a reading, as a rule its thermometer."""
    query = check('SHOW TAG VALUES FROM "reading" WITH KEY = "channel" WHERE "structure" =~ /^${structure:regex}$/')
    return _variable("beside", "Temperature channel beside", query, many=False)


def gateway() -> QueryVariable:
    """Gateways that have ever reported."""
    return _variable("gateway", "Gateway", check('SHOW TAG VALUES FROM "gateway" WITH KEY = "gateway"'), many=True)
