"""Topics, clocks, readings, broker settings, the command: the small words that all parts share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telltale import cli
from telltale.broker import BrokerSettings, is_loopback, tls_context
from telltale.clock import DataClock, ManualClock
from telltale.errors import RejectedError, SettingsError
from telltale.health import decode_health, decode_status
from telltale.readings import Block, Flag, FlagSpan, missing_spans
from telltale.topics import Verb, is_name, parse, topic


def test_topics_go_there_and_back() -> None:
    assert parse(topic("gw-1", Verb.FRAME)) == ("gw-1", Verb.FRAME)


@given(st.text(max_size=80))
def test_no_text_makes_a_topic_of_another_gateway(name: str) -> None:
    if is_name(name):
        assert parse(topic(name, Verb.STORED)) == (name, Verb.STORED)
    else:
        with pytest.raises(ValueError, match="gateway id"):
            topic(name, Verb.STORED)


@pytest.mark.parametrize("text", ["telltale/v1/a/b/frame", "telltale/v1/+/frame", "x/v1/a/frame", "telltale/v1/a/no"])
def test_foreign_topics_are_none(text: str) -> None:
    assert parse(text) is None


def test_the_data_clock_follows_and_never_goes_back() -> None:
    clock = DataClock()
    clock.observe(50)
    clock.observe(20)
    assert clock.now_ns() == 50


def test_a_stepped_wall_clock_leaves_monotonic_time() -> None:
    clock = ManualClock(100)
    clock.advance(5)
    clock.set_ns(1)
    assert (clock.now_ns(), clock.monotonic_ns()) == (1, 5)


def test_times_of_a_long_block_do_not_drift() -> None:
    block = Block("a", 0, 3.0, np.zeros(30_001, dtype=np.int16))
    assert block.times_ns()[-1] == 10_000 * 1_000_000_000 == block.end_ns()


def test_missing_counts_become_nan() -> None:
    block = Block("a", 0, 1.0, np.array([1, 0, 3], dtype=np.int16), 2.0, 1.0, flags=(FlagSpan(1, 1, Flag.MISSING),))
    assert np.array_equal(block.values(), [3.0, np.nan, 7.0], equal_nan=True)
    assert block.flag_array().tolist() == [0, 1, 0]


def test_missing_spans_cover_exactly_the_nans() -> None:
    spans = missing_spans(np.array([np.nan, 1.0, np.nan, np.nan]))
    assert [(span.start, span.count) for span in spans] == [(0, 1), (2, 2)]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.evil", False),
    ],
)
def test_loopback_is_only_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_plaintext_beyond_loopback_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"broker\.ca_file"):
        tls_context(BrokerSettings(host="10.0.0.1"), "edge.toml")
    with pytest.raises(SettingsError, match=r"broker\.key_file"):
        tls_context(BrokerSettings(ca_file="a", cert_file="b"), "edge.toml")
    assert tls_context(BrokerSettings(), "edge.toml") is None


@given(st.binary(max_size=200))
def test_any_bytes_are_health_or_a_rejection(payload: bytes) -> None:
    for decode in (decode_health, decode_status):
        try:
            decode(payload)
        except RejectedError as error:
            assert error.detail


def test_deeply_nested_health_is_a_rejection() -> None:
    with pytest.raises(RejectedError):
        decode_health(b"[" * 100_000)


def test_an_unknown_command_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["fly"]) == 2
    assert "unknown command 'fly'" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ("edge", "cloud", "demo", "replay", "sim", "analyse"))
