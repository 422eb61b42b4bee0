"""The report as one HTML page: verdict, table, books, and three pictures drawn as inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from chaos.plots import backlog_plot, recovery_plot, timeline_plot

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; margin: 0 auto; max-width: 1080px; padding: 24px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 36px 0 6px; }
p { margin: 4px 0 12px; max-width: 75ch; } .quiet { color: #5b6875; }
.verdict { display: inline-block; padding: 4px 14px; border-radius: 4px; font-weight: 600; color: #fff; margin: 10px 0; }
.held { background: #1d7a46; } .failed { background: #b3261e; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 36px; margin: 14px 0; }
.figures div { min-width: 100px; } .figures b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: right; padding: 3px 10px; border-bottom: 1px solid #e3e8ed; } th { font-weight: 600; color: #5b6875; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } tr.all td { font-weight: 600; border-top: 2px solid #1c2733; }
svg { display: block; width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: #5b6875; }
ul { margin: 4px 0 12px; padding-left: 20px; } code { font-size: 12.5px; overflow-wrap: anywhere; }
.columns { columns: 2; column-gap: 36px; } .columns table { break-inside: avoid; }
"""


def draw_page(data: Mapping[str, Any]) -> str:
    """The page for a report's data (`chaos.report`)."""
    parts: Iterable[Callable[[Mapping[str, Any]], str]] = (_head, _complaints, _pictures, _table, _books, _left_out)
    body = "\n".join(part(data) for part in parts)
    title = f"Fault campaign, seed {data['seed']}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def _head(data: Mapping[str, Any]) -> str:
    verdict = ("held", "Every promise held") if data["holds"] else ("failed", "Failed: see what was found below")
    books, totals = data["books"], data["totals"]
    figures = {
        "faults": len(data["course"]),
        "samples a second": data["load"]["samples_per_s"],
        "samples handed over": books.get("produced", 0),
        "lost": books.get("lost", 0),
        "result rows compared": books.get("result rows compared", 0),
        "frames sent again": data["load"]["frames_sent_again"],
    }
    tiles = "".join(f"<div><b>{value:,}</b>{escape(name)}</div>" for name, value in figures.items())
    took = f"{data['injected_s'] / 60:.0f} min of faults, {data['took_s'] / 60:.0f} min in all"
    recovery = f"recovery p50 {_s(totals['p50_s'])} s, p99 {_s(totals['p99_s'])} s"
    return (
        f"<h1>Fault campaign</h1><p class=quiet>seed {data['seed']} · {took} · {recovery}</p>"
        f'<div class="verdict {verdict[0]}">{verdict[1]}</div><div class=figures>{tiles}</div>'
    )


def _complaints(data: Mapping[str, Any]) -> str:
    if not data["complaints"]:
        return ""
    found = "".join(
        f"<h3>{escape(kind)}: {count:,}</h3><ul>"
        + "".join(f"<li><code>{escape(text[:400])}</code></li>" for text in data["examples"][kind][:10])
        + "</ul>"
        for kind, count in data["complaints"].items()
    )
    return f"<h2>What was found</h2>{found}"


def _pictures(data: Mapping[str, Any]) -> str:
    return (
        "<h2>Faults and recovery</h2><p class=quiet>Each bar is one fault: dark while it was injected, light until the system "
        "had recovered. Times from the first fault.</p>"
        + timeline_plot(data["course"])
        + "<h2>Backlog</h2><p class=quiet>How old the oldest reading is that was handed over and is not in the database yet. "
        "It returns to about a second after each fault.</p>"
        + backlog_plot(data["backlog"])
        + "<h2>Recovery by kind</h2><p class=quiet>From the end of the injection until a reading handed over after it was in the "
        "database and what was broken worked again. Logarithmic; the mark is the median.</p>"
        + recovery_plot(data["course"])
    )


def _table(data: Mapping[str, Any]) -> str:
    rows = "".join(_row(kind) for kind in data["kinds"]) + _row(data["totals"], "all")
    head = "<tr><th>fault</th><th>count</th><th>recovery p50, s</th><th>p99, s</th><th>frames sent again</th></tr>"
    return f"<h2>By kind</h2><table>{head}{rows}</table>"


def _row(kind: Mapping[str, Any], style: str = "") -> str:
    cells: Sequence[str] = (
        escape(kind["kind"]),
        f"{kind['count']:,}",
        _s(kind["p50_s"]),
        _s(kind["p99_s"]),
        f"{kind['again']:,}",
    )
    return f'<tr class="{style}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _books(data: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{count:,}</td></tr>" for name, count in data["books"].items())
    return f"<h2>The books</h2><p class=quiet>In samples where nothing else is said; kept outside the product.</p><table>{rows}</table>"


def _left_out(data: Mapping[str, Any]) -> str:
    if not data["skipped"]:
        return ""
    items = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in data["skipped"].items())
    return f"<h2>Left out on this machine</h2><ul>{items}</ul>"


def _s(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
