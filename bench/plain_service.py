"""The service that most people would write first: one JSON message a second of three axes, an FFT, one write a message.

Same broker, same embedded database, same durability (WAL, synchronous=FULL) as ours; the yardstick of `bench/pipeline.py`.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys

import aiomqtt
import numpy as np


def features(samples: np.ndarray, rate_hz: float) -> tuple[float, ...]:
    centred = samples - samples.mean()
    rms = float(np.sqrt(np.mean(centred**2)))
    peak = float(np.abs(centred).max())
    kurtosis = float(np.mean(centred**4) / rms**4)
    power = np.abs(np.fft.rfft(centred * np.hanning(samples.size))) ** 2
    bands = [float(part.sum()) for part in np.array_split(power, 8)]
    return (rms, peak, peak / rms, kurtosis, float(np.argmax(power)) * rate_hz / samples.size, *bands)


async def main(port: int, database: str) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    columns = ", ".join(f"f{i} REAL" for i in range(13))
    connection.execute(f"CREATE TABLE features (channel TEXT, t_ns INTEGER, {columns}, PRIMARY KEY (channel, t_ns))")
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe("plain/+", qos=1)
        print("ready", flush=True)
        async for message in client.messages:
            document = json.loads(message.payload)
            connection.execute("BEGIN")
            for axis, samples in document["axes"].items():
                row = features(np.array(samples), document["rate_hz"])
                connection.execute(
                    f"INSERT OR REPLACE INTO features VALUES ({','.join('?' * 15)})",
                    (f"{document['sensor']}.{axis}", document["t_ns"], *row),
                )
            connection.execute("COMMIT")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
