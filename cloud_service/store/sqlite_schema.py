"""The tables of the embedded store, derived from `MEASUREMENTS`.

For every measurement `m` (all names as in `cloud_service.store.schema`):

- `m`: one row a record; `series`, `t_ns`, then one column a field. Key (series, t_ns); for `finding` also `reason`.
- `m_hour`, where `m` has rollups: `series`, `t_ns` (start of the UTC hour), then `<field>_mean`, `_min`, `_max`,
  `_count` of each rollup field. Brought up to date from `m` (see `sqlite_rollup`).
- `m_dirty`: hours of `m_hour` that have to be computed again.

and for all: `series(id, measurement, subject)`, and `pruned(measurement, before_ns)`: raw rows before that time are
gone.
So the number of readings of a channel is

    SELECT COUNT(*) FROM reading JOIN series ON series.id = reading.series WHERE subject = 'footbridge.midspan.az'

Floats that are not finite are NULL, and so is what was absent.
"""

# ruff: noqa: S608 - names come from the allow-list in schema.py, values are bound

from __future__ import annotations

from cloud_service.store.check import key_fields
from cloud_service.store.schema import MEASUREMENTS, Measurement, Type

SQL_TYPES = {Type.FLOAT: "REAL", Type.INT: "INTEGER", Type.TEXT: "TEXT", Type.BYTES: "BLOB"}


# Fields that came after the first version: the first migration leaves them out, the second adds them.
_SINCE_2 = {"waveform": ("dtype", "scale", "offset")}
# Measurements that came with the third version.
_SINCE_3 = ("completeness", "books")
# And with the fourth.
_SINCE_4 = ("velocity", "modes")


def table_sql(measurement: Measurement) -> str:
    """The statement that creates the table of a measurement, as it was in the first version.

    Rows that hold bodies stay in an ordinary table: large rows make a tree without row ids slow to search.
    """
    keys = key_fields(measurement)
    columns = [
        f'"{name}" {SQL_TYPES[kind]}' + (" NOT NULL" if name in keys else "")
        for name, kind in measurement.fields.items()
        if name not in _SINCE_2.get(measurement.name, ())
    ]
    key = ", ".join(["series", "t_ns", *(f'"{name}"' for name in keys)])
    kind = "" if Type.BYTES in measurement.fields.values() else " WITHOUT ROWID"
    return (
        f'CREATE TABLE "{measurement.name}" (series INTEGER NOT NULL, t_ns INTEGER NOT NULL, '
        f"{', '.join(columns)}, PRIMARY KEY ({key})){kind}"
    )


def added_sql(measurement: str, field: str) -> str:
    """The statement that adds a field to the table of a measurement; rows that are there have none of it."""
    return f'ALTER TABLE "{measurement}" ADD COLUMN "{field}" {SQL_TYPES[MEASUREMENTS[measurement].fields[field]]}'


def rollup_sql(measurement: Measurement) -> list[str]:
    """The statements that create the rollup tables of a measurement; none where it has no rollups."""
    if not measurement.rollup:
        return []
    columns = ", ".join(
        f'"{name}_mean" REAL, "{name}_min" REAL, "{name}_max" REAL, "{name}_count" INTEGER NOT NULL'
        for name in measurement.rollup
    )
    key = "series INTEGER NOT NULL, t_ns INTEGER NOT NULL"
    end = "PRIMARY KEY (series, t_ns)) WITHOUT ROWID"
    return [
        f'CREATE TABLE "{measurement.name}_hour" ({key}, {columns}, {end}',
        f'CREATE TABLE "{measurement.name}_dirty" ({key}, {end}',
    ]


def upsert_sql(measurement: Measurement, fields: tuple[str, ...]) -> str:
    """The statement that stores one row: parameters series, t_ns, then `fields`. A field that is absent (NULL) leaves
    what is there: the same as in a store that keeps fields one by one.
    """
    keys = key_fields(measurement)
    names = ", ".join(["series", "t_ns", *(f'"{name}"' for name in fields)])
    marks = ", ".join("?" * (2 + len(fields)))
    conflict = ", ".join(["series", "t_ns", *(f'"{name}"' for name in keys)])
    updates = ", ".join(f'"{name}"=COALESCE(excluded."{name}", "{name}")' for name in fields if name not in keys)
    action = f"UPDATE SET {updates}" if updates else "NOTHING"
    return f'INSERT INTO "{measurement.name}" ({names}) VALUES ({marks}) ON CONFLICT ({conflict}) DO {action}'


MIGRATIONS = (
    ";\n".join(
        [
            (
                "CREATE TABLE series (id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, subject TEXT NOT NULL, "
                "UNIQUE (measurement, subject))"
            ),
            "CREATE TABLE pruned (measurement TEXT PRIMARY KEY, before_ns INTEGER NOT NULL) WITHOUT ROWID",
            *(
                statement
                for measurement in MEASUREMENTS.values()
                if measurement.name not in (*_SINCE_3, *_SINCE_4)
                for statement in (table_sql(measurement), *rollup_sql(measurement))
            ),
        ]
    ),
    ";\n".join(added_sql(measurement, field) for measurement, fields in _SINCE_2.items() for field in fields),
    ";\n".join(table_sql(MEASUREMENTS[name]) for name in _SINCE_3),
    ";\n".join(
        statement for name in _SINCE_4 for statement in (table_sql(MEASUREMENTS[name]), *rollup_sql(MEASUREMENTS[name]))
    ),
)
