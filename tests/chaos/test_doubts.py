"""What an agent wrote last before a kill is seen after its end, and is in doubt all the same."""

import time

from chaos.doubts import UNCOMMITTED_S, Doubts
from chaos.oracle.books import Excuse


def test_what_is_seen_just_after_the_end_is_in_doubt():
    doubts = Doubts()
    end_s = time.monotonic()
    seen_s = time.monotonic()  # the record is read once the process is gone
    assert doubts.close("gw", end_s) == end_s - UNCOMMITTED_S
    assert Excuse(seen_s={7: seen_s}, spans=doubts.spans["gw"]).covers(7, ("a.b", 1))


def test_a_hang_widens_the_span():
    doubts = Doubts()
    end_s = time.monotonic()
    doubts.begun["gw"] = end_s - 20.0
    assert doubts.close("gw", end_s) == end_s - 20.0 - UNCOMMITTED_S
    assert doubts.close("other", None) is None
