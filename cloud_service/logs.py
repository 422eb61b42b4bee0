"""Logs of the service: structlog, one JSON object a line; readable lines where a person watches a terminal."""

from __future__ import annotations

import logging
import sys

import structlog


def logs_beside_an_answer() -> None:
    """Logs of a command whose standard output is its answer: what is wrong alone, on standard error."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def configure_logs(part: str) -> None:
    """Send logs of this process to standard output, each line naming `part`."""
    watched = sys.stdout.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if watched else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if watched else [structlog.processors.dict_tracebacks]),
    ]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)
    # Libraries that log the standard way (uvicorn, aiomqtt, influxdb-client) speak up only when something is wrong.
    own = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    spoken = logging.StreamHandler(sys.stdout)
    spoken.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[own, renderer], foreign_pre_chain=before))
    logging.basicConfig(handlers=[spoken], level=logging.WARNING)
