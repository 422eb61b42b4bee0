"""`telltale cloud dead-letter list|show|retry -c cloud.toml`. Works beside a running service, and without one."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from cloud_service.journal.writer import FILE, open_journal
from cloud_service.operate.letters import Choice, Letter, frame_letters, parse_id, row_letters
from cloud_service.operate.retry import ask_for_frames, exists, outcome, refusal, retry_rows
from cloud_service.operate.show import body_of, describe
from cloud_service.settings import load_cloud
from cloud_service.state import open_state
from cloud_service.use_lock import take_lock
from cloud_service.whole_number import whole_number
from cloud_service.wording.dates import iso
from telltale.clock import open_clock
from telltale.errors import UserError

POLL_S = 0.1
NOT_DONE_STATUS = 1
MOST_LETTERS = 1_000_000


def dead_letter(argv: Sequence[str]) -> int:
    """The command; see `telltale cloud dead-letter --help`.

    Raises:
        UserError: an id that does not exist, or no data folder.
    """
    arguments = _parser().parse_args(argv)
    cloud = load_cloud(Path(arguments.config))
    with _open(cloud.data_dir) as (journal, state):
        if arguments.what == "list":
            return _list(journal, state, arguments)
        if arguments.what == "show":
            return _show(journal, state, arguments.id)
        return _retry(journal, state, arguments, open_clock(cloud.file.clock).now_ns())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="telltale cloud dead-letter", description="What could never be stored: frames (f…) and rows (r…)."
    )
    whats = parser.add_subparsers(dest="what", required=True, metavar="list|show|retry")
    listing = _verb(whats.add_parser, "list", "list what is kept, newest first")
    showing = _verb(whats.add_parser, "show", "show one, decoded as far as possible, with its first bytes")
    showing.add_argument("id", metavar="ID", help="as the list shows it: f12, r7")
    retrying = _verb(whats.add_parser, "retry", "put them through again, after the cause was mended")
    retrying.add_argument("id", nargs="*", metavar="ID", help="these; without: all that --gateway and --reason choose")
    retrying.add_argument("--wait", type=float, default=10.0, metavar="S", help="for ingest to settle them (10)")
    for sub in (listing, retrying):
        sub.add_argument("--gateway", default="", metavar="NAME", help="only of this gateway (rows: of this channel)")
        sub.add_argument("--reason", default="", help="only with this reason, such as unknown_gateway")
        most = whole_number(1, MOST_LETTERS)
        sub.add_argument("--limit", type=most, default=100, metavar="N", help="at most so many of each kind (100)")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    for sub in (listing, showing, retrying):
        sub.add_argument("-c", "--config", required=True, metavar="FILE", help="cloud.toml")
    return parser


def _verb(add: Callable[..., argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    return add(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


@contextlib.contextmanager
def _open(data_dir: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    if not (data_dir / FILE).is_file():
        raise UserError(f"{data_dir / FILE}: no such file", "start the service once, or name its cloud.toml")
    with (
        take_lock(data_dir, shared=True),
        contextlib.closing(open_journal(data_dir)) as journal,
        contextlib.closing(open_state(data_dir)) as state,
    ):
        yield journal, state


def _list(journal: sqlite3.Connection, state: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    choice = Choice(arguments.gateway, arguments.reason, arguments.limit)
    letters = [*frame_letters(journal, choice), *row_letters(state, choice)]
    if arguments.json:
        for letter in letters:
            print(msgspec.json.encode(letter).decode())
        return 0
    for letter in letters:
        print(_line(letter))
    strays = journal.execute(
        "SELECT gateway, channel, reason, blocks, last_ns FROM strays WHERE ?1 = '' OR gateway = ?1", (choice.gateway,)
    ).fetchall()
    for gateway, channel, reason, blocks, last_ns in strays:
        print(f"–  {iso(last_ns)}  {gateway}  {blocks} blocks of channel {channel}: {reason}")
    if not letters and not strays:
        print("no dead letters")
    return 0


def _line(letter: Letter) -> str:
    where = f"{letter.run[:8]}…/{letter.sequence}" if letter.run else "–"
    more = ("" if letter.is_whole else ", cut off") + (", waits to be tried again" if letter.asked else "")
    return (
        f"{letter.id}  {iso(letter.at_ns)}  {letter.gateway}  {where}  {letter.reason}: {letter.detail}"
        f"  ({letter.size_bytes} bytes{more})"
    )


def _show(journal: sqlite3.Connection, state: sqlite3.Connection, name: str) -> int:
    kind, number = parse_id(name)
    letter = _must_exist(journal, state, name)
    for line in describe(letter, body_of(journal if kind == "f" else state, kind, number)):
        print(line)
    return 0


def _must_exist(journal: sqlite3.Connection, state: sqlite3.Connection, name: str) -> Letter:
    letter = exists(journal, state, *parse_id(name))
    if letter is None:
        raise UserError(
            f"there is no dead letter {name}", "`telltale cloud dead-letter list` shows those that are kept"
        )
    return letter


def _retry(journal: sqlite3.Connection, state: sqlite3.Connection, arguments: argparse.Namespace, at_ns: int) -> int:
    if arguments.id:
        letters = [_must_exist(journal, state, name) for name in arguments.id]
    else:
        choice = Choice(arguments.gateway, arguments.reason, arguments.limit)
        letters = [*frame_letters(journal, choice), *row_letters(state, choice)]
    wanted, done = [], True
    for letter in letters:
        number = int(letter.id[1:])
        if letter.id[0] == "r":
            print(f"{letter.id}: {retry_rows(state, number)}")
        elif why := refusal(journal, letter):
            print(f"{letter.id}: cannot be tried again: {why}")
            done = False
        else:
            wanted.append(number)
    asked = ask_for_frames(journal, wanted, at_ns)
    for number in sorted(set(wanted).difference(asked)):
        print(f"f{number}: gone meanwhile, for newer ones")
        done = False
    return 0 if _settled(journal, asked, arguments.wait) and done else NOT_DONE_STATUS


def _settled(journal: sqlite3.Connection, asked: list[int], wait_s: float) -> bool:
    """Tell what becomes of each; whether all are stored."""
    end_s, all_stored = time.monotonic() + wait_s, True
    waiting = list(asked)
    while waiting:
        for number in list(waiting):
            found = outcome(journal, number)
            if found is not None:
                print(f"f{number}: {found}")
                all_stored = all_stored and found == "stored"
                waiting.remove(number)
        if waiting and time.monotonic() > end_s:
            names = ", ".join(f"f{number}" for number in waiting)
            print(f"{names}: handed over; ingest has not taken them yet (does it run?)", file=sys.stderr)
            return False
        time.sleep(POLL_S if waiting else 0)
    return all_stored
