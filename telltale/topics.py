"""MQTT topics: `telltale/v1/{gateway}/{verb}`.

The gateway id is the name in its certificate and unique in a deployment, so that one access pattern
(`telltale/v1/%u/#`) fences each gateway in.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

ROOT = "telltale/v1"

# Names that appear in topics, database queries and file names. No slash, no wildcard, no quote, no space.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_.\-]{0,63}\Z"
_NAME = re.compile(NAME_PATTERN)

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Verb(StrEnum):
    """The last level of a topic."""

    FRAME = "frame"  # edge → cloud: one wire frame, QoS 1
    STORED = "stored"  # cloud → edge: the store-ack, QoS 1
    STATUS = "status"  # edge → cloud: online/offline, retained, last will
    HEALTH = "health"  # edge → cloud: backlog, sensors alive, memory
    COMMAND = "command"  # cloud → edge
    REPLY = "reply"  # edge → cloud


def is_name(text: str) -> bool:
    """Whether `text` may name a gateway, facility, structure or channel."""
    return _NAME.match(text) is not None


def topic(gateway: str, verb: Verb) -> str:
    """The topic of one gateway and verb.

    Raises:
        ValueError: `gateway` is not a valid name.
    """
    if not is_name(gateway):
        raise ValueError(f"gateway id {gateway!r} does not match {NAME_PATTERN}")
    return f"{ROOT}/{gateway}/{verb.value}"


def subscription(verb: Verb) -> str:
    """The filter for one verb of every gateway."""
    return f"{ROOT}/+/{verb.value}"


def parse(text: str) -> tuple[str, Verb] | None:
    """The gateway and verb of a topic, or None where it is not one of ours."""
    parts = text.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != ROOT or not is_name(parts[2]):
        return None
    try:
        return parts[2], Verb(parts[3])
    except ValueError:
        return None
