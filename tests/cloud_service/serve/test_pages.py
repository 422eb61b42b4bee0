"""Every page, full and empty, as a browser would fetch it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud_service.notify.message import Head, Letter, build
from cloud_service.store.port import Store
from telltale.errors import RetryError
from tests.cloud_service.seed.state import NOVELTY, add_incident, add_mail

PAGES = {
    "/": [
        "Footbridge",
        "Inspection gallery",
        "November 2026 – January 2028",
        "Alarm",
        "Warning",
        "insufficient_history",
    ],
    "/structures/gallery": ["Crack 7", "0.52 mm", "missing", "KST", "growth stays as in the last 45 days"],
    "/structures/lining": ["No channels are configured"],
    "/channels/gallery.crack-7": ["Crack width", "0.77 mm/year", "KALIS guideline 2019, grade e", "Asia/Seoul"],
    "/channels/footbridge.midspan.az": ["m/s²", "Newest window", "Its spectrum", "DIN 4150-3:2016", "alive"],
    "/channels/footbridge.girder.strain?span=1y": ["Fatigue damage", "insufficient_history", "EN 1993-1-9"],
    "/incidents": ["A crack grows", "1.7 times the threshold", "silent for 2 h", "resolved"],
    "/incidents/inc-crack": ["Acknowledge", "0.70 to 0.84 mm/year", "measure its width by hand", "opened"],
    "/incidents/inc-silent": ["Gateway gw-dam", "power supply"],
    "/gateways": ["gw-riverside", "3 min ago", "12 frames", "synchronised", "offline", "2 h ago"],
    "/mails": ["Ada Manager", "waiting", "A crack grows"],
    "/mails/1": ["ada@example.org", "inc-crack.alarm@telltale", "It has not been sent yet"],
    "/api/v1/": ["/api/v1/channels/{channel}/series", "OpenAPI"],
}
EMPTY_PAGES = {
    "/": ["No readings yet", "Nothing stands open", "No data yet"],
    "/structures/footbridge": ["no readings yet", "No estimate yet", "None so far"],
    "/channels/footbridge.midspan.az": ["no readings yet", "Not judged yet", "not heard yet"],
    "/incidents": ["No incidents so far"],
    "/gateways": ["never heard"],
    "/mails": ["No mails yet"],
}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_shows_what_there_is(path: str, full, browse) -> None:
    add_mail(full.state, "inc-crack")
    async with browse(full) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    for said in PAGES[path]:
        assert said in answer.text, said


@pytest.mark.parametrize("path", EMPTY_PAGES)
async def test_an_empty_page_says_what_to_expect(path: str, empty, browse) -> None:
    async with browse(empty) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    for said in EMPTY_PAGES[path]:
        assert said in answer.text, said


@pytest.mark.parametrize(
    "path", ["/structures/x", "/channels/x", "/incidents/x", "/mails/99", "/mails/99.eml", "/nope"]
)
async def test_what_is_not_there_is_a_page_that_says_so(path: str, full, browse) -> None:
    async with browse(full) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert "To the overview" in answer.text


async def test_pages_open_while_the_store_is_down(full, make_service, browse) -> None:
    async def fail() -> Store:
        raise RetryError("refused")

    async with browse(make_service(fail)) as client:
        for path in PAGES.keys() - {"/mails/1"}:
            assert (await client.get(path)).status_code == 200, path
        answer = await client.get("/api/v1/channels/gallery.crack-7/series")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "store_unavailable"


async def test_text_from_outside_is_never_markup(full, browse) -> None:
    add_incident(full.state, "inc-evil", NOVELTY)
    full.state.execute(
        "UPDATE incidents SET finding = replace(finding, 'Gumbel', '<script>x</script>') WHERE id = 'inc-evil'"
    )
    async with browse(full) as client:
        text = (await client.get("/incidents/inc-evil")).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text


async def test_the_script_of_a_page_comes_from_here_alone(full, browse) -> None:
    async with browse(full) as client:
        text = (await client.get("/channels/gallery.crack-7")).text
        sources = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert not [source for source in sources if "//" in source]
        assert "<script>" not in text
        for source in (source for source in sources if source.startswith("/static/")):
            assert (await client.get(source)).status_code == 200


async def test_taking_an_incident_on(full, browse) -> None:
    async with browse(full) as client:
        answer = await client.post(
            "/incidents/inc-crack/acknowledge",
            data={"who": "Ada\r\n Manager "},
            headers={"Origin": "http://127.0.0.1:8080"},
        )
        assert answer.status_code == 303
        page = await client.get(answer.headers["location"])
    assert "acknowledged" in page.text
    assert "Ada Manager" in page.text
    who = full.state.execute("SELECT who FROM incident_log WHERE what = 'acknowledged'").fetchall()
    assert who == [("Ada Manager",)]


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:8080", "http://127.0.0.1:9"]
)
async def test_another_site_cannot_take_it_on(origin: str | None, full, browse) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with browse(full) as client:
        answer = await client.post("/incidents/inc-crack/acknowledge", data={"who": "Mallory"}, headers=headers)
    assert answer.status_code == 403
    assert full.state.execute("SELECT state FROM incidents WHERE id = 'inc-crack'").fetchone() == ("open",)


async def test_a_nameless_acknowledgement_is_refused(full, browse) -> None:
    async with browse(full) as client:
        answer = await client.post(
            "/incidents/inc-crack/acknowledge", data={"who": " "}, headers={"Origin": "http://127.0.0.1:8080"}
        )
    assert answer.status_code == 400


async def test_a_sent_mail_is_shown_shut_off(full, browse, tmp_path: Path) -> None:
    row = add_mail(full.state, "inc-crack")
    head = Head("inc-crack.alarm@telltale", "t@telltale", ("T", "t@example.org"), [("Ada", "ada@example.org")], 0)
    html = '<p style="color:red">Hello</p><img src="cid:chart"><script>alert(1)</script>'
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "any-name.eml").write_bytes(build(Letter("Subject here", "text", html, b"\x89PNG"), head))
    (folder / "garbage.eml").write_bytes(b"\xff\x00 no mail at all")
    async with browse(full) as client:
        page = await client.get(f"/mails/{row}")
        body = await client.get(f"/mails/{row}/body")
        file = await client.get(f"/mails/{row}.eml")
    assert "Subject here" in page.text
    assert 'sandbox=""' in page.text
    assert "data:image/png;base64," in body.text
    policy = body.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert file.headers["content-type"] == "message/rfc822"
    assert file.content.startswith(b"Subject: Subject here")


async def test_completeness_is_told_with_gaps_and_causes(full, browse) -> None:
    async with browse(full) as client:
        channel = (await client.get("/channels/footbridge.midspan.az")).text
        gateways = (await client.get("/gateways")).text
        unheard = (await client.get("/channels/gallery.air")).text
    assert "97.64 % complete" in channel
    assert "in the last 30 days, 2 gaps" in channel
    assert "dropped at the edge: outbox full" in channel
    assert channel.count('class="gap"') == 2
    assert (
        "300 frames produced = 282 stored + 14 dropped at the edge + 1 dead-lettered + 3 not yet received" in gateways
    )
    assert "footbridge.pier.ax" in gateways
    assert "Counted from the first reading on." in unheard
