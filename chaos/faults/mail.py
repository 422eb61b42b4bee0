"""The mail server is rude: 451, 550, or the connection ends between DATA and 250."""

from __future__ import annotations

from functools import partial
from random import Random

from chaos.faults.kind import Broken, FaultKind, until
from chaos.system import System

MAIL_DEADLINE_S = 12.0


async def answer(word: str, system: System, _rng: Random) -> Broken:
    """The next DATA is answered so."""
    before = len(system.posts.entries())
    system.posts.order(word)
    met = await until(lambda: not system.posts.waiting_orders(), MAIL_DEADLINE_S)
    system.posts.withdraw()
    await until(lambda: _answered(system, before, word) != "", 1.0)
    message = _answered(system, before, word)

    async def comes_again() -> bool:
        later = system.posts.entries()[before:]
        return any(entry["message_id"] == message and entry["answer"] == "250" for entry in later)

    wanted = comes_again if message and word != "550" else None
    return Broken("mail server", message if met else "no mail was under way", healed=wanted)


def _answered(system: System, before: int, word: str) -> str:
    """The Message-ID of the mail that got the answer."""
    found = [str(entry["message_id"]) for entry in system.posts.entries()[before:] if entry["answer"] == word]
    return found[0] if found else ""


MAIL = frozenset({"mail", "notify-mail"})
KINDS = [
    FaultKind("mail answered 451", partial(answer, "451"), MAIL),
    FaultKind("mail answered 550", partial(answer, "550"), MAIL),
    FaultKind("mail cut between DATA and 250", partial(answer, "cut"), MAIL),
]
