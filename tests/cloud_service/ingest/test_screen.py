import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.ingest.envelope import identify
from cloud_service.ingest.screen import Screen
from cloud_service.journal.entries import FrameEntry, HealthEntry, RejectedEntry, StatusEntry
from telltale.clock import DataClock
from telltale.readings import Block, DropRecord, Frame
from telltale.settings import convert
from telltale.site_file import SiteFile, build_site
from telltale.wire.codec import MAX_PACKET_BYTES, encode_frame
from tests.contract.site import small_site

RUN = bytes(range(16))
TOPIC = "telltale/v1/gw/frame"


def encoded(sequence=7, gateway="gw", blocks=None, acquired_ns=1_700_000_000_000_000_000):
    samples = np.arange(100, dtype=np.int16)
    blocks = (Block("bridge.az", 5, 100.0, samples),) if blocks is None else blocks
    return encode_frame(Frame(gateway, RUN, sequence, acquired_ns, blocks=blocks, drops=(DropRecord(1, 2, "full"),)))


@pytest.fixture
def screen():
    return Screen(small_site("gw"), DataClock())


def test_a_good_frame_is_an_entry_and_moves_the_data_clock(screen):
    payload = encoded()
    entry = screen.check(TOPIC, payload)
    at_ns = 1_700_000_000_000_000_000
    assert entry == FrameEntry("gw", RUN, 7, at_ns, payload, (DropRecord(1, 2, "full"),), at_ns)


def test_a_channel_that_is_not_the_gateway_s_costs_its_own_block_alone():
    structure = {"id": "s", "name": "S", "channels": [
        {"id": "mine", "kind": "crack", "unit": "mm", "gateway": "gw", "interval_s": 60.0},
        {"id": "theirs", "kind": "crack", "unit": "mm", "gateway": "other", "interval_s": 60.0},
    ]}  # fmt: skip
    site = build_site(
        convert({"facilities": [{"id": "f", "name": "F", "structures": [structure]}]}, SiteFile, "x"), "x"
    )
    blocks = tuple(Block(name, 5, 1.0, np.ones(3)) for name in ("mine", "theirs", "nobodys"))
    entry = Screen(site, DataClock()).check(TOPIC, encoded(blocks=blocks))
    assert isinstance(entry, FrameEntry)
    assert entry.strays == (("theirs", "other_gateway"), ("nobodys", "unknown_channel"))


@pytest.mark.parametrize(
    ("topic", "payload", "reason", "identity"),
    [
        (TOPIC, b"", "unknown_version", (None, None)),
        (TOPIC, b"\xff\xfe garbage", "not_a_frame", (None, None)),
        (TOPIC, encoded()[:-3], "not_a_frame", (RUN, 7)),
        (TOPIC, encoded() + bytes(MAX_PACKET_BYTES), "too_large", (RUN, 7)),
        (TOPIC, encoded(gateway="other"), "identity_mismatch", (RUN, 7)),
        ("telltale/v1/stranger/frame", encoded(gateway="stranger"), "unknown_gateway", (RUN, 7)),
        (TOPIC, encoded(blocks=(Block("Bad Name", 5, 100.0, np.ones(3, np.int16)),)), "bad_name", (RUN, 7)),
        (TOPIC, encoded(blocks=(Block("b", 5, 1.0, np.array([np.inf])),)), "bad_value", (RUN, 7)),
        ("telltale/v1/gw/health", b"{", "not_a_frame", (None, None)),
        ("telltale/v1/gw/status", b'{"state":"maybe"}', "not_a_frame", (None, None)),
    ],
)
def test_what_is_wrong_is_rejected_with_reason_and_identity(screen, topic, payload, reason, identity):
    entry = screen.check(topic, payload)
    assert isinstance(entry, RejectedEntry)
    assert (entry.reason.value, (entry.run_id, entry.sequence)) == (reason, identity)


def test_status_health_and_foreign_topics(screen):
    assert screen.check("telltale/v1/gw/status", b'{"state":"online"}') == StatusEntry("gw", 0, online=True)
    health = b'{"at_ns":1,"version":"1"}'
    assert screen.check("telltale/v1/gw/health", health) == HealthEntry("gw", 0, health)
    assert screen.check("telltale/v1/gw/reply", b"x") is None
    assert screen.check("elsewhere", b"x") is None


@given(st.binary(max_size=400))
def test_identify_never_raises(payload):
    identify(payload)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 299), st.integers(0, 255)), max_size=4), st.integers(0, 300))
def test_a_damaged_frame_is_an_entry_whatever_the_damage(damage, length):
    payload = bytearray(encoded())
    for at, value in damage:
        payload[at % len(payload)] = value
    entry = Screen(small_site("gw"), DataClock()).check(TOPIC, bytes(payload[:length]))
    assert isinstance(entry, FrameEntry | RejectedEntry)


def test_a_fault_of_ours_is_a_reject_and_logged_once(monkeypatch, capsys):
    def fail(payload, gateway):
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("cloud_service.ingest.screen.screen_frame", fail)
    screen = Screen(small_site("gw"), DataClock())
    for _ in range(50):
        entry = screen.check(TOPIC, encoded())
        assert (entry.reason.value, entry.sequence) == ("not_a_frame", 7)
    assert "".join(capsys.readouterr()).count("does not foresee") == 1


@pytest.mark.parametrize(
    "topic",
    [
        "telltale/v1/gw/frame/", "telltale/v1//frame", "telltale/v1/GW/frame", "telltale/v1/g w/frame", "telltale/v1/gw\n/frame",
        "telltale/v1/gw\u202e/frame", "telltale/v1/gw\0/frame", "telltale/v1/é/frame", "telltale/v1/" + "g" * 65 + "/frame",
        "telltale/v1/../frame", "/telltale/v1/gw/frame", "telltale/v1/gw/FRAME", "$SYS/broker/uptime", "", "/", "telltale/v1/gw';--/frame",
    ],
)  # fmt: skip
def test_odd_topics_are_none_of_ours(screen, topic):
    assert screen.check(topic, encoded()) is None
