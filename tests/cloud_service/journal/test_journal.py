import json
import random
import sqlite3
import zlib
from dataclasses import replace

import pytest

from cloud_service.journal import batch as batch_module
from cloud_service.journal import dead_letter, strays
from cloud_service.journal.entries import FrameEntry, HealthEntry, RejectedEntry, RetryEntry, StatusEntry
from cloud_service.journal.reader import JournalReader
from cloud_service.journal.retention import live_bytes, prune
from cloud_service.journal.schema import MIGRATIONS
from cloud_service.journal.writer import JournalWriter, open_journal
from telltale.clock import NS_PER_DAY
from telltale.errors import RejectReason, RetryError
from telltale.readings import DropRecord
from telltale.wire.codec import MAX_PACKET_BYTES

RUN = bytes(range(16))
KEY = ("gw", RUN)


def frame(sequence, payload=b"payload", drops=(), run_id=RUN, received_ns=5):
    return FrameEntry("gw", run_id, sequence, received_ns, payload, drops)


def rejected(sequence, run_id=RUN):
    return RejectedEntry("gw", run_id, sequence, 5, b"bad", RejectReason.BAD_BODY, "not zstd")


@pytest.fixture
def connection(tmp_path):
    opened = open_journal(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def writer(tmp_path):
    opened = JournalWriter(open_journal(tmp_path))
    yield opened
    opened.close()


def books(connection):
    row = connection.execute("SELECT cumulative, above, stored, dropped, rejected FROM runs").fetchone()
    assert row is not None
    covered = row[0] + sum(last - first + 1 for first, last in json.loads(row[1]))
    assert covered == row[2] + row[3] + row[4]
    assert row[2] == connection.execute("SELECT COUNT(*) FROM frames").fetchone()[0]
    assert row[3] == connection.execute("SELECT COALESCE(SUM(last - first + 1), 0) FROM drops").fetchone()[0]
    return dict(zip(("stored", "dropped", "rejected"), row[2:], strict=True))


def test_frames_are_committed_and_acknowledged_with_their_gaps(writer, connection):
    done = writer.commit([frame(1), frame(2), frame(5), frame(4), frame(9)])
    assert done.acks[KEY].cumulative == 2
    assert done.acks[KEY].above == ((4, 5), (9, 9))
    assert done.stored == 5
    assert [record.sequence for record in JournalReader(connection).read(0)] == [1, 2, 5, 4, 9]


def test_a_duplicate_is_acknowledged_again_and_stored_once(writer, connection):
    writer.commit([frame(1)])
    done = writer.commit([frame(1), frame(1), frame(2), frame(2)])
    assert done.acks[KEY].cumulative == 2
    assert (done.stored, done.duplicates) == (1, 3)
    assert books(connection) == {"stored": 2, "dropped": 0, "rejected": 0}


def test_dedupe_outlives_restart_and_retention(writer, connection, tmp_path):
    writer.commit([frame(n) for n in (1, 2, 3, 7)])
    assert prune(connection, passed_offset=4, now_ns=99 * NS_PER_DAY, keep_days=1, keep_bytes=2**40) == 4
    writer.close()
    again = JournalWriter(open_journal(tmp_path))
    done = again.commit([frame(n) for n in (1, 2, 3, 7, 4)])
    assert (done.stored, done.duplicates) == (1, 4)
    assert (done.acks[KEY].cumulative, done.acks[KEY].above) == (4, ((7, 7),))
    assert [record.offset for record in JournalReader(connection).read(0)] == [5]
    again.close()


def test_runs_do_not_mix(writer):
    done = writer.commit([frame(1), frame(1, run_id=b"x" * 16)])
    assert done.stored == 2
    assert len(done.acks) == 2


def test_drop_records_advance_coverage_and_stored_wins(writer, connection):
    done = writer.commit([frame(1), frame(8, drops=(DropRecord(1, 4, "thinned"), DropRecord(6, 7, "full")))])
    assert (done.acks[KEY].cumulative, done.acks[KEY].above) == (4, ((6, 8),))
    assert books(connection) == {"stored": 2, "dropped": 5, "rejected": 0}
    done = writer.commit([frame(3), frame(3)])  # dropped, they said, and here it is
    assert (done.stored, done.duplicates) == (1, 1)
    assert books(connection) == {"stored": 3, "dropped": 4, "rejected": 0}
    rows = connection.execute("SELECT first, last, reason FROM drops ORDER BY first").fetchall()
    assert rows == [(2, 2, "thinned"), (4, 4, "thinned"), (6, 7, "full")]


def test_a_drop_record_of_everything_takes_no_frame_away(writer, connection):
    writer.commit([frame(1, drops=(DropRecord(1, 2**63 - 1, "hostile"),))])
    assert writer.commit([frame(n) for n in (2, 5, 10**12)]).stored == 3
    assert [record.sequence for record in JournalReader(connection).read(0)] == [1, 2, 5, 10**12]


def test_rejected_frames_are_covered_answered_and_kept_once(writer, connection):
    done = writer.commit([frame(1), rejected(2), frame(3)])
    assert done.acks[KEY].cumulative == 3
    assert done.acks[KEY].rejected == ((2, "bad_body", "not zstd"),)
    again = writer.commit([rejected(2), frame(2)])
    assert again.acks[KEY].rejected == ((2, "bad_body", "not zstd"),)
    assert connection.execute("SELECT sequence, payload FROM dead_letter").fetchall() == [(2, b"bad")]
    assert books(connection) == {"stored": 2, "dropped": 0, "rejected": 1}


def test_what_cannot_be_identified_is_kept_and_not_answered(writer, connection):
    done = writer.commit([RejectedEntry("gw", None, None, 5, b"\xff" * 99, RejectReason.NOT_A_FRAME, "what?")])
    assert done.acks == {}
    assert connection.execute("SELECT run_id, reason, detail FROM dead_letter").fetchall() == [
        (None, "not_a_frame", "what?")
    ]


@pytest.mark.parametrize(
    ("counts", "room", "share"),
    [((5, 3), 10, 10), ((100, 3), 10, 7), ((100, 100, 100), 10, 3), ((1, 1, 100), 3, 1), ((), 10, 10)],
)
def test_room_is_shared_evenly(counts, room, share):
    assert dead_letter.fair_share(counts, room) == share


def test_a_flood_of_dead_letters_leaves_those_of_others(tmp_path, connection):
    writer = JournalWriter(open_journal(tmp_path), dead_letter_rows=10)
    letter = RejectedEntry("quiet", None, None, 1, b"x", RejectReason.NOT_A_FRAME, "")
    writer.commit([letter, letter])
    for _ in range(4):
        writer.commit([replace(letter, gateway="noisy") for _ in range(6)])
    counts = connection.execute("SELECT gateway, COUNT(*) FROM dead_letter GROUP BY gateway ORDER BY 1").fetchall()
    assert counts == [("noisy", 8), ("quiet", 2)]


def test_runs_of_which_nothing_was_stored_are_bounded(tmp_path, connection, monkeypatch):
    monkeypatch.setattr("cloud_service.journal.retention.EMPTY_RUNS_KEPT", 5)
    writer = JournalWriter(open_journal(tmp_path))
    for index in range(1, 21):
        run_id = bytes([index]) * 16
        writer.commit([RejectedEntry("gw", run_id, 1, index, b"x", RejectReason.BAD_BODY, "")])
    writer.commit([FrameEntry("gw", b"s" * 16, 1, 1, b"payload")])
    prune(connection, passed_offset=0, now_ns=100, keep_days=1.0, keep_bytes=2**40)
    kept = {run_id for (run_id,) in connection.execute("SELECT run_id FROM runs")}
    assert b"s" * 16 in kept
    assert bytes([20]) * 16 in kept
    assert len(kept) == 7  # the five newest, the one at the edge, and the one with a frame


def test_dead_letters_are_bounded(tmp_path, connection):
    writer = JournalWriter(open_journal(tmp_path), dead_letter_rows=10, dead_letter_bytes=2)
    writer.commit([rejected(n) for n in range(1, 31)])
    rows = connection.execute("SELECT sequence, payload FROM dead_letter ORDER BY id").fetchall()
    assert rows == [(n, b"ba") for n in range(21, 31)]
    writer.close()


def test_gaps_are_bounded_and_what_fills_them_is_still_taken(writer, monkeypatch):
    monkeypatch.setattr(batch_module, "MAX_RANGES", 5)
    done = writer.commit([frame(n) for n in (1, 3, 5, 7, 9, 11, 13)])
    assert (done.stored, done.postponed) == (5, 2)
    assert writer.commit([frame(2), frame(4), frame(11)]).stored == 3


@pytest.mark.parametrize("seed", range(4))
def test_random_resends_and_restarts_store_each_frame_once(tmp_path, connection, seed):
    rng = random.Random(seed)
    writer = JournalWriter(open_journal(tmp_path))
    wanted = set(range(1, 301))
    for _ in range(60):
        writer.commit(
            [frame(rng.randint(1, 300), payload=b"x" * rng.randint(0, 99)) for _ in range(rng.randint(1, 30))]
        )
        if rng.random() < 0.2:
            writer.close()
            writer = JournalWriter(open_journal(tmp_path))
    done = writer.commit([frame(n) for n in sorted(wanted)])
    assert (done.acks[KEY].cumulative, done.acks[KEY].above) == (300, ())
    assert sorted(record.sequence for record in JournalReader(connection).read(0, 10_000)) == sorted(wanted)
    writer.close()


def test_gateways_are_seen_with_status_and_health(writer, connection):
    writer.commit([StatusEntry("gw", 3, online=True), HealthEntry("gw", 4, b'{"at_ns":1}'), frame(1, received_ns=7)])
    assert connection.execute("SELECT * FROM gateways").fetchall() == [("gw", 1, 3, 7, b'{"at_ns":1}')]
    writer.commit([StatusEntry("gw", 9, online=False)])
    assert connection.execute("SELECT online, status_ns, health FROM gateways").fetchone() == (0, 9, b'{"at_ns":1}')


def test_a_stranger_is_no_gateway(writer, connection):
    writer.commit([RejectedEntry("nobody", RUN, 1, 5, b"", RejectReason.UNKNOWN_GATEWAY, "")])
    assert connection.execute("SELECT COUNT(*) FROM gateways").fetchone() == (0,)


def test_a_full_disk_is_retried_and_nothing_is_half_done(writer, connection):
    writer.commit([frame(1)])
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(RetryError, match="full"):
        writer.commit([frame(2, payload=bytes(500_000))])
    writer._connection.execute("PRAGMA max_page_count=1000000")
    done = writer.commit([frame(2, payload=bytes(500_000))])
    assert (done.stored, done.duplicates) == (1, 0)
    assert books(connection) == {"stored": 2, "dropped": 0, "rejected": 0}


def test_a_journal_at_its_limit_takes_nothing_until_there_is_room(tmp_path, connection):
    writer = JournalWriter(open_journal(tmp_path), max_bytes=300_000)
    writer.commit([frame(n, payload=bytes(100_000)) for n in (1, 2, 3)])
    with pytest.raises(RetryError, match="analysis is too far behind"):
        writer.commit([frame(4)])
    prune(connection, passed_offset=2, now_ns=0, keep_days=9, keep_bytes=100_000)
    assert writer.commit([frame(4)]).stored == 1
    writer.close()


def test_the_reader_is_bounded_and_always_advances(writer, connection):
    writer.commit([frame(n, payload=bytes(1_000)) for n in range(1, 11)])
    reader = JournalReader(connection)
    assert [record.offset for record in reader.read(0, max_frames=3)] == [1, 2, 3]
    assert [record.offset for record in reader.read(3, max_bytes=2_500)] == [4, 5]
    assert [record.offset for record in reader.read(5, max_bytes=1)] == [6]
    assert reader.read(10) == []
    assert reader.end() == 10


def test_a_flipped_bit_is_found_and_buried(writer, connection):
    writer.commit([frame(1), frame(2), frame(3)])
    connection.execute('UPDATE frames SET payload=? WHERE "offset"=2', (b"Payload",))
    reader = JournalReader(connection)
    records = reader.read(0)
    assert [record.intact for record in records] == [True, False, True]
    assert reader.bury(records[1], RejectReason.BAD_BODY, "checksum")
    assert connection.execute("SELECT sequence, detail, payload FROM dead_letter").fetchall() == [
        (2, "journal offset 2: checksum", b"Payload")
    ]
    assert zlib.crc32(records[0].payload) == connection.execute('SELECT crc FROM frames WHERE "offset"=1').fetchone()[0]


def test_retention_keeps_what_analysis_has_not_passed(writer, connection):
    writer.commit([frame(n, payload=bytes(2_000), received_ns=n * NS_PER_DAY) for n in range(1, 11)])
    assert prune(connection, passed_offset=0, now_ns=99 * NS_PER_DAY, keep_days=0, keep_bytes=0) == 0
    assert prune(connection, passed_offset=9, now_ns=10 * NS_PER_DAY, keep_days=6, keep_bytes=2**40) == 3
    size = live_bytes(connection)
    assert prune(connection, passed_offset=8, now_ns=0, keep_days=9, keep_bytes=1) == 5
    assert live_bytes(connection) < size
    assert [record.offset for record in JournalReader(connection).read(0)] == [9, 10]


def test_a_second_writer_waits_for_the_first(writer, tmp_path):
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    writer._connection.execute("PRAGMA busy_timeout=1")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryError, match="locked"):
        writer.commit([frame(1)])
    other.execute("ROLLBACK")
    other.close()
    assert writer.commit([frame(1)]).stored == 1


def test_buried_frames_are_bounded_too(writer, connection):
    writer.commit([frame(1)])
    reader = JournalReader(connection)
    (record,) = reader.read(0)
    connection.execute("BEGIN")
    for _ in range(dead_letter.KEPT_ROWS + 5):
        reader.bury(record, RejectReason.BAD_BODY, "checksum")
    connection.execute("COMMIT")
    assert connection.execute("SELECT COUNT(*) FROM dead_letter").fetchone() == (dead_letter.KEPT_ROWS,)


def test_a_letter_that_waits_to_be_tried_again_is_not_displaced(tmp_path, connection):
    writer = JournalWriter(open_journal(tmp_path), dead_letter_rows=2)
    writer.commit([rejected(1)])
    connection.execute("INSERT INTO retries VALUES (1, 5)")
    writer.commit([rejected(number) for number in range(2, 7)])
    assert [letter[0] for letter in letters(connection)] == [1, 5, 6]
    writer.commit([RetryEntry(1, "rejected", rejected(1)), rejected(7)])
    writer.commit([rejected(8)])
    assert [letter[0] for letter in letters(connection)] == [7, 8]
    writer.close()


def letters(connection):
    return connection.execute("SELECT id, reason, book, size, length(payload) FROM dead_letter ORDER BY id").fetchall()


def test_a_rejected_frame_that_is_tried_again_is_stored_and_counted_once(writer, connection):
    writer.commit([frame(1), rejected(2)])
    ((letter, _, book, _, _),) = letters(connection)
    connection.execute("INSERT INTO retries VALUES (?, 5)", (letter,))
    done = writer.commit([RetryEntry(letter, book, frame(2))])
    assert (done.stored, done.retried) == (1, 1)
    assert books(connection) == {"stored": 2, "dropped": 0, "rejected": 0}
    assert letters(connection) == []
    assert connection.execute("SELECT * FROM retries").fetchall() == []
    assert [record.sequence for record in JournalReader(connection).read(0)] == [1, 2]
    assert writer.commit([frame(2)]).duplicates == 1


def test_a_frame_that_is_still_bad_stays_with_the_reason_of_today(writer, connection):
    writer.commit([rejected(2)])
    again = RejectedEntry("gw", RUN, 2, 9, b"bad", RejectReason.BAD_VALUE, "still bad")
    writer.commit([RetryEntry(1, "rejected", again)])
    assert [row[1] for row in letters(connection)] == ["bad_value"]
    assert books(connection) == {"stored": 0, "dropped": 0, "rejected": 1}


def test_a_letter_that_the_books_never_counted_goes_through_as_any_frame(writer, connection, monkeypatch):
    monkeypatch.setattr(batch_module, "MAX_RANGES", 1)
    writer.commit([frame(1), rejected(5)])  # would open one gap too many: answered, kept, not counted
    ((letter, _, book, _, _),) = letters(connection)
    assert book == ""
    writer.commit([frame(2), frame(3), frame(4), frame(5)])
    assert writer.commit([RetryEntry(letter, book, frame(5))]).duplicates == 1
    assert books(connection) == {"stored": 5, "dropped": 0, "rejected": 0}


def test_a_retry_that_would_open_one_gap_too_many_keeps_the_letter_and_waits(writer, connection, monkeypatch):
    monkeypatch.setattr(batch_module, "MAX_RANGES", 1)
    writer.commit([frame(1), rejected(5)])
    ((letter, _, book, _, _),) = letters(connection)
    connection.execute("INSERT INTO retries VALUES (?, 5)", (letter,))
    assert writer.commit([RetryEntry(letter, book, frame(5))]).postponed == 1
    assert len(letters(connection)) == 1
    assert connection.execute("SELECT letter FROM retries").fetchall() == [(letter,)]


def test_what_analysis_buried_is_appended_again_and_the_books_stay(writer, connection):
    writer.commit([frame(1)])
    reader = JournalReader(connection)
    assert reader.bury(reader.read(0)[0], RejectReason.BAD_BODY, "unknown to this version")
    ((letter, _, book, _, _),) = letters(connection)
    assert book == "stored"
    writer.commit([RetryEntry(letter, book, frame(1))])
    row = connection.execute("SELECT stored, rejected FROM runs").fetchone()
    assert row == (1, 0)
    assert [record.sequence for record in reader.read(0)] == [1, 1]


def test_dead_letters_are_bounded_in_bytes_and_keep_a_whole_frame(tmp_path):
    writer = JournalWriter(open_journal(tmp_path), dead_letter_total_bytes=2 * MAX_PACKET_BYTES + 10)
    large = RejectedEntry("gw", None, None, 5, bytes(MAX_PACKET_BYTES), RejectReason.BAD_BODY, "")
    beyond = RejectedEntry("gw", None, None, 5, bytes(MAX_PACKET_BYTES + 5), RejectReason.TOO_LARGE, "")
    for _ in range(3):
        writer.commit([large, beyond])
    connection = open_journal(tmp_path)
    assert [row[3:] for row in letters(connection)] == [
        (MAX_PACKET_BYTES, MAX_PACKET_BYTES),
        (MAX_PACKET_BYTES + 5, MAX_PACKET_BYTES),
    ]
    connection.close()
    writer.close()


def test_strays_are_counted_a_channel_and_bounded(writer, connection):
    many = tuple((f"channel{number}", "unknown_channel") for number in range(strays.MAX_CHANNELS + 50))
    writer.commit([FrameEntry("gw", RUN, 1, 5, b"x", strays=many)])
    done = writer.commit([FrameEntry("gw", RUN, 2, 9, b"x", strays=many[:2])])
    assert done.acks[KEY].refused == tuple(sorted(many[:2]))
    rows = dict(connection.execute("SELECT channel, blocks FROM strays").fetchall())
    assert len(rows) == strays.MAX_CHANNELS + 1
    assert rows["channel0"] == 2
    assert rows[strays.REST] == 50
    assert connection.execute("SELECT MAX(last_ns) FROM strays").fetchone() == (9,)
    writer.commit([RetryEntry(7, "", FrameEntry("gw", RUN, 3, 12, b"x", strays=many[:1]))])
    assert connection.execute("SELECT MAX(last_ns) FROM strays").fetchone() == (12,)
    assert books(connection)["stored"] == 3


def test_a_journal_of_the_first_version_keeps_its_letters(tmp_path):
    with sqlite3.connect(tmp_path / "journal.db", isolation_level=None) as old:
        for statement in MIGRATIONS[0].split(";\n"):
            old.execute(statement)
        old.execute("PRAGMA user_version=1")
        columns = "(gateway, run_id, sequence, received_ns, reason, detail, payload)"
        for run, detail in ((RUN, "not zstd"), (RUN, "journal offset 3: damaged"), (None, "no frame")):
            values = ("gw", run, 1, 5, "bad_body", detail, b"abc")
            old.execute(f"INSERT INTO dead_letter {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    connection = open_journal(tmp_path)
    assert [(book, size) for _, _, book, size, _ in letters(connection)] == [("rejected", 3), ("damaged", 3), ("", 3)]
    connection.close()
