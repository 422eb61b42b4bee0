"""A table: for each reason, what happened, what it means and what to do, in words for managers and operators."""

from __future__ import annotations

from dataclasses import dataclass

from telltale.findings import Reason, Tier


@dataclass(frozen=True, slots=True)
class Words:
    """Attributes:
    title: what happened, short enough for a subject line.
    meaning: what that can mean, and what it does not mean.
    action: what to do.
    """

    title: str
    meaning: str
    action: str


_CHECK_SENSOR = "Have an operator check the sensor, its cable and its mounting, and record what was found."
_NO_STRUCTURE = "This is about the sensor, not about the structure."

WORDS: dict[Reason, Words] = {
    Reason.LIMIT: Words(
        "a fixed limit is exceeded",
        "A measured value passed a limit that was set for it. The limit and its source are given below.",
        "Have an engineer look at the place and at the readings, and decide whether use has to be restricted.",
    ),
    Reason.VIBRATION_VELOCITY: Words(
        "vibration near or above a guide value for buildings",
        "The vibration velocity came near or above the value up to which the standard expects no damage, cracks in "
        "plaster included. A higher value does not prove damage.",
        "Find what shakes the building (works, blasting, traffic) and have an engineer look for new cracks before it "
        "goes on.",
    ),
    Reason.NOVELTY: Words(
        "it vibrates differently from before",
        "The vibration has left the range that temperature and past behaviour explain. That can be damage, "
        "a changed support, new equipment, or works on the structure.",
        "Ask whether works or changed use explain it. If not, have an engineer inspect the structure.",
    ),
    Reason.NOVELTY_PROVISIONAL: Words(
        "it behaves differently from the last days",
        "The readings differ from a short reference period. That reference does not yet cover a season, so this "
        "finding is provisional.",
        "Have an engineer look at the readings; inspect if the change stays.",
    ),
    Reason.NOVELTY_GROUP: Words(
        "sensors of a group no longer agree as they did",
        "Like sensors, judged together, have left the range that temperature and their own past explain. The one that "
        "contributes most is named below; a fault of its sensor can look the same.",
        "Compare the sensor that is named with its neighbours. If it is sound, have an engineer inspect that place.",
    ),
    Reason.CRACK_TREND: Words(
        "a crack grows",
        "The crack widens more than temperature and season explain.",
        "Have an engineer inspect the crack, measure its width by hand and look for the cause.",
    ),
    Reason.LIFE: Words(
        "the end of life may come within the planning period",
        "At the present rate the limit may be reached within the planning period. The dates below are a range, "
        "not a promise; they hold as long as the assumptions do.",
        "Have an engineer confirm the estimate and plan an inspection, a repair or a replacement before the "
        "early date.",
    ),
    Reason.SENSOR_STUCK: Words(
        "a sensor repeats the same value", f"{_NO_STRUCTURE} Its value no longer changes.", _CHECK_SENSOR
    ),
    Reason.SENSOR_SPIKES: Words(
        "a sensor gives spikes", f"{_NO_STRUCTURE} Single readings jump and return at once.", _CHECK_SENSOR
    ),
    Reason.SENSOR_DROPOUTS: Words(
        "a sensor loses readings", f"{_NO_STRUCTURE} Readings are missing again and again.", _CHECK_SENSOR
    ),
    Reason.SENSOR_CLIPPED: Words(
        "a sensor is driven beyond its range",
        "The signal reaches the end of the sensor's range, so that the true value may be larger than shown.",
        "Check whether the range fits the place; if it does, have an engineer look at what drives it.",
    ),
    Reason.SENSOR_RANGE: Words(
        "a sensor gives impossible values",
        f"{_NO_STRUCTURE} The values lie outside what the sensor can give: a broken wire or a dead element.",
        _CHECK_SENSOR,
    ),
    Reason.SENSOR_NOISE: Words(
        "a sensor's own noise has changed",
        f"{_NO_STRUCTURE} Even in its quietest minutes its noise is not what it was: a loose connector, a failing "
        "supply, or an element that has come off.",
        _CHECK_SENSOR,
    ),
    Reason.SENSOR_CLOCK: Words(
        "a sensor samples at another rate than it says",
        f"{_NO_STRUCTURE} Its windows follow each other faster or slower than their sample rate allows, so every "
        "frequency that is read from them is wrong by as much.",
        "Have an operator check the sensor's clock and the sample rate in the gateway's settings.",
    ),
    Reason.SENSOR_DERIVED: Words(
        "a value is computed from a faulty sensor",
        "The value is corrected with another sensor that is faulty, so it cannot be trusted either.",
        "Repair the faulty input; nothing has to be done about this value itself.",
    ),
    Reason.SILENT_CHANNEL: Words(
        "a sensor sends nothing",
        "No reading has arrived for longer than expected. The structure is not watched at this place.",
        _CHECK_SENSOR,
    ),
    Reason.SILENT_GATEWAY: Words(
        "a gateway sends nothing",
        "Nothing has arrived from this gateway for longer than expected. What it measures meanwhile is kept on "
        "the gateway and will follow when the connection is back.",
        "Have an operator check its power supply and network connection.",
    ),
    Reason.GATEWAY_CLOCK: Words(
        "the clock of a gateway cannot be trusted",
        "This is about a gateway, not about the structure. The times of its readings are not reliable: they are "
        "stored and held against fixed limits, and enter no baseline and no trend.",
        "Have an operator check that the gateway reaches its time server, and that the clock of this service is right.",
    ),
}

# Of a mail about several sensors; its title counts them.
SENSORS = Words(
    "sensors need a check",
    "This is about sensors, not about the structure. What they measure is not watched until they are repaired.",
    "Have an operator check each sensor, its cable and its mounting, and record what was found.",
)

TIER_WORDS = {
    Tier.CLEAR: "Normal",
    Tier.SUSPECT: "Check sensor",
    Tier.WARN: "Warning",
    Tier.ALARM: "Alarm",
}

# By when something is to be done, days after the mail, unless the early date of the life estimate comes before.
ACT_WITHIN_DAYS = {Tier.CLEAR: 30, Tier.SUSPECT: 14, Tier.WARN: 7, Tier.ALARM: 1}

SEVERITY = {Tier.CLEAR: 0, Tier.SUSPECT: 1, Tier.WARN: 2, Tier.ALARM: 3}
