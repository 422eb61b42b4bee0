"""The campaign's folder: sample site and gateways with settings for this machine's free ports."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from sensors_sim.demo.layout import write_site as write_sample_site
from sensors_sim.demo.mosquitto import write_settings
from sensors_sim.demo.processes import free_port
from sensors_sim.load import LoadSettings
from sensors_sim.load_site import source_table

# In the future of any wall clock: the run's clock is the newest acquisition time, and only this gateway moves it.
SITE_START = "2100-11-15"
SITE = "gw-riverside"
DAY_S = 86_400
PART_WATCHDOG_S = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is played.

    Attributes:
        seed: of the simulation and of the faults.
        days: simulated span of the compared site; 0: it does not play (books of the load alone).
        days_per_s: its pace.
        load_sensors: tri-axial sensors at 1 kHz of the load gateway.
    """

    seed: int
    days: int
    days_per_s: float
    load_sensors: int = 8


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway: its id, its folder of truth, the prefix of its channels where it is a load, and how far apart its
    readings are.
    """

    id: str
    truth: str
    prefix: str
    probe: str
    load: LoadSettings | None = None

    def channel(self, name: str) -> str:
        """The channel id of a source's input."""
        return f"{self.prefix}.{name.removeprefix('load.')}" if self.load else name


def gateways(plan: Plan) -> list[Gateway]:
    """The gateways of a plan: the compared site, a large load, a small one."""
    load = LoadSettings(
        sensors=plan.load_sensors,
        rate_hz=1000.0,
        chunk_samples=500,
        start="2026-01-15",
        seed=plan.seed,
        truth_dir="truth-load",
    )
    hut = replace_load(load, sensors=1, rate_hz=200.0, chunk_samples=100, truth_dir="truth-hut")
    found = [
        Gateway("gw-load", "truth-load", "load", "load.s00.x", load),
        Gateway("gw-hut", "truth-hut", "hut", "hut.s00.x", hut),
    ]
    if plan.days:
        found.insert(0, Gateway(SITE, "truth-site", "", "footbridge.midspan.az"))
    return found


def replace_load(load: LoadSettings, **changes: object) -> LoadSettings:
    """The settings with changes."""
    values = {name: getattr(load, name) for name in LoadSettings.__struct_fields__}
    return LoadSettings(**{**values, **changes})


@dataclass(frozen=True, slots=True)
class Ports:
    """Where servers listen, and where their clients are sent: the links' ports (0 until they are known)."""

    mqtt: int
    smtp: int
    page: int
    influx: int
    influx_rpc: int
    to_broker: int = 0
    to_database: int = 0
    to_postbox: int = 0
    of_agents: tuple[tuple[str, int], ...] = ()


def free_ports() -> Ports:
    """Ports that nobody uses now."""
    return Ports(free_port(), free_port(), free_port(), free_port(), free_port())


_CLOUD = """\
# Written by the fault campaign. Time-outs and back-offs are short, so that many faults fit into a run.
site = "site.toml"
data_dir = "cloud-data"
clock = "data"
watchdog_s = {watchdog}

[broker]
port = {to_broker}
keepalive_s = 5

[ingest]
keep_days = 100000.0      # the oracle reads the whole journal

[analyse]
waveform_every = 4

[store]
{store}

[notify]
{notify}

[serve]
port = {page}
"""

_INFLUX_STORE = """kind = "influxdb"
url = "http://127.0.0.1:{port}"
timeout_s = 4.0
raw_days = {{waveform = 0}}
[store.spool]
last_word_s = 10.0"""

_SMTP = """kind = "smtp"
port = {port}
sender = "telltale@example.org"
base_url = "http://127.0.0.1:{page}"
timeout_s = 4.0
evidence_wait_s = 5.0
poll_s = 0.2
retry_first_s = 0.3
retry_most_s = 3.0"""

_EDGE = """\
# Written by the fault campaign.
gateway = "{gateway}"
clock = "{clock}"
data_dir = "edge-{gateway}"

[broker]
port = {port}
keepalive_s = 5

[frame]
interval_s = 0.3

[publish]
resend_s = 3.0
resend_cap_s = 15.0
reconnect_s = 0.2
reconnect_cap_s = 2.0
health_s = 2.0

[[source]]
name = "site"
kind = "sim"

[source.settings]
{source}
{channels}"""


def write_campaign(folder: Path, plan: Plan, ports: Ports) -> None:
    """Everything that the processes of a campaign read."""
    write_site(folder, plan)
    store = _INFLUX_STORE.format(port=ports.to_database)
    notify = _SMTP.format(port=ports.to_postbox, page=ports.page)
    cloud = _CLOUD.format(
        watchdog=PART_WATCHDOG_S, to_broker=ports.to_broker, store=store, notify=notify, page=ports.page
    )
    (folder / "cloud.toml").write_text(cloud, encoding="utf-8")
    for gateway in gateways(plan):
        write_edge(folder, plan, gateway, dict(ports.of_agents)[gateway.id], plan.days_per_s * DAY_S)
    write_settings(folder / "broker", ports.mqtt)


def write_reference(folder: Path, plan: Plan, ports: Ports) -> None:
    """The undisturbed run: the compared site alone, as fast as it goes, into the embedded store."""
    write_site(folder, plan)
    store = 'kind = "sqlite"\nraw_days = {waveform = 0}'
    notify = 'kind = "file"\nfolder = "mails"'
    cloud = _CLOUD.format(watchdog=PART_WATCHDOG_S, to_broker=ports.mqtt, store=store, notify=notify, page=ports.page)
    (folder / "cloud.toml").write_text(cloud, encoding="utf-8")
    write_edge(folder, plan, gateways(plan)[0], ports.mqtt, 0.0)
    write_settings(folder / "broker", ports.mqtt)


def write_site(folder: Path, plan: Plan) -> None:
    """`site.toml`: the sample site, and a structure for each load."""
    folder.mkdir(parents=True, exist_ok=True)
    sample = (resources.files("sensors_sim") / "site" / "site.toml").read_text(encoding="utf-8")
    structures = "".join(_load_structure(gateway) for gateway in gateways(plan) if gateway.load)
    head = '\n[[facilities]]\nid = "loads"\nname = "Loads"\n'
    at = sample.index("[[contacts]]")
    write_sample_site(folder, sample[:at] + head + structures + "\n" + sample[at:])


def _load_structure(gateway: Gateway) -> str:
    load = gateway.load
    assert load is not None
    head = (
        f'\n[[facilities.structures]]\nid = "{gateway.prefix}-span"\nname = "Span of {gateway.id}"\ntype = "bridge"\n'
    )
    return head + "".join(
        f'\n[[facilities.structures.channels]]\nid = "{gateway.channel(name)}"\nkind = "vibration"\nunit = "m/s2"\n'
        f'gateway = "{gateway.id}"\nrate_hz = {load.rate_hz!r}\nwindow_samples = {load.chunk_samples}\n'
        f'interval_s = {load.chunk_s!r}\naxis = "{name[-1]}"\n'
        for name in load.channels
    )


def write_edge(folder: Path, plan: Plan, gateway: Gateway, port: int, speed: float) -> Path:
    """`edge-<gateway>.toml`; `speed` is of the compared site, simulated seconds a second, 0: as fast as it goes."""
    path = folder / f"edge-{gateway.id}.toml"
    if gateway.load is None:
        source = site_source(plan, gateway, speed)
        sample = (resources.files("sensors_sim") / "site" / "edge.toml").read_text(encoding="utf-8")
        channels = sample[sample.index("[[channel]]") :]
        clock = "data"
        assert tomllib.loads(sample)["gateway"] == gateway.id
    else:
        source, channels, clock = source_table(gateway.load), _load_channels(gateway), "system"
    path.write_text(
        _EDGE.format(gateway=gateway.id, clock=clock, port=port, source=source, channels=channels), encoding="utf-8"
    )
    return path


def write_last_words(folder: Path, plan: Plan, gateway: Gateway, port: int) -> Path:
    """Settings under which a load gateway plays one chunk more, with a truth of its own, and has then nothing left."""
    assert gateway.load is not None
    load = replace_load(
        gateway.load, start="2026-07-15", seconds=gateway.load.chunk_s, truth_dir=f"{gateway.truth}-end"
    )
    return write_edge(folder, plan, replace(gateway, load=load), port, 1.0)


def site_source(plan: Plan, gateway: Gateway, speed: float) -> str:
    """`[source.settings]` of the compared site."""
    return (
        f'scenario = "campaign"\nseed = {plan.seed}\nstart = "{SITE_START}"\ndays = {plan.days}\n'
        f'speed = {speed:.3f}\ntruth_dir = "{gateway.truth}"\n'
    )


def _load_channels(gateway: Gateway) -> str:
    load = gateway.load
    assert load is not None
    return "".join(
        f'\n[[channel]]\nid = "{gateway.channel(name)}"\nsource = "site"\ninput = "{name}"\n'
        f"rate_hz = {load.rate_hz!r}\nwindow_samples = {load.chunk_samples}\n"
        f'calibration = {{id = "load", date = "2026-01-15", scale = 0.0005, offset = 0.0}}\n'
        for name in load.channels
    )
