"""10,000 hostile names and subjects: the headers of every mail are the intended ones, and so are its addressees.

Judged by parsers that know nothing of the builder: one from RFC 5322 alone (tests/fuzz/rfc5322.py), and the library's
under each of its policies, which must also write the mail again without a new header: a relay may do that.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import msgspec
import pytest

from cloud_service.notify.message import Head, Letter, build, is_usable
from cloud_service.notify.notifiers.smtp import SmtpSettings
from cloud_service.notify.port import MailRefusedError
from cloud_service.state import open_state
from tests.cloud_service.notify.process import Notify
from tests.cloud_service.seed.state import CRACK, add_incident, add_mail
from tests.fuzz import rfc5322
from tests.fuzz.strategies import HOSTILE_WORDS
from tests.fuzz.targets.mail import INTENDED, POLICIES, check_message
from tests.servers.process import until
from tests.servers.smtp import Mailbox

MAILS, SENT = 10_000, 300
LINE_BREAKS = ("\r\n", "\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029")
HIDDEN = "x\r\nBcc: victim@example.org\r\nX-Evil: 1"


def encoded_word(text: str, rng: random.Random) -> str:
    """`text` as an encoded-word, by Q or B, with odd charsets and a language now and then."""
    charset = rng.choice(("utf-8", "UTF-8", "us-ascii", "utf-8*en", "iso-8859-1", "unknown-8bit", "utf-7"))
    if rng.random() < 0.5:
        return f"=?{charset}?b?{base64.b64encode(text.encode()).decode()}?="
    return f"=?{charset}?q?{''.join(f'={octet:02X}' for octet in text.encode())}?="


def attack(rng: random.Random) -> str:
    """One name or subject that goes for the head of the mail."""
    kind = rng.randrange(6)
    if kind == 0:  # one word
        return f"Alarm {encoded_word(HIDDEN, rng)}"
    if kind == 1:  # split over several words, which a decoder joins
        at = rng.randrange(1, len(HIDDEN))
        return encoded_word(HIDDEN[:at], rng) + rng.choice((" ", "", "\r\n ")) + encoded_word(HIDDEN[at:], rng)
    if kind == 2:  # nested: decoded twice it is one
        return encoded_word(encoded_word(HIDDEN, rng), rng)
    if kind == 3:  # halves that join when a mark between them is taken out
        whole = encoded_word(HIDDEN, rng)
        return "".join(char + rng.choice(("", "", "\u200b", "\0", "=?", "?=", "\u00ad")) for char in whole)
    if kind == 4:  # plain line breaks of every kind
        return f"Dam{rng.choice(LINE_BREAKS)}Bcc: victim@example.org"
    return "".join(rng.choice(HOSTILE_WORDS) for _ in range(rng.randrange(1, 14)))


def heads(seed: int, count: int) -> Iterator[tuple[Letter, Head]]:
    rng = random.Random(seed)
    for number in range(count):
        recipients = [(attack(rng), f"ada{index}@example.org") for index in range(rng.randrange(1, 4))]
        head = Head(f"m{number}@t", f"t{number}@t", (attack(rng), "telltale@example.org"), recipients, number)
        yield Letter(attack(rng), attack(rng), attack(rng), None), head


def test_ten_thousand_mails_have_the_intended_head() -> None:
    for letter, head in heads(1, MAILS):
        content = build(letter, head)
        check_message(content, head)


def test_a_relay_that_writes_it_again_adds_no_header() -> None:
    for letter, head in heads(2, 500):
        content = build(letter, head)
        for kind in POLICIES:
            again = message_from_bytes(content, policy=kind).as_bytes()
            assert sorted(name for name, _ in rfc5322.fields(again)) == INTENDED, kind


def test_no_hostile_address_is_used_as_another() -> None:
    rng = random.Random(3)
    for _ in range(2_000):
        address = rng.choice((f"ada@example.org{attack(rng)}", f"{attack(rng)}@example.org", attack(rng)))
        head = Head("m@t", "t@t", ("", "telltale@example.org"), [("Ada", address)], 0)
        try:
            content = build(Letter("s", "t", "h", None), head)
        except MailRefusedError:
            assert not is_usable(address)
        else:
            check_message(content, head)


def test_the_library_alone_lets_it_through_and_we_do_not() -> None:
    """CPython 3.11.7 decodes the word while it folds; a newer one raises. Ours is the same on both."""
    smuggled = "=?utf-8?q?x=0D=0ABcc:_victim@example.org?="
    naive = EmailMessage(policy=policy.SMTP)
    try:
        naive["Subject"] = smuggled
        names = [name for name, _ in rfc5322.fields(naive.as_bytes())]
    except ValueError:
        names = ["subject", "bcc"]
    assert names == ["subject", "bcc"]
    head = Head("m@t", "t@t", (smuggled, "telltale@example.org"), [(smuggled, "ada@example.org")], 0)
    check_message(build(Letter(smuggled, smuggled, smuggled, None), head), head)


@pytest.mark.e2e
async def test_hundreds_through_the_notifier_and_a_real_server(notify: Notify, smtp_server: Mailbox) -> None:
    """Names of contacts, sources of limits, channels and details of incidents, as rows of the outbox."""
    rng = random.Random(4)
    state = open_state(notify.folder, durable=False)
    state.execute("BEGIN")
    intended = {}
    for number in range(SENT):
        finding = msgspec.structs.replace(CRACK, channel=attack_utf8(rng)[:80], limit_source=attack_utf8(rng))
        add_incident(state, f"inc-{number}", finding)
        state.execute("UPDATE incidents SET structure = ? WHERE id = ?", (attack_utf8(rng), f"inc-{number}"))
        row = add_mail(state, f"inc-{number}")
        to = [{"name": attack_utf8(rng), "email": f"ada{number}-{index}@example.org"} for index in range(2)]
        state.execute("UPDATE outbox SET recipients = ? WHERE id = ?", (msgspec.json.encode(to), row))
        intended[f"<inc-{number}.alarm@telltale>"] = [each["email"] for each in to]
    state.execute("COMMIT")
    state.close()
    settings = msgspec.convert(
        {
            "kind": "smtp",
            "port": smtp_server.port,
            "poll_s": 0.02,
            "evidence_wait_s": 0.0,
            "sender_name": "Tell =?utf-8?q?=0D=0ABcc:_v@example.org?=",
        },
        SmtpSettings,
    )
    async with notify.running(settings):
        done = "SELECT COUNT(*) FROM outbox WHERE state = 'pending'"
        await until(lambda: notify.state.execute(done).fetchone() == (0,), "nothing pending", 240)
    assert notify.state.execute("SELECT DISTINCT state FROM outbox").fetchall() == [("sent",)]
    assert len(smtp_server.envelopes) == SENT
    for sender, recipients, content in smtp_server.envelopes:
        fields = dict(rfc5322.fields(content))
        assert sorted(name for name, _ in rfc5322.fields(content)) == INTENDED
        assert recipients == intended.pop(fields["message-id"])
        assert rfc5322.addresses(fields["to"]) == recipients
        assert rfc5322.addresses(fields["from"]) == [sender]
    assert not intended


def attack_utf8(rng: random.Random) -> str:
    """As it can stand in a database or a settings file, which hold no half characters."""
    return attack(rng).encode("utf-8", "replace").decode()
