"""What later stages show on a ticket's page.

Each app names its panels in its ``AppConfig.ready``, as it does its subjects and lists of work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from portal.accounts.queries import AnyUser
from tickets.registry.models import CarbonTicket


@dataclass(frozen=True, slots=True)
class Panel:
    """A template and what it shows this reader of a ticket."""

    template: str
    context: Callable[[CarbonTicket, AnyUser], dict[str, Any]]


_PANELS: dict[str, Panel] = {}


def register_panel(panel: Panel) -> None:
    """Make a panel known; the last registration of a template stands."""
    _PANELS[panel.template] = panel


def panels_of(ticket: CarbonTicket, user: AnyUser) -> list[SafeString]:
    """The panels of a ticket's page, in the order of their registration."""
    return [
        render_to_string(panel.template, panel.context(ticket, user)) for panel in _PANELS.values()
    ]
