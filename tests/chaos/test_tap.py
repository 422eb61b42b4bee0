"""The ear on the MQTT link knows a frame that comes again, however its bytes are cut."""

import pytest

from chaos.mqtt_tap import MqttTap, Wire
from telltale.readings import Block, Frame
from telltale.wire.codec import encode_frame


def varint(value):
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def publish(topic, payload, *, again=False):
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\x00\x07" + b"\x00" + payload
    return bytes([0x32 | (8 if again else 0)]) + varint(len(body)) + body


def frame(sequence):
    import numpy as np

    samples = np.arange(600, dtype=np.int16)
    return encode_frame(
        Frame("gw-a", bytes(16), sequence, 10, blocks=(Block("a.b", sequence * 1000, 100.0, samples, 0.1),))
    )


@pytest.mark.parametrize("step", [1, 3, 1_000_000])
def test_counts_frames_and_repeats(step):
    wire = Wire()
    tap = MqttTap(wire.take)
    topic = "telltale/v1/gw-a/frame"
    connect = b"\x10\x03abc"
    sent = connect + publish(topic, frame(1)) + publish("telltale/v1/gw-a/health", b"{}") + publish(topic, frame(2))
    sent += publish(topic, frame(1), again=True)
    for at in range(0, len(sent), step):
        tap.feed(sent[at : at + step])
    assert wire.frames == 3
    assert len(wire.again_s) == 1
    assert wire.sent == {("a.b", 1000), ("a.b", 2000)}
