"""The card of the model that estimates a channel's remaining life."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cloud_service.model.card import card_text
from cloud_service.serve.pages.missing import missing
from cloud_service.serve.pages.render import page
from cloud_service.serve.service import service_of


async def model_card(request: Request) -> Response:
    """`/channels/{channel}/model`."""
    service, name = service_of(request), request.path_params["channel"]
    place = service.site.places.get(name)
    detail = place.channel.remaining_life if place else None
    loaded = service.life_models.get(detail.model) if detail else None
    if place is None or loaded is None:
        return missing(request, f"There is no remaining-life model of channel {name[:64]!r}.")
    text = card_text(loaded.card, loaded.sha256)
    return page(request, "model.html", "Model card", place=place, card=loaded.card, text=text)
