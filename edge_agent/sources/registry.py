"""Which kinds of sources there are: the entry points of the group `telltale.sources`."""

from __future__ import annotations

from importlib.metadata import entry_points

from edge_agent.settings import SourceSettings
from telltale.errors import SettingsError
from telltale.source import ENTRY_POINT_GROUP, Source, SourceContext, SourceFactory


def open_source(source: SourceSettings, context: SourceContext) -> Source:
    """The source that a `[[source]]` table describes, opened.

    Raises:
        SettingsError: no such kind (lists those there are), or one that cannot be imported.
        UserError, RetryError: from the source's factory.
    """
    kinds = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if source.kind not in kinds:
        known = ", ".join(sorted(kinds))
        raise SettingsError(
            f"{context.where}: source {source.name!r}: unknown kind {source.kind!r}", f"expected one of {known}"
        )
    try:
        factory: SourceFactory = kinds[source.kind].load()
    except ImportError as error:
        raise SettingsError(
            f"{context.where}: source {source.name!r}: kind {source.kind!r} cannot be loaded ({error})",
            "install the package that provides it",
        ) from None
    return factory(source.settings, context)
