"""The table of endpoints. One row makes the route, the checks and the document."""

from __future__ import annotations

from cloud_service.completeness.ledger import KEPT_DAYS
from cloud_service.completeness.report import SPAN_DAYS
from cloud_service.serve.api import answers, handlers
from cloud_service.serve.api.endpoint import Endpoint, Parameter
from cloud_service.serve.series import MAX_POINTS
from cloud_service.store.schema import MEASUREMENTS

MAX_ROWS = 500
_SHOWN = tuple(name for name, item in MEASUREMENTS.items() if item.subject == "channel" and name != "waveform")

_CHANNEL = Parameter("channel", "channel id", place="path")
_STRUCTURE = Parameter("structure", "structure id", place="path")
_INCIDENT = Parameter("incident", "incident id", place="path")
_LIMIT = Parameter("limit", "at most so many", kind="int", lowest=1, highest=MAX_ROWS, default=100)
_DAYS = Parameter("days", "of the last so many days", kind="int", lowest=1, highest=KEPT_DAYS, default=SPAN_DAYS)
_SERIES = (
    _CHANNEL,
    Parameter("measurement", "which kind of rows", choices=_SHOWN, default="reading"),
    Parameter("fields", "numeric fields of the measurement, comma-separated; its first one if absent"),
    Parameter("start", "from here on (inclusive); 30 days before the end if absent", kind="time"),
    Parameter("end", "up to here (exclusive); now if absent", kind="time"),
    Parameter(
        "bucket_s",
        "0: raw rows, the newest 5,000 of the span; else buckets of so many seconds; fits `points` if absent",
        kind="int",
        lowest=0,
        highest=31_622_400,
    ),
    Parameter("points", "how many rows are wanted at most", kind="int", lowest=10, highest=MAX_POINTS, default=1000),
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/facilities", "Facilities", handlers.facilities, list[answers.FacilityAnswer]),
    Endpoint(
        "GET",
        "/structures",
        "Structures with their status and the life estimate that ends first",
        handlers.structures,
        list[answers.StructureAnswer],
        (Parameter("facility", "only of this facility"),),
    ),
    Endpoint(
        "GET", "/structures/{structure}", "One structure", handlers.structure, answers.StructureAnswer, (_STRUCTURE,)
    ),
    Endpoint(
        "GET",
        "/channels",
        "Channels with their newest value, limits and findings",
        handlers.channels,
        list[answers.ChannelAnswer],
        (Parameter("structure", "only of this structure"),),
    ),
    Endpoint("GET", "/channels/{channel}", "One channel", handlers.channel, answers.ChannelAnswer, (_CHANNEL,)),
    Endpoint(
        "GET",
        "/channels/{channel}/series",
        "History of a channel, raw or in buckets",
        handlers.series,
        answers.SeriesAnswer,
        _SERIES,
    ),
    Endpoint(
        "GET",
        "/channels/{channel}/waveform",
        "The newest window of a channel and its spectrum",
        handlers.waveform,
        answers.WaveformAnswer,
        (_CHANNEL,),
    ),
    Endpoint(
        "GET",
        "/channels/{channel}/life",
        "Remaining life of a channel, or the named refusal",
        handlers.channel_life,
        answers.LifeAnswer,
        (_CHANNEL,),
    ),
    Endpoint(
        "GET",
        "/channels/{channel}/acts",
        "What operators did that ended a baseline of the channel: who, when, why",
        handlers.channel_acts,
        list[answers.ActAnswer],
        (_CHANNEL,),
    ),
    Endpoint(
        "GET",
        "/channels/{channel}/completeness",
        "How complete a channel is, and its gaps with their causes",
        handlers.channel_completeness,
        answers.ChannelCompletenessAnswer,
        (_CHANNEL, _DAYS),
    ),
    Endpoint("GET", "/life", "Remaining life of every channel", handlers.life, list[answers.LifeAnswer]),
    Endpoint(
        "GET",
        "/incidents",
        "Incidents, those that stand first",
        handlers.incidents,
        list[answers.IncidentAnswer],
        (
            Parameter("state", "all, or only those not resolved", choices=("all", "standing"), default="all"),
            Parameter("structure", "only of this structure"),
            _LIMIT,
        ),
    ),
    Endpoint(
        "GET",
        "/incidents/{incident}",
        "One incident with its log",
        handlers.incident,
        answers.IncidentAnswer,
        (_INCIDENT,),
    ),
    Endpoint(
        "POST",
        "/incidents/{incident}/acknowledge",
        "Take an incident on, by name",
        handlers.acknowledge_incident,
        answers.IncidentAnswer,
        (_INCIDENT,),
        answers.Acknowledgement,
    ),
    Endpoint("GET", "/gateways", "Gateways with last-seen and backlog", handlers.gateways, list[answers.GatewayAnswer]),
    Endpoint(
        "GET",
        "/gateways/completeness",
        "Books and holes of every gateway, by sequence",
        handlers.gateway_completeness,
        list[answers.GatewayCompletenessAnswer],
    ),
    Endpoint("GET", "/mails", "Mails, newest first", handlers.mails, list[answers.MailAnswer], (_LIMIT,)),
)
