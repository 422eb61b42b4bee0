"""The registry of scenarios: what is wrong on the sample site, and from which day. A new scenario is one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensors_sim.damage import BearingSettlement, CrackGrowth, Damage, StiffnessLoss
from sensors_sim.faults import DeadThermistor, Drift, Dropouts, Fault, Spikes, Stuck
from telltale.errors import SettingsError, expected_one_of

LOAD = "load"  # many continuous vibration channels for benchmarks: `sensors_sim.load`
A_MINUTE = 1 / 1440  # a step, in days


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to the site during the span; days count from its start.

    Attributes:
        name, description: for settings and people.
        damages: of the structures.
        faults: of the sensors.
    """

    name: str
    description: str
    damages: tuple[Damage, ...] = ()
    faults: tuple[Fault, ...] = ()


GALLERY_CRACK = CrackGrowth("dam-gallery", "dam.gallery.crack_a", 40.0, 0.25, 0.4)

TUNNEL_FAULTS: tuple[Fault, ...] = (
    Spikes("tunnel.wall.crack", 15.0, size=0.5, share=0.04, end_day=60.0),
    DeadThermistor("tunnel.lining.temp", 20.0),
    Stuck("tunnel.crown.crack", 30.0),
    Dropouts("tunnel.wall.crack", 60.0, share_of_hours=0.25, share=0.1),
)

# Slow channels that stick for a day and a half one after the other: every day an incident opens and another ends.
STICKING = (
    "tunnel.wall.crack",
    "dam.gallery.tilt",
    "footbridge.bearing.tilt",
    "tunnel.crown.crack",
    "dam.gallery.crack_b",
    "footbridge.deck.temp",
)
CAMPAIGN_DAYS = range(6, 3_600)

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "riverside",
            "footbridge healthy; a crack in the dam gallery opens from day 40; tunnel sensors fail from day 15",
            damages=(GALLERY_CRACK,),
            faults=TUNNEL_FAULTS,
        ),
        Scenario(
            "campaign",
            "incidents all along: every day another sensor sticks and recovers, a crack opens from day 40",
            damages=(GALLERY_CRACK,),
            faults=tuple(
                Stuck(STICKING[number % len(STICKING)], float(day), day + 1.5)
                for number, day in enumerate(CAMPAIGN_DAYS)
            ),
        ),
        Scenario("healthy", "nothing is wrong: no damage, no sensor fault"),
        Scenario("no_damage", "tunnel sensors fail from day 15; every structure is sound", faults=TUNNEL_FAULTS),
        Scenario(
            "gallery_crack",
            "a crack in the dam gallery opens from day 40; every sensor is in order",
            damages=(GALLERY_CRACK,),
        ),
        Scenario(
            "footbridge_stiffness",
            "the footbridge's frequencies fall by 2 % from day 40 to 70, then by 5 % until day 110",
            damages=(StiffnessLoss("footbridge", ((40.0, 0.0), (70.0, 0.0396), (110.0, 0.0975))),),
        ),
        Scenario(
            "footbridge_sudden",
            "the footbridge loses 10 % of its stiffness at once on day 60",
            damages=(StiffnessLoss("footbridge", ((60.0, 0.0), (60.0 + A_MINUTE, 0.10))),),
        ),
        Scenario(
            "bearing_settlement",
            "a bearing of the footbridge settles by 45 mm from day 50 to 70",
            damages=(BearingSettlement("footbridge", 50.0, 70.0, 45.0),),
        ),
        Scenario(
            "sensor_drift",
            "the crack gauge dam.gallery.crack_b and the tilt meter of the footbridge drift from day 40",
            faults=(
                Drift("dam.gallery.crack_b", 40.0, per_day=0.004),
                Drift("footbridge.bearing.tilt", 40.0, per_day=0.01),
            ),
        ),
    )
}


def find(name: str, where: str) -> Scenario:
    """The scenario `name`.

    Raises:
        SettingsError: there is none; lists those there are.
    """
    try:
        return SCENARIOS[name]
    except KeyError:
        raise SettingsError(
            f"{where}: scenario: unknown scenario {name!r}", expected_one_of((*SCENARIOS, LOAD))
        ) from None
