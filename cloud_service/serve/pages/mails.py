"""Mails: the list from the outbox, and each one as it was sent, where the folder of sent mails has it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cloud_service.incident_record import IncidentRecord, find_incident
from cloud_service.notify import outbox
from cloud_service.serve.mail_folder import read_mail
from cloud_service.serve.pages.missing import missing
from cloud_service.serve.pages.render import page
from cloud_service.serve.security import MAIL_POLICY
from cloud_service.serve.service import Service, service_of


async def mails(request: Request) -> Response:
    """`/mails`."""
    service = service_of(request)
    rows = outbox.newest(service.state)
    incidents: dict[str, IncidentRecord | None] = {
        row.incident: find_incident(service.state, row.incident) for row in rows
    }
    return page(request, "mails.html", "Mails", rows=rows, incidents=incidents)


async def mail(request: Request) -> Response:
    """`/mails/{mail}`."""
    service = service_of(request)
    row = outbox.find(service.state, request.path_params["mail"])
    if row is None:
        return missing(request, f"There is no mail {request.path_params['mail']}.")
    content = await _content(service, row)
    return page(
        request,
        "mail.html",
        "Mail",
        row=row,
        incident=find_incident(service.state, row.incident),
        read=read_mail(content) if content else None,
        has_folder=service.mails is not None,
    )


async def mail_body(request: Request) -> Response:
    """`/mails/{mail}/body`: the HTML of a mail, shut off from everything, for the frame on its page."""
    content = await _requested(request)
    if content is None:
        return missing(request, "This mail is not in the folder of sent mails.")
    return HTMLResponse(read_mail(content).html, headers={"Content-Security-Policy": MAIL_POLICY})


async def mail_file(request: Request) -> Response:
    """`/mails/{mail}.eml`: the message as it was sent."""
    content = await _requested(request)
    if content is None:
        return missing(request, "This mail is not in the folder of sent mails.")
    name = f"telltale-mail-{request.path_params['mail']}.eml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="message/rfc822", headers=headers)


async def _requested(request: Request) -> bytes | None:
    service = service_of(request)
    row = outbox.find(service.state, request.path_params["mail"])
    return await _content(service, row) if row else None


async def _content(service: Service, row: outbox.OutboxRow) -> bytes | None:
    if service.mails is None:
        return None
    return await asyncio.to_thread(service.mails.content, row.message_id)
