"""Reports: what is calculated from the rows, what is signed, and what can no longer change."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from parcels.claims.errors import ClaimPeriodInvalid
from parcels.claims.queries import days
from parcels.errors import ShapeInvalid
from parcels.models import Stand
from portal.base.clock import today
from portal.base.errors import InvalidInput, NotFound, PortalError, StateMovedOn
from portal.base.guarantees import NothingIsRewritten
from portal.journal.models import Event
from tests.accounts.people import administrator
from tests.factories.land import parcel_at, square, title_on, verify
from tests.tickets.accounting.reports import (
    PDF,
    PERIOD,
    D,
    area_over,
    attach,
    draft_on,
    fresh,
    hectares,
    person,
    seen,
    set_named,
    species,
    stand,
    stratum,
    terms,
    verifier,
    worked_draft,
)
from tickets.accounting.calculation import work_through
from tickets.accounting.errors import (
    FlagsUnexplained,
    NotTheVerifier,
    PeriodNotOver,
    ReportFileRefused,
    ReportFrozen,
    ReportIncomplete,
    SpeciesMissing,
    SpeciesTwice,
    StandsUnusable,
    StrataOverlap,
    StratumCodeTaken,
    StratumLeavesArea,
    SurveyYearWrong,
    TermsImpossible,
    UncertaintyTooLarge,
    VerifierUnfit,
    VolumeImpossible,
    VolumeNegative,
)
from tickets.accounting.models import AccountingReport, ParameterSet, Stratum, StratumSpecies
from tickets.accounting.operations import (
    add_strata,
    attach_report_file,
    change_stratum,
    entrust_verifier,
    open_report,
    remove_stratum,
    set_terms,
)
from tickets.accounting.parameters import publish
from tickets.accounting.parsing import parse_year
from tickets.accounting.signing import is_as_signed, revise_report, sign_report
from tickets.accounting.stands import pick_stands, survey_years_of

pytestmark = pytest.mark.django_db


def signed(tmp_path: Path) -> AccountingReport:
    report = attach(worked_draft(), tmp_path)
    assert report.verifier is not None
    return sign_report(report=report, seen=seen(report), actor=report.verifier)


def put(report: AccountingReport, *given: object) -> list[Stratum]:
    return add_strata(report=report, strata=given, seen=seen(report), actor=report.opened_by)  # type: ignore[arg-type]


def test_the_worked_example_from_the_map_to_the_last_digit() -> None:
    made = work_through(worked_draft())
    assert [str(line.stratum.area_ha_counted) for line in made.lines] == [
        "40.0000",
        "25.5000",
        "12.2667",
    ]
    changes = [f"{line.result.co2_change_t:.4f}" for line in made.lines]
    assert changes == ["1707.5986", "530.3923", "304.1554"]
    assert made.result is not None
    assert f"{made.result.removals_t:.4f}" == "2542.1463"
    assert f"{made.result.net_t:.4f}" == "2492.1463"
    assert f"{made.result.creditable_t:.4f}" == "2242.9317"
    assert made.result.quantity_t == 2242


def test_the_reviewer_sees_what_the_local_spruce_would_give() -> None:
    made = work_through(worked_draft())
    [found] = [one for one in made.alternatives if one.chosen.code == "picea-national"]
    assert found.other.code == "picea-schrenkiana"
    assert f"{found.removals_chosen_t:.4f}" == "530.3923"
    assert f"{found.removals_other_t:.4f}" == "398.0672"
    assert f"{found.difference_percent:.0f}" == "-25"
    assert found.quantity_t < 2242


def test_a_mongolian_pine_is_counted_by_the_lower_proxy_and_marked() -> None:
    report = draft_on(square(0, 0))
    here = stand(square(0, 0), year=2025, kind="樟子松", stock="95")
    pick_stands(
        report=report, stands=[here], begin_year=None, merge=False, seen=1, actor=report.opened_by
    )
    [picked] = Stratum.objects.filter(report=report)
    assert picked.species.get().parameter_set.code == "pinus-other"
    change_stratum(
        stratum=picked,
        given=stratum("1", picked.geom, species("pinus-other", "60", "95")),
        seen=seen(report),
        actor=report.opened_by,
    )
    set_terms(report=report, terms=terms(), seen=seen(report), actor=report.opened_by)
    made = work_through(fresh(report))
    assert "parameters_are_proxy" in {flag.code for flag in made.flags}
    [own] = made.alternatives
    assert own.other.code == "pinus-mongolica"
    assert own.removals_other_t > own.removals_chosen_t


def test_a_volume_per_mu_counts_fifteen_times() -> None:
    report = draft_on(square(0, 0))
    [per_ha] = put(report, stratum("1", square(0, 0, 50), species("populus", "60", "90")))
    [per_mu] = put(report, stratum("2", square(50, 0, 50), species("populus", "4", "6", "mu")))
    assert per_mu.species.get().volume_end_m3_per_ha == per_ha.species.get().volume_end_m3_per_ha


@pytest.mark.parametrize(
    ("begin", "end", "flag"),
    [
        ("6", "95", "unit_differs_between_dates"),
        ("60", "900", "volume_high"),
        ("60", "200", "rate_implausible"),
        ("60", "50", "stock_falls"),
        ("60", "95", None),
    ],
)
def test_what_is_out_of_the_ordinary_is_flagged(begin: str, end: str, flag: str | None) -> None:
    report = draft_on(square(0, 0))
    put(report, stratum("1", square(0, 0), species("populus", begin, end)))
    set_terms(report=report, terms=terms(), seen=seen(report), actor=report.opened_by)
    codes = {found.code for found in work_through(fresh(report)).flags}
    assert (flag in codes) if flag else not codes


def test_a_stock_per_mu_beside_the_inventory_per_hectare_is_a_trap_that_is_seen() -> None:
    report = draft_on(square(0, 0))
    here = stand(square(0, 0), year=2025, kind="新疆杨", stock="90")
    given = stratum("1", square(0, 0), species("populus", "4", "6"))
    [made] = put(report, given)
    made.stands.add(here)
    set_terms(report=report, terms=terms(), seen=seen(report), actor=report.opened_by)
    assert "looks_like_mu" in {flag.code for flag in work_through(fresh(report)).grave}


def test_a_stratum_drawn_by_hand_over_an_orchard_is_seen_where_the_method_counts_none() -> None:
    report = draft_on(square(0, 0))
    former = stand(square(0, 0), year=2020, kind="苹果", stock="30")
    Stand.objects.filter(pk=former.pk).update(forest_purpose="251")
    stand(square(0, 0, 50, 100), year=2025, kind="新疆杨", stock="90")
    put(report, stratum("1", square(0, 0), species("populus", "60", "90")))
    set_terms(report=report, terms=terms(), seen=seen(report), actor=report.opened_by)
    assert not work_through(fresh(report)).grave  # Felled since, says the newest survey.
    orchard = stand(square(50, 0, 50, 100), year=2025, kind="苹果", stock="30")
    Stand.objects.filter(pk=orchard.pk).update(forest_purpose="251")
    [flag] = work_through(fresh(report)).grave
    assert flag.code == "orchard_counted"
    assert float(flag.facts["hectares"]) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("east_m", "side_m", "refusal"),
    [(50, 50, None), (49, 50, StrataOverlap), (60, 50, StratumLeavesArea), (49.97, 50, None)],
)
def test_strata_keep_apart_and_within_the_area(
    east_m: float, side_m: float, refusal: type[PortalError] | None
) -> None:
    report = draft_on(square(0, 0))
    put(report, stratum("1", square(0, 0, 50), species("populus", "60", "90")))
    with pytest.raises(refusal) if refusal else nullcontext() as caught:
        put(report, stratum("2", square(east_m, 0, side_m), species("populus", "60", "90")))
    assert Stratum.objects.count() == (1 if refusal else 2)
    if caught is not None:
        assert "?" not in str(caught.value)
        assert caught.value.facts["shape"]["coordinates"]


def test_two_strata_in_one_statement_cannot_overlap_either() -> None:
    report = draft_on(square(0, 0))
    stock = species("populus", "60", "90")
    with pytest.raises(StrataOverlap):
        put(report, stratum("1", square(0, 0, 60), stock), stratum("2", square(40, 0, 60), stock))
    assert not Stratum.objects.exists()


@pytest.mark.parametrize(
    ("stocks", "refusal"),
    [
        ([], SpeciesMissing),
        ([("populus", "-1", "90", "ha")], VolumeNegative),
        ([("populus", "60", "1501", "ha")], VolumeImpossible),
        ([("populus", "60", "101", "mu")], VolumeImpossible),
        ([("populus", "60", "90", "ha")] * 2, SpeciesTwice),
    ],
)
def test_stocks_that_no_forest_has_are_refused(
    stocks: list[tuple[str, str, str, str]], refusal: type[PortalError]
) -> None:
    report = draft_on(square(0, 0))
    with pytest.raises(refusal):
        put(report, stratum("1", square(0, 0), *[species(*stock) for stock in stocks]))
    assert not Stratum.objects.exists()
    assert seen(report) == 1


def test_codes_tell_strata_apart_and_shapes_are_sound() -> None:
    report = draft_on(square(0, 0))
    stock = species("populus", "60", "90")
    put(report, stratum("1", square(0, 0, 50), stock))
    with pytest.raises(StratumCodeTaken):
        put(report, stratum("1", square(50, 0, 50), stock))
    crossing = square(50, 0, 50)
    ring = list(crossing[0][0].coords)
    ring[1], ring[2] = ring[2], ring[1]
    crossing[0] = type(crossing[0])(ring)
    with pytest.raises(ShapeInvalid):
        put(report, stratum("2", crossing, stock))


def test_the_smaller_of_certificate_and_map_counts() -> None:
    left, right = parcel_at(square(0, 0)), parcel_at(square(100, 0))
    small, large = title_on(left), title_on(right)
    small.area_m2_certified, large.area_m2_certified = 9_000.0, 150_000.0  # The latter typed in 亩.
    small.save()
    large.save()
    verify(small, large)
    report = draft_on(square(0, 0, 200, 100))
    [made] = put(report, stratum("1", square(0, 0, 200, 100), species("populus", "60", "90")))
    mapped = made.area_m2 / 10_000
    assert float(made.area_ha_counted) == pytest.approx(mapped - (mapped / 2 - 0.9), abs=2e-4)


def test_two_windows_on_one_draft_notice_each_other() -> None:
    report = draft_on(square(0, 0))
    before = seen(report)
    put(report, stratum("1", square(0, 0, 50), species("populus", "60", "90")))
    with pytest.raises(StateMovedOn):
        set_terms(report=report, terms=terms(), seen=before, actor=report.opened_by)


def test_a_stratum_is_changed_and_removed() -> None:
    report = draft_on(square(0, 0))
    [made] = put(report, stratum("1", square(0, 0, 50), species("populus", "60", "90")))
    mixed = stratum(
        "1a", square(0, 0), species("populus", "30", "45"), species("ulmus", "10", "12")
    )
    change_stratum(stratum=made, given=mixed, seen=seen(report), actor=report.opened_by)
    made.refresh_from_db()
    assert (made.code, made.species.count()) == ("1a", 2)
    remove_stratum(stratum=made, seen=seen(report), actor=report.opened_by)
    assert not StratumSpecies.objects.exists()


@pytest.mark.parametrize(
    ("values", "refusal"),
    [({"baseline": "-1"}, TermsImpossible), ({"u": "1001"}, TermsImpossible)],
)
def test_terms_are_possible(values: dict[str, str], refusal: type[PortalError]) -> None:
    report = draft_on(square(0, 0))
    with pytest.raises(refusal):
        set_terms(
            report=report,
            terms=terms(**values),  # type: ignore[arg-type]
            seen=seen(report),
            actor=report.opened_by,
        )


def test_a_period_is_over_and_in_order() -> None:
    owner = person()
    version = area_over(square(0, 0), owner=owner)
    future = days(date(2024, 1, 1), today() + timedelta(days=1))
    with pytest.raises(PeriodNotOver):
        open_report(area_version=version, period=future, actor=owner)
    with pytest.raises(ClaimPeriodInvalid):
        days(date(2025, 1, 2), date(2025, 1, 1))
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute(
            "INSERT INTO accounting_accountingreport (key, series, version, area_version_id, period,"
            " method_id, state, revision, baseline_t, leakage_t, deficit_brought_t, basis_note,"
            " uncertainty_basis, explanation, opened_by_id) SELECT gen_random_uuid(),"
            " gen_random_uuid(), 1, %s, daterange('2024-01-01', NULL), id, 'draft', 1, 0, 0, 0, '',"
            " 'stated', '', %s FROM accounting_method",
            [version.pk, owner.pk],
        )


def test_only_a_third_party_is_entrusted_and_signs(tmp_path: Path) -> None:
    report = attach(worked_draft(), tmp_path)
    with pytest.raises(VerifierUnfit):
        entrust_verifier(report=report, verifier=person(), actor=report.opened_by)
    for wrong in (report.opened_by, verifier()):
        with pytest.raises(NotTheVerifier):
            sign_report(report=report, seen=seen(report), actor=wrong)


def test_a_signature_freezes_the_report_with_its_hash(tmp_path: Path) -> None:
    report = signed(tmp_path)
    assert report.state == "signed"
    assert report.quantity_kg_calculated == 2_242_000
    assert is_as_signed(report)
    event = Event.objects.filter(subject_key=str(report.series)).latest("seq")
    assert (event.verb, event.facts["quantity_kg"]) == ("signed", 2_242_000)
    with pytest.raises(ReportFrozen):
        set_terms(report=report, terms=terms("9"), seen=report.revision, actor=report.opened_by)


RAW_ATTACKS = [
    "UPDATE accounting_accountingreport SET baseline_t = 1",
    "UPDATE accounting_accountingreport SET state = 'draft', signed_at = NULL, signed_by_id = NULL,"
    " content = NULL, content_sha256 = NULL, quantity_kg_calculated = NULL",
    "UPDATE accounting_accountingreport SET content = content || ' '",
    "UPDATE accounting_stratum SET code = 'x'",
    "DELETE FROM accounting_stratumspecies",
    "UPDATE accounting_stratumspecies SET volume_end = 99",
    "INSERT INTO accounting_stratum (key, report_id, code, origin, geom) SELECT gen_random_uuid(),"
    " report_id, 'new', origin, geom FROM accounting_stratum LIMIT 1",
    "UPDATE accounting_reportfile SET sha256 = 'other'",
    "INSERT INTO accounting_stratum_stands (stratum_id, stand_id) SELECT id, 1 FROM accounting_stratum",
]


@pytest.mark.parametrize("statement", RAW_ATTACKS)
def test_raw_sql_changes_nothing_that_was_signed(tmp_path: Path, statement: str) -> None:
    signed(tmp_path)
    with connection.cursor() as cursor, transaction.atomic():
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            cursor.execute(statement)
    assert caught.value.__cause__.diag.constraint_name == "signed_report_is_frozen"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounting_accountingreport",
        "TRUNCATE accounting_accountingreport CASCADE",
        "TRUNCATE accounting_stratum CASCADE",
        "UPDATE accounting_parameterset SET root_ratio = 0",
        "DELETE FROM accounting_method",
    ],
)
def test_reports_and_parameters_are_not_removed(statement: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission"):
        cursor.execute(statement)


def test_a_signature_without_its_content_is_refused_by_the_database() -> None:
    report = worked_draft()
    with connection.cursor() as cursor, transaction.atomic():
        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            cursor.execute(
                "UPDATE accounting_accountingreport SET state = 'signed', signed_by_id = verifier_id,"
                " content = '{}', content_sha256 = sha256('x'), parameters_sha256 = sha256('x'),"
                " quantity_t_reported = 1, quantity_kg_calculated = 1 WHERE id = %s",
                [report.pk],
            )
    assert caught.value.__cause__.diag.constraint_name == "signed_content_has_its_hash"  # type: ignore[union-attr]


def test_a_change_after_the_signature_is_a_new_version(tmp_path: Path) -> None:
    first = signed(tmp_path)
    draft = revise_report(report=first, actor=first.opened_by)
    assert (draft.version, draft.series, draft.state) == (2, first.series, "draft")
    assert draft.strata.count() == 3
    with pytest.raises(ReportFrozen):  # The draft is there already.
        revise_report(report=first, actor=first.opened_by)
    set_terms(report=draft, terms=terms("12"), seen=draft.revision, actor=draft.opened_by)
    attach(draft, tmp_path, 2108)
    assert draft.verifier is not None
    second = sign_report(report=draft, seen=seen(draft), actor=draft.verifier)
    assert second.quantity_kg_calculated == 2_108_000
    assert is_as_signed(fresh(first))
    assert bytes(first.content_sha256 or b"") != bytes(second.content_sha256 or b"")


def test_what_was_signed_is_recalculated_under_its_own_policy(tmp_path: Path) -> None:
    from portal.base.policy import set_policy

    report = signed(tmp_path)
    set_policy(
        code="accounting.risk_percent", value=Decimal(20), reason="试验", actor=report.opened_by
    )
    assert is_as_signed(fresh(report))
    assert work_through(fresh(report)).result.quantity_t == 1993  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"u": "31"}, UncertaintyTooLarge),
        ({"u": None}, ReportIncomplete),
        ({"basis": "plots"}, ReportIncomplete),
    ],
)
def test_an_incomplete_or_too_uncertain_report_is_not_signed(
    tmp_path: Path, change: dict[str, str], refusal: type[PortalError]
) -> None:
    report = attach(worked_draft(), tmp_path)
    given = terms(**change)  # type: ignore[arg-type]
    set_terms(report=report, terms=given, seen=seen(report), actor=report.opened_by)
    assert report.verifier is not None
    with pytest.raises(refusal):
        sign_report(report=report, seen=seen(report), actor=report.verifier)


def test_grave_flags_need_words(tmp_path: Path) -> None:
    report = draft_on(square(0, 0))
    put(report, stratum("1", square(0, 0), species("populus", "60", "200")))
    third = verifier()
    entrust_verifier(report=report, verifier=third, actor=report.opened_by)
    set_terms(report=report, terms=terms(), seen=seen(report), actor=report.opened_by)
    attach(report, tmp_path, 100)
    with pytest.raises(FlagsUnexplained):
        sign_report(report=report, seen=seen(report), actor=third)
    given = terms(explanation="灌溉速生林，附生长量实测表。")
    set_terms(report=report, terms=given, seen=seen(report), actor=report.opened_by)
    assert sign_report(report=report, seen=seen(report), actor=third).state == "signed"


def test_another_figure_in_the_uploaded_report_is_seen(tmp_path: Path) -> None:
    report = attach(worked_draft(), tmp_path, 2300)
    assert work_through(report).reported_differs
    assert not work_through(attach(report, tmp_path, 2242)).reported_differs


@pytest.mark.parametrize(
    "data",
    [b"", b"%PDF-", b"MZ" * 100, b"%PDF-1.7\n" + b"% no page\n" * 20 + b"%%EOF\n", PDF[:-7]],
)
def test_the_uploaded_report_is_a_pdf_with_a_page(tmp_path: Path, data: bytes) -> None:
    report = draft_on(square(0, 0))
    path = tmp_path / "fake.pdf"
    path.write_bytes(data)
    with pytest.raises(ReportFileRefused):
        attach_report_file(
            report=report, path=path, name="x.pdf", quantity_t=1, seen=1, actor=report.opened_by
        )


def test_strata_are_picked_from_stands_with_the_stock_of_both_surveys() -> None:
    report = draft_on(square(0, 0, 200, 100))
    stand(square(0, 0, 100), year=2020, kind="新疆杨", stock="60")
    stand(square(100, 0, 100), year=2020, kind="新疆杨", stock="40")
    chosen = [
        stand(square(0, 0, 100), year=2025, kind="新疆杨", stock="95"),
        stand(square(100, 0, 150), year=2025, kind="新疆杨", stock="55"),
        stand(square(300, 0), year=2025, kind="新疆杨", stock="55", number="外"),
        stand(square(0, 0, 50), year=2025, kind="梭梭", stock="55", number="梭"),
    ]
    picked = pick_stands(
        report=report, stands=chosen, begin_year=2020, merge=False, seen=1, actor=report.opened_by
    )
    assert [left.stand_number for left in picked.left_out] == ["外", "梭"]
    volumes = [(row.volume_begin, row.volume_end) for row in StratumSpecies.objects.order_by("pk")]
    assert volumes == [(D(60), D(95)), (D(40), D(55))]
    assert [made.stands.count() for made in picked.strata] == [1, 1]
    with pytest.raises(StandsUnusable):
        pick_stands(
            report=report, stands=chosen, begin_year=2020, merge=False, seen=seen(report),
            actor=report.opened_by,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("surveys", "begin", "end"),
    [
        ((2015, 2020, 2022, 2025), 2020, 2025),
        ((2015, 2025), None, 2025),
        ((2012, 2031), None, None),
        ((2019, 2023), 2019, 2023),
        ((2020, 2028), 2020, 2028),
        ((2024, 2026), None, 2024),
        ((2026,), None, 2026),
        ((), None, None),
    ],
)
def test_the_two_surveys_of_a_period_alone_are_offered_and_taken(
    surveys: tuple[int, ...], begin: int | None, end: int | None
) -> None:
    report = draft_on(square(0, 0))
    stands = {year: stand(square(0, 0), year=year, kind="新疆杨", stock="60") for year in surveys}
    stand(square(100, 0), year=2025, kind="新疆杨", stock="60")  # A neighbour's, that touches.
    years = survey_years_of(report)
    assert (years.begin, years.end) == (begin, end)
    for year, found in stands.items():
        for wanted in {None, begin, *surveys}:
            fits = year == end and wanted in (None, begin)
            with nullcontext() if fits else pytest.raises(SurveyYearWrong):
                pick_stands(
                    report=report, stands=[found], begin_year=wanted, merge=False,
                    seen=seen(report), actor=report.opened_by,
                )  # fmt: skip
            for picked in Stratum.objects.filter(report=report):
                remove_stratum(stratum=picked, seen=seen(report), actor=report.opened_by)


@pytest.mark.parametrize(
    ("text", "year"),
    [("", None), (" ", None), ("2020", 2020), ("1950", 1950)],
)
def test_a_survey_year_is_read(text: str, year: int | None) -> None:
    assert parse_year(text, "year") == year


@pytest.mark.parametrize(
    "text",
    ["1949", "2999", "0", "-2020", "2020.5", "二〇二〇", "２０２０年", "9" * 5000, "1e3", "\x00"],
)
def test_what_is_no_survey_year_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_year(text, "year")


def test_stands_of_one_kind_merge_into_one_stratum_weighted_by_area() -> None:
    report = draft_on(square(0, 0, 400, 100))
    chosen = [
        stand(square(0, 0, 100), year=2025, kind="新疆杨", stock="90"),
        stand(square(100, 0, 300, 100), year=2025, kind="杨树", stock="50"),
    ]
    [made] = pick_stands(
        report=report, stands=chosen, begin_year=None, merge=True, seen=1, actor=report.opened_by
    ).strata
    row = made.species.get()
    assert row.volume_begin is None
    assert row.volume_end == pytest.approx(D(60), abs=D("0.01"))
    assert made.stands.count() == 2


def test_parameters_are_published_as_newer_versions_by_the_administrator_alone() -> None:
    row = set_named("ulmus")
    before, row.root_ratio = row.sha256, D("0.3")
    with pytest.raises(NotFound):
        publish(row=row, actor=person())
    row = set_named("ulmus")
    row.root_ratio = D("0.3")
    newer = publish(row=row, actor=administrator())
    assert (newer.version, newer.root_ratio) == (2, D("0.3"))
    assert newer.sha256 != before
    assert ParameterSet.objects.in_force(today()).get(code="ulmus") == newer
    assert ParameterSet.objects.get(code="ulmus", version=1).root_ratio == D("0.621")
    assert NothingIsRewritten.code == "nothing_is_rewritten"


def test_no_removals_no_tonnes_and_the_deficit_is_carried(tmp_path: Path) -> None:
    report = worked_draft()
    given = terms(baseline="3000")
    set_terms(report=report, terms=given, seen=seen(report), actor=report.opened_by)
    attach(report, tmp_path, 0)
    assert report.verifier is not None
    done = sign_report(report=report, seen=seen(report), actor=report.verifier)
    assert done.quantity_kg_calculated == 0
    assert '"deficit_carried_t":"457.85' in str(done.content)


def test_hectares_of_the_tests_are_hectares() -> None:
    assert PERIOD.upper == date(2026, 1, 1)
    shape = hectares("12.2667", north_m=0)
    report = draft_on(shape)
    [made] = put(report, stratum("1", shape, species("populus", "1", "2")))
    assert made.area_ha_counted == D("12.2667")
