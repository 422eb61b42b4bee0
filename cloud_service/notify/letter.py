"""Facts and picture → the letter, through the templates beside this file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from cloud_service.notify.facts import Facts
from cloud_service.notify.message import Letter
from telltale.findings import Tier

COLOURS = {Tier.CLEAR: "#1a7f4b", Tier.SUSPECT: "#4b5d70", Tier.WARN: "#9a5300", Tier.ALARM: "#b42318"}

# HTML is escaped, the text alternative is not HTML.
_TEMPLATES = Environment(
    loader=PackageLoader("cloud_service.notify"),
    autoescape=select_autoescape(("html",), default=False),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write(facts: Facts, link: str, chart_png: bytes | None, no_chart_because: str) -> Letter:
    """The letter.

    Args:
        facts: what it says.
        link: where to read more and acknowledge.
        chart_png: the picture.
        no_chart_because: said in its place where there is none.
    """
    values = {
        "facts": facts,
        "link": link,
        "has_chart": chart_png is not None,
        "no_chart_because": no_chart_because,
        "colour": COLOURS[facts.tier],
    }
    return Letter(
        subject=facts.subject,
        text=_TEMPLATES.get_template("mail.txt").render(values),
        html=_TEMPLATES.get_template("mail.html").render(values),
        chart_png=chart_png,
    )
