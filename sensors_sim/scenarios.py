"""The registry of scenarios: what is wrong on the sample site, and from which day. A new scenario is one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensors_sim.acts import Replaced
from sensors_sim.damage import BearingSettlement, BlockMovement, CrackGrowth, Damage, StiffnessLoss
from sensors_sim.faults import DeadThermistor, Drift, Dropouts, Fault, Spikes, Stuck
from sensors_sim.hydropower import PUMP
from sensors_sim.piling import Piling
from sensors_sim.pump import BearingWear
from telltale.errors import SettingsError, expected_one_of

LOAD = "load"  # many continuous vibration channels for benchmarks: `sensors_sim.load`
A_MINUTE = 1 / 1440  # a step, in days


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to the site during the span; days count from its start.

    Attributes:
        name, description: for settings and people.
        damages: of the structures.
        works: beside them; no damage, but a cause that is to be told.
        faults: of the sensors.
        acts: what is done to sensors, and recorded.
    """

    name: str
    description: str
    damages: tuple[Damage, ...] = ()
    works: tuple[Piling, ...] = ()
    faults: tuple[Fault, ...] = ()
    acts: tuple[Replaced, ...] = ()


GALLERY_CRACK = CrackGrowth("dam-gallery", "dam.gallery.crack_a", 40.0, 0.25, 0.4)

# As far as the water moves all blocks every day: only among its neighbours it is news.
BLOCK_7 = BlockMovement("dam-crest", "dam.crest.block7", 75.0, 78.0, 0.05)
WORN_PUMP = BearingWear("powerhouse", PUMP, 140.0)
PILING = Piling("powerhouse", 86.0, 91.0, peak_mm_s=2.9, frequency_hz=15.0)
NEW_ACCELEROMETER = Replaced(
    "footbridge.quarter.az",
    62.0,
    gain=1.02,
    noise=0.02,
    who="R. Meier, site operations",
    why="accelerometer acc-0418 replaced by acc-0611, type with a larger range (job 26-014)",
)

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
            "footbridge healthy, a sensor of it replaced; a crack in the dam gallery opens from day 40; a block of the"
            " crest leans from day 75; a pump's bearing wears; piles are driven beside the powerhouse; tunnel sensors"
            " fail from day 15",
            damages=(GALLERY_CRACK, BLOCK_7, WORN_PUMP),
            works=(PILING,),
            faults=TUNNEL_FAULTS,
            acts=(NEW_ACCELEROMETER,),
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
            "block_leans",
            "one block of the dam's crest leans by 0.05 mrad from day 75 to 78; water moves all of them as far",
            damages=(BLOCK_7,),
        ),
        Scenario("piling", "sheet piles are driven beside the powerhouse from day 86 to 91", works=(PILING,)),
        Scenario("worn_pump", "the bearing of the powerhouse's drainage pump fails on day 140", damages=(WORN_PUMP,)),
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
