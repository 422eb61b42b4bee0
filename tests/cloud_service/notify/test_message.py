from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_service.notify.message import Head, Letter, build, clean, clean_id, is_usable, verify
from cloud_service.notify.port import MailRefusedError

SMUGGLE = "=?utf-8?q?x=0D=0ABcc:_victim@example.org=0D=0A?="
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
HEADERS = [
    "Subject",
    "From",
    "To",
    "Date",
    "Message-ID",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]

# Text that goes for the throat: encoded-words, line breaks, control characters, and their halves.
pieces = st.sampled_from(
    [
        "=?",
        "?=",
        "utf-8",
        "?q?",
        "?b?",
        "=0D=0A",
        "\r",
        "\n",
        "\r\n",
        "Bcc: a@b.c",
        "\x00",
        "\x85",
        "\u2028",
        " ",
        ":",
        "=",
        "?",
        "é",
    ]
)
hostile = st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=80))


def head(name: str = "Ada", sender_name: str = "Telltale") -> Head:
    return Head("m1@telltale", "t1@telltale", (sender_name, "telltale@example.org"), [(name, "ada@example.org")], 0)


def letter(subject: str = "Alarm", chart: bytes | None = PNG) -> Letter:
    return Letter(subject, "text", '<p>html</p><img src="cid:chart">', chart)


@settings(max_examples=150, deadline=None)
@given(subject=hostile, name=hostile, sender_name=hostile)
def test_no_text_becomes_a_header(subject: str, name: str, sender_name: str) -> None:
    content = build(letter(subject), head(name, sender_name))
    for parsed in (message_from_bytes(content, policy=policy.default), message_from_bytes(content)):
        assert sorted(parsed.keys()) == sorted(HEADERS)
    top = content.split(b"\r\n\r\n", 1)[0].lower()
    assert b"\nbcc:" not in top
    assert content.isascii()


@given(text=hostile)
def test_clean_leaves_one_plain_line(text: str) -> None:
    cleaned = clean(text)
    assert "=?" not in cleaned
    assert "?=" not in cleaned
    assert cleaned == " ".join(cleaned.split())
    assert clean(cleaned) == cleaned


def test_the_serialised_message_is_held_to_what_was_intended() -> None:
    """Built the plain way, the hidden line break of an encoded-word does become a Bcc on Python 3.11.7."""
    forged = EmailMessage(policy=policy.SMTP)
    forged["Subject"] = "Alarm"
    content = forged.as_bytes().replace(b"Subject: Alarm", b"Subject: x\r\nBcc: victim@example.org")
    with pytest.raises(MailRefusedError, match="bcc"):
        verify(content, head())


def test_a_naive_message_would_be_refused_or_is_harmless() -> None:
    naive = EmailMessage(policy=policy.SMTP)
    try:
        naive["Subject"] = SMUGGLE
        content = naive.as_bytes()
    except ValueError:
        return  # a newer Python refuses by itself
    with pytest.raises(MailRefusedError):
        verify(content, head())


def test_an_encoded_word_in_a_name_stays_words() -> None:
    content = build(letter(f"Alarm {SMUGGLE}"), head(f"Ada {SMUGGLE}"))
    parsed = message_from_bytes(content, policy=policy.default)
    assert parsed["Bcc"] is None
    assert [item.addr_spec for item in parsed["To"].addresses] == ["ada@example.org"]


def test_the_same_mail_has_the_same_bytes() -> None:
    assert build(letter(), head()) == build(letter(), head())


def test_parts_are_text_html_and_picture() -> None:
    parsed = message_from_bytes(build(letter(), head()), policy=policy.default)
    kinds = [part.get_content_type() for part in parsed.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    picture = next(part for part in parsed.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<chart>"
    assert picture.get_content() == PNG


def test_without_a_chart_there_is_no_picture() -> None:
    parsed = message_from_bytes(build(letter(chart=None), head()), policy=policy.default)
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("address", ["a@b", "ada@example.org", "a.b+c@x-y.org"])
def test_plain_addresses_are_usable(address: str) -> None:
    assert is_usable(address)


@pytest.mark.parametrize(
    "address", ["ädä@example.org", "a@b\r\nBcc: c@d", "", "nobody", "a b@c", "a@b, c@d", "a@exämple.org"]
)
def test_odd_addresses_are_not(address: str) -> None:
    assert not is_usable(address)


@given(text=hostile)
def test_message_ids_are_atoms(text: str) -> None:
    local, _, domain = clean_id(text, "example.org").partition("@")
    assert local
    assert domain
    assert all(char.isascii() and (char.isalnum() or char in "-_.") for char in local + domain)
