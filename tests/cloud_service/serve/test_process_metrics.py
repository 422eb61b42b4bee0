"""`/metrics`: what the other processes count and what analysis left out."""

from __future__ import annotations

from cloud_service.process_stats import write_stats
from telltale.clock import NS_PER_HOUR


async def scraped(service, browse) -> dict[str, float]:
    async with browse(service) as client:
        text = (await client.get("/metrics")).text
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    }


async def test_counters_of_every_process_are_exposed(full, browse) -> None:
    write_stats(full.data_dir, "ingest", {"messages": 12, "frames_stored": 7})
    write_stats(full.data_dir, "analyse", {"detector_faults": 2, "skipped": 1})
    found = await scraped(full, browse)
    assert found["telltale_ingest_messages_total"] == 12
    assert found["telltale_analyse_detector_faults_total"] == 2


async def test_a_broken_or_foreign_file_costs_nothing(full, browse) -> None:
    write_stats(full.data_dir, "store", {"rows_stored": 5, "two words": 1, "x{y}": 1})
    (full.data_dir / "stats" / "Odd name.json").write_text('{"a": 1}', encoding="utf-8")
    (full.data_dir / "stats" / "half.json").write_text('{"a": ', encoding="utf-8")
    found = await scraped(full, browse)
    assert found["telltale_store_rows_stored_total"] == 5
    assert not [name for name in found if "two" in name or "odd" in name.lower() or "half" in name or "x{y}" in name]


async def test_what_was_skipped_is_counted_by_reason(full, browse) -> None:
    rows = [("gw-dam", "a", "unknown_channel", "d", 3, 30, 1, 2), ("gw-dam", "b", "unknown_channel", "d", 1, 10, 1, 2)]
    full.state.executemany("INSERT INTO skipped VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    found = await scraped(full, browse)
    labels = '{gateway="gw-dam",reason="unknown_channel"}'
    assert found[f"telltale_skipped_blocks_total{labels}"] == 4
    assert found[f"telltale_skipped_samples_total{labels}"] == 40


async def test_the_age_of_each_channel_shows_which_one_stopped(full, browse) -> None:
    found = await scraped(full, browse)
    assert found['telltale_channel_age_seconds{channel="gallery.crack-7"}'] == NS_PER_HOUR / 1e9


async def test_completeness_of_channels_and_gateways(full, browse) -> None:
    found = await scraped(full, browse)
    assert found['telltale_gateway_frames{fate="missing",gateway="gw-riverside"}'] == 3
    assert found['telltale_gateway_frames{fate="dropped",gateway="gw-riverside"}'] == 14
    assert found['telltale_channel_complete_ratio{channel="footbridge.midspan.az"}'] == 703 / 720
    assert found['telltale_channel_gaps{channel="footbridge.midspan.az"}'] == 2
