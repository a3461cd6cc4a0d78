"""What owners do: projects, drafts and their materials, submission, correction, withdrawal."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import Min

from parcels.claims.operations import end_claim, submit_claim
from parcels.models import Claim, ProjectAreaVersion, RuleRun, TitleCertificate
from parcels.rules.operations import check_project_area
from parcels.rules.queries import kept_findings_in_words
from parcels.rules.table import Stage
from portal.accounts.models import Mandate, Party, User
from portal.accounts.queries import acts_for, standing_party
from portal.base.clock import PortalNow, now
from portal.base.errors import NotFound, StateMovedOn
from portal.base.numbers import NumberKind, draw_number
from portal.base.transactions import write_transaction
from portal.casework.deadlines import regulation_in_force
from portal.casework.documents import Upload, add_document
from portal.casework.models import Document, Recusal, ReviewCase, ReviewStep
from portal.casework.moves import StepStatus, VerdictKind
from portal.casework.operations import add_parties, open_case, record_verdict, recuse
from portal.journal.operations import record_event
from tickets.projects.access import parties_consented_for
from tickets.projects.checklist import (
    applicants_of,
    barred_among,
    check_period,
    co_owners_missing,
    facts_digest,
    latest_result,
    linked_certificates,
    terms_of,
    unconfirmed_materials,
    what_is_missing,
    without_consent,
)
from tickets.projects.errors import (
    ApplicantDisqualified,
    ApplicantNotChecked,
    ApplicationIncomplete,
    ApplicationMoveNotAllowed,
    ApplicationUnderReview,
    AreaHasConflicts,
    ConsentMissing,
    CoOwnersMissing,
    DisqualificationPending,
    MayNotApply,
    MeasureWrong,
    SharesWrong,
    VerifierHasInterest,
)
from tickets.projects.models import (
    OPEN_STATES,
    AccountingResult,
    Application,
    ApplicationShare,
    ApplicationTitle,
    Material,
    Measure,
    Project,
)
from tickets.projects.notes import (
    ask_for_consent,
    publish_application,
    take_notice_down,
    tell_of_late_materials,
    tell_office,
)
from tickets.projects.plan import APPLICATION_CASE, JUDGED_BY, Step, application_steps

SUBJECT = "application"
INSIDE = "application_inside"  # Files of what the review says to itself.
FINDINGS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Share:
    """A co-owner's part, over the application's denominator."""

    party: Party
    numerator: int


@dataclass(frozen=True, slots=True)
class PlannedMeasure:
    """A dated measure; ``place`` is in EPSG:4490."""

    name: str
    done_from: date
    done_to: date
    place: GEOSGeometry | None = None


# --- drafts -------------------------------------------------------------------------------------
@write_transaction
def start_project(*, name: str, applicant: Party, type: Project.Type, actor: User) -> Project:
    """A project of a checked party, by who may apply for it."""
    party = _applicant(applicant, actor)
    project = Project.objects.create(
        number=draw_number(NumberKind.PROJECT),
        name=name.strip(),
        applicant=party,
        type=type,
        made_by=actor,
    )
    record_event(
        subject_kind="project",
        subject_key=project.key,
        verb="started",
        actor_key=actor.key,
        facts={"number": project.number, "applicant": str(party.key)},
    )
    return project


@write_transaction
def change_project(*, project: Project, name: str, type: Project.Type, actor: User) -> Project:
    """Another name or type, as long as no application of it is under review or filed."""
    _applicant(project.applicant, actor)
    busy = project.applications.exclude(
        state__in=[
            *OPEN_STATES,
            Application.State.WITHDRAWN,
            Application.State.REJECTED,
            Application.State.DISCARDED,
        ]
    )
    if busy.exists():
        raise ApplicationUnderReview()
    Project.objects.filter(pk=project.pk).update(name=name.strip(), type=type)
    project.refresh_from_db()
    return project


@write_transaction
def start_application(
    *,
    project: Project,
    actor: User,
    area_version: ProjectAreaVersion | None = None,
    period: DateRange | None = None,
) -> Application:
    """A draft; the owner alone, with the whole share, until shares are set."""
    _applicant(project.applicant, actor)
    if period is not None:
        check_period(period)
    application = Application.objects.create(
        project=project, area_version=area_version, period=period, made_by=actor
    )
    ApplicationShare.objects.create(
        application=application,
        party=project.applicant,
        numerator=application.share_denominator,
    )
    settle_consents(application, actor)
    _record(application, "started", actor)
    return application


@write_transaction
def save_draft(
    *,
    application: Application,
    area_version: ProjectAreaVersion | None,
    period: DateRange | None,
    seen: int,
    actor: User,
) -> Application:
    """Area and period; StateMovedOn where another window saved after ``seen``."""
    draft = _open_draft(application, actor, seen=seen)
    if period is not None:
        check_period(period)
    return _write_draft(draft, actor, area_version=area_version, period=period)


@write_transaction
def set_shares(
    *,
    application: Application,
    denominator: int,
    shares: Sequence[Share],
    seen: int,
    actor: User,
) -> Application:
    """Who shares the tonnes and how; whoever has not consented to just this is asked anew."""
    draft = _open_draft(application, actor, seen=seen)
    total = sum(share.numerator for share in shares)
    parties = [share.party.pk for share in shares]
    if (
        total != denominator
        or len(set(parties)) != len(parties)
        or any(share.numerator < 1 for share in shares)
    ):
        raise SharesWrong(total=total, denominator=denominator)
    former = {row.party_id: row for row in draft.shares.all()}
    draft.shares.all().delete()
    for share in shares:
        # What was consented to goes with the party; whether it still stands is seen below.
        row = former.get(share.party.pk) or ApplicationShare(application=draft, party=share.party)
        row.pk, row.numerator = None, share.numerator
        row.save(force_insert=True)
    draft = _write_draft(draft, actor, share_denominator=denominator)
    for row in draft.shares.filter(consented_at__isnull=True).select_related("party"):
        if row.party_id not in former:
            ask_for_consent(draft, row.party)
    return draft


@write_transaction
def consent_to_share(
    *, share: ApplicationShare, terms: str, actor: User, upload: Upload | None = None
) -> ApplicationShare:
    """A co-owner consents for himself; on paper (``upload``) who applies for the owner brings it.

    ``terms`` is the digest of what the co-owner looked at (``checklist.terms_of``); StateMovedOn
    where land, days, shares or agreement changed meanwhile.
    """
    application = _locked(share.application)
    on_paper = upload is not None and acts_for(
        actor, application.project.applicant, Mandate.Scope.APPLY
    )
    if not on_paper and share.party_id not in parties_consented_for(actor, application):
        raise ConsentMissing()
    if terms != terms_of(application):
        raise StateMovedOn()
    document = (
        add_document(
            subject_kind=SUBJECT,
            subject_key=application.key,
            kind="consent",
            upload=upload,
            actor=actor,
        )
        if upload is not None
        else None
    )
    _write_consent(share, terms, actor, document)
    share.refresh_from_db()
    _record(application, "consented", actor, party=str(share.party.key), terms=terms)
    return share


@write_transaction
def consent_to_shares(*, shares: Sequence[ApplicationShare], terms: str, actor: User) -> None:
    """All for whom the user acts, or none of them."""
    for share in shares:
        consent_to_share(share=share, terms=terms, actor=actor)


@write_transaction
def link_titles(
    *, application: Application, certificates: Iterable[TitleCertificate], seen: int, actor: User
) -> Application:
    """The verified certificates that the application rests on."""
    draft = _open_draft(application, actor, seen=seen)
    draft.titles.all().delete()
    for certificate in {one.pk: one for one in certificates}.values():
        ApplicationTitle.objects.create(application=draft, certificate=certificate)
    return _write_draft(draft, actor)


@write_transaction
def set_measures(
    *, application: Application, measures: Sequence[PlannedMeasure], seen: int, actor: User
) -> Application:
    """The dated measures of the approved design (article 4)."""
    draft = _open_draft(application, actor, seen=seen)
    if any(not one.name.strip() or one.done_to < one.done_from for one in measures):
        raise MeasureWrong()
    draft.measures.all().delete()
    for one in measures:
        Measure.objects.create(
            application=draft,
            name=one.name.strip(),
            done_from=one.done_from,
            done_to=one.done_to,
            place=one.place,
        )
    return _write_draft(draft, actor)


@write_transaction
def add_material(
    *,
    application: Application,
    kind: Material.Kind,
    actor: User,
    upload: Upload | None = None,
    signed: bool = False,
) -> Material:
    """The next version of one of the seven materials, over the data as they are now.

    What is there already (the same file over the same data by the same signer) was sent twice and is no new version.
    """
    draft = _open_draft(application, actor)
    content = facts_digest(draft, kind)
    latest = draft.materials.filter(kind=kind).select_related("document").last()
    if latest is not None and (
        latest.document.sha256 if latest.document else None,
        latest.content_sha256,
        latest.signed_by_id,
    ) == (upload.sha256 if upload else None, content, actor.pk if signed else None):
        return latest
    document = (
        add_document(
            subject_kind=SUBJECT, subject_key=draft.key, kind=kind, upload=upload, actor=actor
        )
        if upload is not None
        else None
    )
    material = Material.objects.create(
        application=draft,
        kind=kind,
        version=(latest.version if latest else 0) + 1,
        document=document,
        content_sha256=content,
        signed_by=actor if signed else None,
        signed_at=now() if signed else None,
        added_by=actor,
    )
    if kind == Material.Kind.AGREEMENT:
        settle_consents(draft, actor)
    _record(
        draft,
        "material",
        actor,
        kind=str(kind),
        version=material.version,
        sha256=document.sha256 if document else "",
    )
    return material


@write_transaction
def discard_draft(*, application: Application, actor: User) -> Application:
    """Give up what was never submitted; it stays to be looked up, and asks nobody for consent."""
    draft = _open_draft(application, actor)
    if draft.state != Application.State.DRAFT:
        raise ApplicationUnderReview()
    Application.objects.filter(pk=draft.pk).update(state=Application.State.DISCARDED)
    draft.refresh_from_db()
    _record(draft, "discarded", actor)
    return draft


@write_transaction
def record_accounting_result(
    *,
    application: Application,
    report_key: uuid.UUID,
    area_version: ProjectAreaVersion,
    period: DateRange,
    report_sha256: str,
    quantity_kg_calculated: int,
    quantity_kg_reported: int,
    method_code: str,
    method_version: str,
    parameters_sha256: str,
    verifier: User,
) -> AccountingResult:
    """What a signed report came to, on which land and days; a newer report is a newer row, until the application is
    submitted. Called by accounting in the transaction of the signature.
    """
    result = AccountingResult.objects.create(
        application=application,
        report_key=report_key,
        area_version=area_version,
        period=period,
        report_sha256=report_sha256,
        quantity_kg_calculated=quantity_kg_calculated,
        quantity_kg_reported=quantity_kg_reported,
        method_code=method_code,
        method_version=method_version,
        parameters_sha256=parameters_sha256,
        verifier=verifier,
    )
    result.refresh_from_db()
    _record(
        application,
        "accounting_result",
        verifier,
        report=report_sha256,
        quantity_kg=quantity_kg_calculated,
    )
    return result


# --- submission ---------------------------------------------------------------------------------
@write_transaction
def submit_application(*, application: Application, actor: User, seen: int) -> Application:
    """Put a whole draft forward: a pending claim, and a case with its steps.

    Refused for who may not, with a disqualified owner or co-owner, outside the regulation's days (article 25),
    without the share and the consent of everybody whose land is in (CoOwnersMissing), incomplete, on a report of
    who acts for one of them (VerifierHasInterest), or where the rules find what forbids it.
    """
    draft = _open_draft(application, actor, seen=seen)
    if draft.state != Application.State.DRAFT:
        raise ApplicationUnderReview()
    regulation = regulation_in_force()
    refuse_disqualified(applicants_of(draft))
    _require_co_owners(draft)
    _require_whole(draft)
    _require_third_party(draft)
    assert draft.area_version is not None and draft.period is not None  # noqa: PT018
    check_land(draft, actor, stage=Stage.SUBMIT)
    claim = submit_claim(
        version=draft.area_version,
        period=draft.period,
        number=draft.project.number,
        actor=actor,
    )
    result = latest_result(draft)
    case = open_case(
        kind=APPLICATION_CASE,
        title=draft.project.name,
        subject_kind=SUBJECT,
        subject_key=draft.key,
        steps=application_steps(),
        actor=actor,
        applicants=[draft.project.applicant],
        others=applicants_of(draft),
        recused=[actor],
        regulation=regulation,
    )
    _recuse_verifier(case, result, actor)
    Application.objects.filter(pk=draft.pk).update(
        state=Application.State.SUBMITTED,
        claim=claim,
        case=case,
        submitted_at=PortalNow(),
        submitted_by=actor,
    )
    draft.refresh_from_db()
    _record(draft, "submitted", actor, case=case.number, claim=str(claim.key))
    tell_office(draft, case.steps.get(kind=Step.COMPLETENESS))
    return draft


@write_transaction
def resubmit_application(
    *, application: Application, actor: User, seen: int, answer: str
) -> Application:
    """Answer a return. Land or days that changed are claimed anew; what changed is reviewed again by
    the steps that had judged it, and every later one. Who came as a co-owner is a party of the case.
    """
    draft = _open_draft(application, actor, seen=seen)
    case = draft.case
    if draft.state != Application.State.RETURNED or case is None or draft.claim is None:
        raise ApplicationUnderReview()
    refuse_disqualified(applicants_of(draft))
    _require_co_owners(draft)
    _require_whole(draft)
    _require_third_party(draft)
    assert draft.area_version is not None and draft.period is not None  # noqa: PT018
    land_changed = (draft.claim.version_id, draft.claim.period) != (
        draft.area_version_id,
        draft.period,
    )
    claim = draft.claim
    if land_changed:
        claim = _claim_anew(draft, actor)
    check_land(draft, actor, stage=Stage.SUBMIT, own_claim=claim)
    add_parties(case=case, others=applicants_of(draft), actor=actor)
    returned = list(case.steps.filter(status=StepStatus.RETURNED).order_by("order"))
    rewind_to = _rewind_order(draft, returned, land_changed=land_changed)
    for at, step in enumerate(returned):
        last = at == len(returned) - 1
        step.refresh_from_db()
        record_verdict(
            step=step,
            verdict=VerdictKind.RESUBMIT,
            actor=actor,
            seen=step.revision,
            reason=answer,
            rewind_to=rewind_to if last else None,
        )
    _recuse_verifier(case, latest_result(draft), actor)
    determined = case.steps.filter(kind=Step.DETERMINATION, status=StepStatus.ENDORSED).exists()
    Application.objects.filter(pk=draft.pk).update(
        state=Application.State.DETERMINED if determined else Application.State.SUBMITTED,
        claim=claim,
        submitted_by=actor,
    )
    draft.refresh_from_db()
    if (
        land_changed
        and case.steps.filter(kind=Step.COMPLETENESS, status=StepStatus.ENDORSED).exists()
    ):
        # Other land is made public anew; what was said against the former land counts where it still lies.
        take_notice_down(draft, actor)
        publish_application(draft, actor)
    _record(draft, "resubmitted", actor, rewind_to=rewind_to or 0)
    for step in case.steps.filter(status=StepStatus.OPEN):
        tell_office(draft, step)
    if unconfirmed_materials(draft):
        tell_of_late_materials(draft, case.steps.get(kind=Step.COMPLETENESS))
    return draft


@write_transaction
def withdraw_application(*, application: Application, actor: User, reason: str = "") -> Application:
    """Take an application back before it is filed; the land is free again.

    DisqualificationPending while article 7's decision on it is proposed.
    """
    standing = _locked(application)
    if not acts_for(actor, standing.project.applicant, Mandate.Scope.APPLY):
        raise MayNotApply(party=standing.project.applicant.name)
    if standing.case is None or standing.claim is None or standing.case.closed_at is not None:
        raise ApplicationMoveNotAllowed()
    if is_disqualification_pending(standing):
        raise DisqualificationPending()
    step = unfinished_step(standing)
    record_verdict(
        step=step, verdict=VerdictKind.WITHDRAW, actor=actor, seen=step.revision, reason=reason
    )
    end_claim(claim=standing.claim, because=Claim.EndedBecause.WITHDRAWN, actor=actor)
    take_notice_down(standing, actor)
    Application.objects.filter(pk=standing.pk).update(state=Application.State.WITHDRAWN)
    standing.refresh_from_db()
    _record(standing, "withdrawn", actor)
    return standing


def is_disqualification_pending(application: Application) -> bool:
    """Whether article 7's decision is proposed and not taken: until then nothing else ends it."""
    return application.disqualifications.filter(case__closed_at__isnull=True).exists()


def unfinished_step(application: Application) -> ReviewStep:
    """The first step of the case that has not ended: on it a withdrawal is recorded."""
    assert application.case is not None
    step = (
        application.case.steps.exclude(
            status__in=[StepStatus.ENDORSED, StepStatus.REJECTED, StepStatus.CLOSED]
        )
        .order_by("order", "pk")
        .first()
    )
    if step is None:
        raise ApplicationUnderReview()
    return step


def refuse_disqualified(parties: Iterable[Party]) -> None:
    """Neither as the owner nor as a co-owner does a barred party take part (article 7)."""
    if barred_among(parties).exists():
        raise ApplicantDisqualified()


def check_land(
    application: Application,
    actor: User,
    *,
    stage: Stage,
    own_claim: Claim | None = None,
    numbered: bool = False,
) -> RuleRun:
    """The rules' kept run on the land as it is applied for; ``numbered`` makes it a uniqueness report.

    AreaHasConflicts where a rule of the stage forbids it (articles 6 and 24; guarantee 1).
    """
    assert application.area_version is not None
    run = check_project_area(
        version=application.area_version,
        stage=stage,
        period=application.period,
        applicants=applicants_of(application),
        certificates=linked_certificates(application),
        actor=actor,
        own_claim=own_claim,
        numbered=numbered,
    )
    if run.verdict == run.Verdict.CONFLICT:
        words = [
            found["message"]
            for found in kept_findings_in_words(run)
            if found["severity"] == run.Verdict.CONFLICT
        ]
        told = "；".join(dict.fromkeys(words[:FINDINGS_TOLD]))
        raise AreaHasConflicts(findings=told, run=str(run.key))
    return run


# --- inside -------------------------------------------------------------------------------------
def _applicant(party: Party, actor: User) -> Party:
    standing = standing_party(party)
    if not acts_for(actor, standing, Mandate.Scope.APPLY):
        raise MayNotApply(party=standing.name)
    if standing.checked_at is None:
        raise ApplicantNotChecked(party=standing.name)
    return standing


def _locked(application: Application) -> Application:
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("project__applicant", "case", "claim", "area_version")
        .get(pk=application.pk)
    )


def _open_draft(application: Application, actor: User, *, seen: int | None = None) -> Application:
    """The application, locked, if it may be changed by this user and is what he looked at."""
    draft = _locked(application)
    if not acts_for(actor, draft.project.applicant, Mandate.Scope.APPLY):
        raise NotFound()
    if draft.state not in OPEN_STATES:
        raise ApplicationUnderReview()
    if seen is not None and seen != draft.revision:
        raise StateMovedOn(revision=draft.revision)
    return draft


def _write_draft(draft: Application, actor: User, **written: Any) -> Application:
    Application.objects.filter(pk=draft.pk).update(revision=draft.revision + 1, **written)
    draft.refresh_from_db()
    settle_consents(draft, actor)
    _record(draft, "saved", actor, revision=draft.revision)
    return draft


def settle_consents(draft: Application, actor: User) -> None:
    """Who saves consents for those whose consent is his to give; the others' consents fall with the
    terms they were given to, or where the party did not give them itself, and are asked for again.
    """
    terms = terms_of(draft)
    mine = parties_consented_for(actor, draft)
    for share in without_consent(draft):
        if share.party_id in mine:
            _write_consent(share, terms, actor)
        elif share.consented_to:
            ApplicationShare.objects.filter(pk=share.pk).update(
                consented_at=None, consented_by=None, consented_to="", consent_document=None
            )
            ask_for_consent(draft, share.party)


def _write_consent(
    share: ApplicationShare, terms: str, actor: User, document: Document | None = None
) -> None:
    ApplicationShare.objects.filter(pk=share.pk).update(
        consented_at=PortalNow(),
        consented_by=actor,
        consented_to=terms,
        consent_document=document,
    )


def _require_co_owners(draft: Application) -> None:
    missing = co_owners_missing(draft)
    if missing:
        raise CoOwnersMissing(missing="、".join(missing))


def _require_whole(draft: Application) -> None:
    check_period(draft.period)
    missing = what_is_missing(draft)
    if missing:
        raise ApplicationIncomplete(missing="、".join(one.text for one in missing))


def _require_third_party(draft: Application) -> None:
    """Nobody acts for a party of the report that he signed, whenever the party came in (article 4)."""
    result = latest_result(draft)
    if result is not None and any(
        acts_for(result.verifier, party, Mandate.Scope.VIEW) for party in applicants_of(draft)
    ):
        raise VerifierHasInterest()


def _recuse_verifier(case: ReviewCase, result: AccountingResult | None, actor: User) -> None:
    """Who wrote the monitoring report reviews it neither as the entrusted third party nor as an expert
    (domain.md).
    """
    if result is not None:
        recuse(
            case=case,
            user=result.verifier,
            because=Recusal.Because.WROTE_REPORT,
            actor=actor,
        )


def _claim_anew(draft: Application, actor: User) -> Claim:
    """Other land or days: the former claim ends, and the place in the queue with it."""
    assert draft.claim is not None and draft.area_version is not None  # noqa: PT018
    if draft.claim.state == Claim.State.LIVE:
        raise ApplicationUnderReview()
    end_claim(claim=draft.claim, because=Claim.EndedBecause.WITHDRAWN, actor=actor)
    return submit_claim(
        version=draft.area_version,
        period=draft.period,
        number=draft.project.number,
        actor=actor,
    )


def _rewind_order(
    draft: Application, returned: list[ReviewStep], *, land_changed: bool
) -> int | None:
    """From which order on the review is done again; None where the returned steps just go on.

    Other land or days, and whatever comes with a newer material, goes back to the first step that
    had judged it and is not returned itself.
    """
    assert draft.case is not None
    if not returned or any(step.intake for step in returned):
        return None
    since = draft.case.stops.filter(resumed_at__isnull=True).aggregate(first=Min("stopped_at"))
    newer = draft.materials.filter(added_at__gt=since["first"]).values_list("kind", flat=True)
    touched = {JUDGED_BY[kind] for kind in map(Material.Kind, newer) if kind in JUDGED_BY}
    if land_changed:
        touched |= {Step.TITLE, Step.TECHNICAL}
    again = touched - {Step(step.kind) for step in returned}
    first = draft.case.steps.filter(kind__in=again).aggregate(order=Min("order"))
    order: int | None = first["order"]
    return order


def _record(application: Application, verb: str, actor: User, **facts: Any) -> None:
    record_event(
        subject_kind=SUBJECT,
        subject_key=application.key,
        verb=verb,
        actor_key=actor.key,
        facts={"project": application.project.number, **facts},
    )
