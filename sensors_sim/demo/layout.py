"""The demo's folder: the same settings files as on a real site, written for this machine's free ports."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from sensors_sim.demo.mosquitto import write_settings
from sensors_sim.demo.processes import free_port
from telltale.errors import UserError

MARKER = ".telltale-demo"
PUMP_MODEL = "drainage-pump.model"  # named by the sample site; made by `telltale model train`

_CLOUD = """\
# Written by `telltale demo`. `clock = "data"`: in a time-lapse "now" is the newest acquisition time.
site = "site.toml"
data_dir = "cloud-data"
clock = "data"

[broker]
port = {mqtt_port}

[store]
kind = "sqlite"

[notify]
kind = "smtp"
port = {smtp_port}
sender = "telltale@example.org"
base_url = "http://127.0.0.1:{page_port}"

[serve]
port = {page_port}
mail_dir = "mails"
"""

_EDGE = """\
# Written by `telltale demo`: the sample site's agent with this run's broker, scenario and pace.
gateway = "{gateway}"
clock = "data"
data_dir = "edge-data"

[broker]
port = {mqtt_port}

[[source]]
name = "site"
kind = "sim"

[source.settings]
scenario = "{scenario}"
seed = {seed}
start = "{start}"
days = {days}
speed = {speed:.3f}
truth_dir = "truth"

{channels}"""


@dataclass(frozen=True, slots=True)
class Play:
    """What to play: scenario, seed, simulated start and span, simulated seconds per real second (0: unpaced)."""

    scenario: str
    seed: int
    start: str
    days: int
    speed: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things of one run are."""

    folder: Path
    mqtt_port: int
    smtp_port: int
    page_port: int

    @property
    def edge_toml(self) -> Path:
        """The agent's settings."""
        return self.folder / "edge.toml"

    @property
    def cloud_toml(self) -> Path:
        """The service's settings."""
        return self.folder / "cloud.toml"

    @property
    def mosquitto_conf(self) -> Path:
        """The broker's settings."""
        return self.folder / "broker" / "mosquitto.conf"

    @property
    def mails(self) -> Path:
        """The folder that the mail sink writes `.eml` files to."""
        return self.folder / "mails"

    @property
    def truth(self) -> Path:
        """The simulator's ground truth and its record of what it handed over."""
        return self.folder / "truth"

    @property
    def cloud_data(self) -> Path:
        """The service's databases."""
        return self.folder / "cloud-data"

    @property
    def page(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.page_port}/"

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.folder / "logs" / f"{name}.log"


def prepare(folder: Path, play: Play, page_port: int = 0) -> Layout:
    """Empty `folder` (only if an earlier demo made it) and write the settings of a run into it.

    Raises:
        UserError: the folder holds something that no demo made; names it.
    """
    _empty(folder)
    layout = Layout(folder.resolve(), free_port(), free_port(), page_port or free_port())
    for name in ("logs", "mails", "truth"):
        (layout.folder / name).mkdir()
    write_settings(layout.mosquitto_conf.parent, layout.mqtt_port)
    sample = resources.files("sensors_sim") / "site"
    write_site(layout.folder)
    ports = {"mqtt_port": layout.mqtt_port, "smtp_port": layout.smtp_port, "page_port": layout.page_port}
    layout.cloud_toml.write_text(_CLOUD.format(**ports), encoding="utf-8")
    edge = (sample / "edge.toml").read_text(encoding="utf-8")
    layout.edge_toml.write_text(_edge_settings(edge, play, layout.mqtt_port), encoding="utf-8")
    return layout


def write_site(folder: Path, text: str = "") -> None:
    """The sample site, or `text` in its place, with the model file that it names."""
    sample = resources.files("sensors_sim") / "site"
    (folder / "site.toml").write_text(text or (sample / "site.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / PUMP_MODEL).write_bytes((sample / PUMP_MODEL).read_bytes())


def _edge_settings(sample: str, play: Play, mqtt_port: int) -> str:
    """The sample's gateway and channels, with this run's source and broker."""
    return _EDGE.format(
        gateway=tomllib.loads(sample)["gateway"],
        mqtt_port=mqtt_port,
        scenario=play.scenario,
        seed=play.seed,
        start=play.start,
        days=play.days,
        speed=play.speed,
        channels=sample[sample.index("[[channel]]") :],
    )


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise UserError(f"{folder} is not empty and no demo made it", "give another folder with --dir")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
