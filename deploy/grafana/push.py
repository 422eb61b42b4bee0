"""Push the committed dashboards to a running Grafana through its API, where files cannot be provisioned.

    GRAFANA_TOKEN=… python deploy/grafana/push.py --url https://grafana.example.org [--datasource-uid UID]

Needs the extra `grafana` (grafana-client 5), in an environment of its own: its HTTP stack replaces urllib3. Pushing
twice changes nothing but the version. The token is read from the environment or a file, never from the command line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from telltale.broker import is_loopback

DASHBOARDS = Path(__file__).parent / "provisioning" / "dashboards" / "json"
DATASOURCE_UID = "telltale-influxdb"
FOLDER = {"uid": "telltale", "title": "Telltale"}
USER_ERROR_STATUS = 2


class PushError(Exception):
    """What cannot be done, and what to do about it, in one line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Push every dashboard; status 2 and one line on standard error for a user's mistake."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", required=True, help="of Grafana")
    arguments.add_argument("--token-file", type=Path, help="holds a service account's token; else GRAFANA_TOKEN")
    arguments.add_argument("--datasource-uid", default=DATASOURCE_UID, help="of the InfluxDB data source over there")
    options = arguments.parse_args(argv)
    try:
        grafana = connect(options.url, token(options.token_file, os.environ))
        for name in push(grafana, options.datasource_uid):
            print(f"pushed {name}")
    except PushError as error:
        print(f"push: {error}", file=sys.stderr)
        return USER_ERROR_STATUS
    return 0


def token(file: Path | None, environment: Mapping[str, str]) -> str:
    """The token.

    Raises:
        PushError: there is none, or its file cannot be read.
    """
    if file is None:
        found = environment.get("GRAFANA_TOKEN", "").strip()
    else:
        try:
            found = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise PushError(f"--token-file: {file} cannot be read ({error.strerror})") from None
    if not found:
        raise PushError("no token: set GRAFANA_TOKEN or give --token-file (a service account's, role Editor)")
    return found


def connect(url: str, secret: str) -> Any:
    """A client of the Grafana at `url`.

    Raises:
        PushError: grafana-client is not installed, or `url` is none.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise PushError(f"--url: {url}: use https: the token must not travel in plain text")
    try:
        # Here and not above: only this command needs it.
        from grafana_client import GrafanaApi  # noqa: PLC0415
    except ImportError:
        raise PushError(
            "grafana-client is not installed: pip install 'telltale-monitor[grafana]' in an environment of its own"
        ) from None
    return GrafanaApi.from_url(url, credential=secret)


def push(grafana: Any, datasource_uid: str) -> list[str]:
    """Make the folder where it is missing and push every dashboard into it; their names.

    Raises:
        PushError: Grafana cannot be reached or refuses; names the dashboard.
    """
    from grafana_client.client import GrafanaClientError, GrafanaException  # noqa: PLC0415

    pushed: list[str] = []
    what = "folder"
    try:
        _make_folder(grafana, GrafanaClientError)
        for path in sorted(DASHBOARDS.glob("*.json")):
            what = path.stem
            grafana.dashboard.update_dashboard(payload(path, datasource_uid))
            pushed.append(path.stem)
    except (GrafanaException, OSError) as error:
        raise PushError(f"{what}: {grafana.url} refused or did not answer ({error})") from None
    return pushed


def payload(path: Path, datasource_uid: str) -> dict[str, Any]:
    """What Grafana's dashboard API takes: the dashboard, re-targeted to the data source of that uid."""
    text = path.read_text(encoding="utf-8").replace(json.dumps(DATASOURCE_UID), json.dumps(datasource_uid))
    return {"dashboard": json.loads(text), "folderUid": FOLDER["uid"], "overwrite": True, "message": "telltale push"}


def _make_folder(grafana: Any, not_found: type[Exception]) -> None:
    try:
        grafana.folder.get_folder(FOLDER["uid"])
    except not_found as error:
        if getattr(error, "status_code", 0) != 404:
            raise
        grafana.folder.create_folder(FOLDER["title"], uid=FOLDER["uid"])


if __name__ == "__main__":
    sys.exit(main())
