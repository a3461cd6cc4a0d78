"""Which section of which handbook explains a page: book → section → names of pages.

A page may be explained in several handbooks; its reader is led into the own one where that speaks
of it, else into the first that does. A test asks that every page of the portal is named here.
"""

from __future__ import annotations

from django.urls import reverse

from portal.accounts.queries import AnyUser
from portal.site.handbooks.books import HANDBOOKS, handbook_of

EXPLAINED: dict[str, dict[str, tuple[str, ...]]] = {
    "visitor": {
        "map": ("site:home",),
        "stands-here": ("layers:stands-here",),
        "verify": ("site:verify-form", "site:verify"),
        "ticket": ("registry:register", "registry:ticket", "registry:roots", "projects:filing"),
        "share": ("layers:statistics", "layers:open-data"),
        "buy": ("market:market", "market:pool", "market:order", "offsets:estimate"),
        "objection": (
            "casework:notices", "casework:notice", "casework:objection-find", "casework:objection",
            "registry:loss-notice",
        ),
        "complain": (
            "supervision:supervision", "supervision:complaint-new", "supervision:complaint-find",
            "supervision:complaint",
        ),
        "disclosure": (
            "supervision:disclosure", "supervision:news", "supervision:news-item",
            "supervision:justice",
        ),
        "account": (
            "accounts:sign-in", "accounts:password-reset", "accounts:password-reset-done",
            "accounts:password-reset-confirm", "accounts:password-reset-complete",
        ),
    },
    "owner": {
        "account": (
            "accounts:sign-up", "accounts:my-page", "accounts:sessions", "accounts:second-factor",
            "accounts:password-change", "accounts:mandate-give", "accounts:mandate-end",
            "casework:messages",
        ),
        "register-title": ("parcels:title-register-page",),
        "title": (
            "parcels:my-titles", "parcels:my-title", "parcels:boundary-message", "parcels:title",
            "parcels:parcel",
        ),
        "draw": ("parcels:area-new", "parcels:area-draw"),
        "apply": (
            "projects:projects", "projects:apply", "projects:fill", "projects:submit",
            "projects:consent",
        ),
        "report": ("accounting:report", "accounting:new", "accounting:draft", "accounting:result"),
        "application": ("projects:application",),
        "claim-ticket": ("registry:work", "registry:request", "registry:registration"),
        "transfer": (
            "registry:ask", "registry:ticket", "registry:successions", "registry:succession",
        ),
        "loss": ("registry:loss-notice",),
        "tokens": ("accounts:tokens", "casework:webhook"),
        "sell": (
            "market:market", "market:work", "market:offer", "market:listing", "market:trade",
            "market:contracts", "market:contract",
        ),
        "offset": (
            "offsets:offsets", "offsets:offset", "offsets:request", "offsets:ask",
            "offsets:estimate",
        ),
    },
    "natural-resources": {
        "import": ("parcels:imports", "parcels:import"),
        "bench": ("parcels:bench", "parcels:bench-case"),
        "rules": ("parcels:rules",),
        "application": ("casework:desk", "casework:moves", "projects:application"),
        "screening": ("parcels:screenings", "parcels:screening", "parcels:screening-start"),
        "exclusions": ("parcels:exclusions", "parcels:exclusion-look"),
        "export": ("parcels:export",),
        "parcel": ("parcels:parcel", "parcels:title"),
    },
    "forestry": {
        "identity": ("accounts:identity-checks", "accounts:identity-check", "accounts:party-link"),
        "completeness": ("casework:desk", "projects:application"),
        "review": ("casework:moves", "projects:changed-titles"),
        "verifier": ("accounting:reports", "accounting:draft", "accounting:result"),
        "registrations": (
            "registry:work", "registry:request", "registry:registration", "registry:successions",
            "registry:succession", "registry:mark-prints", "registry:take-in-prints",
        ),
        "orders": ("registry:ask", "registry:ticket"),
        "loss-notice": ("registry:loss-notice",),
        "inspection": (
            "supervision:inspections", "supervision:inspection-new", "supervision:inspection",
        ),
        "supervision": (
            "supervision:complaint-desk", "supervision:complaint-case", "supervision:watch",
            "supervision:dashboards", "supervision:dashboard",
        ),
    },
    "ecology": {
        "filing": ("casework:desk", "casework:moves", "projects:application", "projects:filing"),
        "offset": ("offsets:offsets", "offsets:offset", "offsets:request"),
        "pool": ("market:work", "market:new-pool", "market:pool"),
        "supervision": (
            "supervision:complaint-desk", "supervision:complaint-case", "supervision:dashboards",
            "supervision:dashboard",
        ),
    },
    "trading": {
        "listing": ("market:work", "market:listing", "casework:desk"),
        "settlement": ("market:trade",),
        "retail": ("market:pool", "market:order"),
        "pledge": ("finance:bank", "registry:request"),
        "insurance": ("finance:insurer",),
        "finance-office": ("finance:finance", "finance:register", "registry:work", "registry:registration"),
        "justice": (
            "supervision:justice-cases", "supervision:justice-new", "supervision:justice-case",
        ),
        "supervision": (
            "supervision:complaint-desk", "supervision:complaint-case", "supervision:dashboards",
            "supervision:dashboard",
        ),
    },
    "data": {
        "section-1": (
            "layers:developers",
            "layers:ogc", "layers:ogc-conformance", "layers:ogc-api", "layers:ogc-collections",
            "layers:ogc-collection", "layers:ogc-items", "layers:ogc-item", "api-docs",
        ),
    },
}  # fmt: skip


def section_of(slug: str, page: str) -> str | None:
    """The section of the handbook that explains the page of that name."""
    for anchor, pages in EXPLAINED.get(slug, {}).items():
        if page in pages:
            return anchor
    return None


def help_address(user: AnyUser, page: str) -> str:
    """Where this reader finds the page of that name explained; the list of handbooks otherwise."""
    own = handbook_of(user).slug
    for slug in (own, *(book.slug for book in HANDBOOKS)):
        if anchor := section_of(slug, page):
            return f"{reverse('site:handbook', args=[slug])}#{anchor}"
    return reverse("site:help")
