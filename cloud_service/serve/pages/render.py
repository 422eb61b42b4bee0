"""Templates → answers: the words, dates and numbers that every page uses."""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cloud_service.completeness.report import SPAN_DAYS
from cloud_service.incident_record import blamed
from cloud_service.serve.assets import asset_path
from cloud_service.serve.checks import CHECKS
from cloud_service.serve.completeness import SHOWN, percent_text, span_of, strip
from cloud_service.serve.service import service_of
from cloud_service.wording import dates, numbers
from cloud_service.wording.acts import ACT_WORDS
from cloud_service.wording.badness import badness
from cloud_service.wording.certainty import certainty
from cloud_service.wording.evidence import facts
from cloud_service.wording.lives import life_words, quantiles
from cloud_service.wording.reasons import TIER_WORDS, WORDS
from cloud_service.wording.sources import guide_words, limit_from
from telltale import __version__
from telltale.detail_categories import DETAILS
from telltale.findings import Tier
from telltale.kinds import KINDS
from telltale.site import Site

NO_DATA = "No data yet"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("cloud_service.serve"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(
        asset=asset_path,
        kinds=KINDS,
        life_words=life_words,
        quantiles=quantiles,
        number=numbers.number,
        quantity=numbers.quantity,
        size=numbers.size,
        unit_text=numbers.unit_text,
        status_word=status_word,
        version=__version__,
        words=WORDS,
        badness=badness,
        blamed=blamed,
        certainty=certainty,
        limit_from=limit_from,
        facts=facts,
        checks=CHECKS,
        zone_of=dates.zone_of,
        ago=dates.ago,
        minute=dates.minute,
        iso=dates.iso,
        duration=dates.duration,
        percent_text=percent_text,
        strip=strip,
        span_of=span_of,
        span_days=SPAN_DAYS,
        acts=ACT_WORDS,
        details=DETAILS,
        guide_words=guide_words,
        shown_gaps=SHOWN,
    )
    return templates


def status_word(tier: Tier | None) -> str:
    """The word beside the shape."""
    return NO_DATA if tier is None else TIER_WORDS[tier]


def page(request: Request, template: str, title: str, code: int = 200, **values: Any) -> Response:
    """A page as an answer; every template knows the request's path, the run's now and the site."""
    service = service_of(request)
    now_ns = service.now_ns()
    html = (
        _templates()
        .get_template(template)
        .render(
            title=title,
            path=request.url.path,
            now_ns=now_ns,
            site=service.site,
            site_zone=site_zone(service.site),
            refresh_s=service.settings.refresh_s,
            **values,
        )
    )
    return HTMLResponse(html, code)


def site_zone(site: Site) -> tzinfo:
    """The zone for what belongs to no single facility: theirs if they share one, else UTC."""
    names = {facility.timezone for facility in site.facilities}
    return dates.zone_of(names.pop() if len(names) == 1 else "UTC")


def zone_by_facility(site: Site, facility: str) -> tzinfo:
    """The zone of a facility, by its id."""
    found = next((item for item in site.facilities if item.id == facility), None)
    return dates.zone_of(found.timezone) if found else site_zone(site)
