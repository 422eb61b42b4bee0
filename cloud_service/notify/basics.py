"""What `[notify]` of `cloud.toml` says whatever the notifier; each notifier adds its own keys in its own file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from telltale.settings import Settings

ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"


class NotifyBasics(Settings, frozen=True, tag_field="kind"):
    """How and when mails are sent. `kind` chooses the notifier.

    Attributes:
        sender, sender_name: who the mails come from.
        base_url: where people reach the pages; the link to acknowledge starts with it.
        evidence_wait_s: how long a mail waits for its evidence to reach the store before it goes without a picture.
        poll_s: how often the outbox is looked at.
        retry_first_s, retry_most_s: pause after the first failure; it doubles up to the second.
        attempts: after so many the mail is marked failed. With the defaults that is five days, the time that
            RFC 5321 section 4.5.4.1 asks for at least.
    """

    sender: Annotated[str, Meta(pattern=ADDRESS, max_length=254)] = "telltale@localhost"
    sender_name: str = "Telltale"
    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s<>\"']+$", max_length=300)] = "http://127.0.0.1:8080"
    evidence_wait_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0
    poll_s: Annotated[float, Meta(gt=0, le=60)] = 0.5
    retry_first_s: Annotated[float, Meta(gt=0, le=3600)] = 2.0
    retry_most_s: Annotated[float, Meta(gt=0, le=86400)] = 900.0
    attempts: Annotated[int, Meta(ge=1, le=10_000)] = 490
