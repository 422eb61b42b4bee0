"""`telltale analyse FILE …`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from cloud_service.analyse_file.arguments import parse
from cloud_service.analyse_file.report import report
from cloud_service.analyse_file.run import Progress, run
from cloud_service.analyse_file.series import read_series
from cloud_service.analyse_file.summary import summary


def analyse(argv: Sequence[str]) -> int:
    """Analyse one file and print what was found; a user's mistake is a `UserError`."""
    asked = parse(argv)
    series = read_series(asked)
    with _progress() as progress:
        found = run(asked, series, progress)
    answer = report(asked, series, found)
    if asked.plot is not None:
        from cloud_service.analyse_file.plot import plot  # noqa: PLC0415 - matplotlib takes a second to import

        plot(asked.plot, answer, series, found, asked.limit)
    print(msgspec.json.encode(answer).decode() if asked.as_json else summary(answer))
    return 0


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere; on standard error, so that the answer stays alone."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("analysing")
        yield lambda done, total: bar.update(task, completed=done, total=total)
