"""A frame's id in the outbox: its run's ordinal and its sequence in one number, so that ids are in order of sealing
and a cumulative store-ack is one range of them.
"""

SEQUENCE_BITS = 40
MAX_SEQUENCE = (1 << SEQUENCE_BITS) - 1


def frame_id(ordinal: int, sequence: int) -> int:
    """The id of a run's frame."""
    return (ordinal << SEQUENCE_BITS) | sequence


def run_of(frame: int) -> int:
    """The run's ordinal in a frame's id."""
    return frame >> SEQUENCE_BITS


def sequence_of(frame: int) -> int:
    """The sequence in a frame's id."""
    return frame & MAX_SEQUENCE
