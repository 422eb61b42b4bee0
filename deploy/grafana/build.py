"""Write the dashboards' JSON that Grafana provisions: `python deploy/grafana/build.py [--check]`.

The JSON is committed, so that a deployment needs no Python; `--check` says whether it is up to date (status 1 if not).
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Callable
from pathlib import Path

from dashboards import channel, gateways, overview
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

OUT = Path(__file__).parent / "provisioning" / "dashboards" / "json"

# Every dashboard, by file name.
DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "facility-overview": overview.build,
    "channel-detail": channel.build,
    "gateway-health": gateways.build,
}


def render(build: Callable[[], Dashboard]) -> str:
    """A dashboard as Grafana's classic JSON, with panels numbered in reading order."""
    model = build().build()
    for number, panel in enumerate(model.panels or [], start=1):
        panel.id_val = number
    return json.dumps(model, cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def outdated(name: str, text: str) -> list[str]:
    """The difference between the file on disk and `text`; empty when it is up to date."""
    path = OUT / f"{name}.json"
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    return list(difflib.unified_diff(present.splitlines(), text.splitlines(), str(path), "as built", lineterm="", n=1))


def main() -> int:
    """Write or check every dashboard."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="write nothing; status 1 if a file is out of date")
    check = arguments.parse_args().check
    texts = {name: render(build) for name, build in DASHBOARDS.items()}
    if check:
        differences = [line for name, text in texts.items() for line in outdated(name, text)]
        differences += [f"{path}: no dashboard of that name" for path in OUT.glob("*.json") if path.stem not in texts]
        print("\n".join(differences) or "dashboards are up to date", file=sys.stderr if differences else sys.stdout)
        return int(bool(differences))
    OUT.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (OUT / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"wrote {name}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
