"""The ledger beside TPC-B on the same server: acts a second, as-of queries, verification."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import subprocess
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from bench.harness import Bench

TITLE = "acts ≥ 0.3 (SQL) and ≥ 0.15 (operations) of TPC-B; as-of < 20 ms; verify < 2 min"
SIZE, SMALL = 1_000_000, 10_000  # Historical blocks.
TICKETS, SMALL_TICKETS = 1000, 50
PIECES = 10  # Of each ticket, which every freeze and every lift closes and opens anew.
CLIENTS, SMALL_CLIENTS = (1, 4, 16), (1, 4)
PGBENCH_SCALE, SMALL_SCALE = 100, 5
SECONDS, SMALL_SECONDS = 20, 3
ACTS, SMALL_ACTS = 10_000, 500  # On the one ticket that is read as of a moment.
SQL_SHARE, OPERATIONS_SHARE = 0.3, 0.15
AS_OF_LIMIT_S, VERIFY_LIMIT_S = 0.02, 120

# --- filling --------------------------------------------------------------------------------------
# One walked filing is copied on land of its own, by the owner; the ledger itself is written by
# entries under the application's role, through all triggers.
COPIES = """
INSERT INTO parcels_projectarea (key, name) SELECT gen_random_uuid(), 'bench ' || n
FROM generate_series(1, {count}) AS n;
INSERT INTO parcels_projectareaversion (key, area_id, number, geom, because)
SELECT gen_random_uuid(), area.id, 1,
       ST_Translate(version.geom, 0.002 * (substr(area.name, 7)::int % 200) - 0.3,
                    0.002 * (substr(area.name, 7)::int / 200) + 0.2), 'drawing'
FROM parcels_projectarea AS area,
     (SELECT geom FROM parcels_projectareaversion ORDER BY id LIMIT 1) AS version
WHERE area.name LIKE 'bench %';
INSERT INTO parcels_claim (key, number, version_id, period, geom, state, ended_because, ended_decision)
SELECT gen_random_uuid(), 'bench-' || version.id, version.id, '[2021-01-01,2026-01-01)', version.geom,
       'pending', '', ''
FROM parcels_projectareaversion AS version
JOIN parcels_projectarea AS area ON area.id = version.area_id AND area.name LIKE 'bench %';
UPDATE parcels_claim SET state = 'live' WHERE number LIKE 'bench-%';
UPDATE parcels_claim SET filed_at = now() WHERE number LIKE 'bench-%';
"""


def copies_of(owner: Any, table: str, changes: dict[str, str], source: str) -> str:
    """``INSERT … SELECT`` of a row's every column, some of them changed."""
    columns = [
        name
        for (name,) in owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attname <> 'id' AND attgenerated = ''",
            [table],
        )
    ]
    values = ", ".join(changes.get(name, f"one.{name}") for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}"


def copy_filings(bench: Bench, count: int) -> None:
    """``count`` further filings, each on claimed land of its own."""
    mine = (
        "parcels_claim AS claim JOIN (SELECT * FROM {table} ORDER BY id LIMIT 1) AS one "
        "ON claim.number LIKE 'bench-%'"
    )
    with bench.owner_connection() as owner:
        owner.execute(COPIES.format(count=count))
        for table, changes, also in (
            ("casework_reviewcase", {"key": "claim.key", "number": "'B' || claim.id"}, ""),
            ("projects_project", {"key": "claim.key", "number": "'B' || claim.id"}, ""),
            (
                "projects_application",
                {"project_id": "project.id",
                 "key": "claim.key", "claim_id": "claim.id", "case_id": "matter.id",
                 "area_version_id": "claim.version_id"},
                " JOIN casework_reviewcase AS matter ON matter.key = claim.key"
                " JOIN projects_project AS project ON project.key = claim.key",
            ),
            (
                "parcels_rulerun",
                {"key": "claim.key", "area_version_id": "claim.version_id",
                 "number": "'B' || claim.id"},
                "",
            ),
        ):  # fmt: skip
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            owner.execute(copies_of(owner, table, changes, mine.format(table=table) + also))
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for table in ("projects_filing", "projects_applicationshare"):
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            changes = {
                "key": "claim.key", "number": "'B' || claim.id", "code": "'B' || claim.id",
                "application_id": "application.id", "area_version_id": "claim.version_id",
                "uniqueness_report_id": "report.id",
            }  # fmt: skip
            source = mine.format(table=table) + (
                " JOIN projects_application AS application ON application.claim_id = claim.id"
                " JOIN parcels_rulerun AS report ON report.key = claim.key"
            )
            owner.execute(copies_of(owner, table, changes, source))
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


# By requests that were granted, each with its filing's key.
ISSUE_ASKED = """
WITH requests AS (
  INSERT INTO registry_registration (key, kind, department, state, filing_id, quantity_kg, authority,
    document_number, reason, paper, external_number, freeze_kind, loss_reason, cancel_reason, new_name,
    outcome, prepared_by_id, decision_reason)
  SELECT filing.key, 'issue', 'forestry', 'prepared', filing.id, filing.quantity_kg, '', '', '', '', '',
         '', '', '', '', '', clerk.id, ''
  FROM projects_filing AS filing
  JOIN accounts_user AS clerk ON clerk.username = 'forestry_clerk'
  WHERE filing.number LIKE 'B%%' RETURNING id, filing_id
), allotments AS (
  INSERT INTO registry_allotment (registration_id, place, denominator)
  SELECT id, 0, 1 FROM requests RETURNING id, registration_id
)
INSERT INTO registry_allotmentshare (allotment_id, place, party_id, numerator)
SELECT allotments.id, 0, share.party_id, 1 FROM allotments
JOIN requests ON requests.id = allotments.registration_id
JOIN projects_filing AS filing ON filing.id = requests.filing_id
JOIN projects_applicationshare AS share ON share.application_id = filing.application_id
"""
GRANTED = """
UPDATE registry_registration SET state = 'approved', decided_at = portal_now(), decided_by_id = (
  SELECT id FROM accounts_user WHERE username = 'forestry_approver')
WHERE key = ANY(%(requests)s)
"""
ISSUE = """
INSERT INTO registry_ledgerentry (issuance_id, kind, actor_key, article, registration, content, seq,
                                  recorded_at, previous_hash, hash)
SELECT issuance.id, 'issue', gen_random_uuid(), '', filing.key, jsonb_build_object(
  'filing', filing.key, 'claim', claim.key, 'kg', issuance.quantity_kg,
  'tickets', jsonb_build_array(jsonb_build_object('key', filing.key, 'denominator', 1,
    'shares', jsonb_build_array(jsonb_build_array(party.key, 1)), 'area', version.key,
    'report', report.key)),
  'closes', '[]'::jsonb,
  'opens', (SELECT jsonb_agg(jsonb_build_object('kg', jsonb_build_array(
                piece * issuance.quantity_kg / %(pieces)s,
                (piece + 1) * issuance.quantity_kg / %(pieces)s),
              'ticket', filing.key, 'state', 'held'))
            FROM generate_series(0, %(pieces)s - 1) AS piece)), 0, now(), '', ''
FROM registry_issuance AS issuance
JOIN projects_filing AS filing ON filing.id = issuance.filing_id
JOIN projects_application AS application ON application.id = filing.application_id
JOIN projects_applicationshare AS share ON share.application_id = application.id
JOIN accounts_party AS party ON party.id = share.party_id
JOIN parcels_claim AS claim ON claim.id = application.claim_id
JOIN parcels_projectareaversion AS version ON version.id = filing.area_version_id
JOIN parcels_rulerun AS report ON report.id = filing.uniqueness_report_id
WHERE issuance.id = ANY(%(issuances)s)
"""
# Forestry freezes tickets whole and lifts it again, as its clerk asked for and its approver granted:
# each entry closes and opens all that stands.
ORDERED = """
INSERT INTO registry_freezeorder (key, kind, issuance_id, ticket_id, quantity_kg, authority,
                                  document_number, reason)
SELECT asked.of_order, 'forestry', issuance.id, ticket.key, issuance.quantity_kg, '', '', ''
FROM unnest(%(tickets)s::uuid[], %(orders)s::uuid[]) AS asked (ticket, of_order)
JOIN registry_carbonticket AS ticket ON ticket.key = asked.ticket
JOIN registry_issuance AS issuance ON issuance.id = ticket.issuance_id
"""
FREEZE_ASKED = """
INSERT INTO registry_registration (key, kind, department, state, ticket_id, order_id, freeze_kind,
  authority, document_number, reason, paper, external_number, loss_reason, cancel_reason, new_name,
  outcome, prepared_by_id, decision_reason)
SELECT request, %(kind)s::text, 'forestry', 'prepared', ticket,
       CASE %(kind)s::text WHEN 'lift' THEN of_order END,
       CASE %(kind)s::text WHEN 'freeze' THEN 'forestry' ELSE '' END,
       '', '', '', '', '', '', '', '', '', clerk.id, ''
FROM accounts_user AS clerk, unnest(%(tickets)s::uuid[], %(orders)s::uuid[], %(requests)s::uuid[])
  AS asked (ticket, of_order, request)
WHERE clerk.username = 'forestry_clerk'
"""
FROZEN = """
INSERT INTO registry_ledgerentry (issuance_id, kind, actor_key, article, freeze_order, registration,
                                  content, seq, recorded_at, previous_hash, hash)
SELECT issuance_id, %(kind)s::text, approver.key, '', of_order, request, jsonb_build_object(
  'closes', jsonb_agg(jsonb_build_array(lower(kg), upper(kg))),
  'opens', jsonb_agg(jsonb_build_object('kg', jsonb_build_array(lower(kg), upper(kg)),
    'ticket', ticket_id, 'state', state) ||
    CASE %(kind)s::text WHEN 'freeze' THEN jsonb_build_object('freezes', jsonb_build_array(of_order))
                        ELSE '{}' END)), 0, now(), '', ''
FROM unnest(%(tickets)s::uuid[], %(orders)s::uuid[], %(requests)s::uuid[])
  AS asked (ticket, of_order, request)
JOIN registry_block ON ticket_id = ticket AND closed_by_id IS NULL
JOIN accounts_user AS approver ON approver.username = 'forestry_approver'
GROUP BY issuance_id, approver.key, of_order, request
"""


def value(connection: psycopg.Connection[Any], statement: LiteralString) -> Any:
    """The one value that ``statement`` answers."""
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def issue(bench: Bench, tickets: int, pieces: int) -> list[uuid.UUID]:
    """So many tickets, each in so many pieces; their keys."""
    copy_filings(bench, tickets)
    with bench.app_connection(autocommit=True) as app:
        issuances = [
            row[0]
            for row in app.execute(
                "INSERT INTO registry_issuance (key, filing_id, quantity_kg) "
                "SELECT gen_random_uuid(), id, quantity_kg FROM projects_filing "
                "WHERE number LIKE 'B%' ORDER BY id RETURNING id"
            )
        ]
        app.execute(ISSUE_ASKED)
        waiting = value(
            app, "SELECT array_agg(key) FROM registry_registration WHERE state = 'prepared'"
        )
        app.execute(GRANTED, {"requests": waiting})
        app.execute(ISSUE, {"pieces": pieces, "issuances": issuances})
        issued = app.execute(
            "SELECT key FROM registry_carbonticket WHERE issuance_id = ANY(%s) ORDER BY issuance_id",
            [issuances],
        )
        return [row[0] for row in issued]


def freeze(app: psycopg.Connection[Any], tickets: list[uuid.UUID]) -> list[uuid.UUID]:
    """Each by an order of its own; the orders."""
    orders = [uuid.uuid4() for _ticket in tickets]
    app.execute(ORDERED, {"tickets": tickets, "orders": orders})
    _register(app, "freeze", tickets, orders)
    return orders


def _register(
    app: psycopg.Connection[Any], kind: str, tickets: list[uuid.UUID], orders: list[uuid.UUID]
) -> None:
    requests = [uuid.uuid4() for _ticket in tickets]
    said = {"kind": kind, "tickets": tickets, "orders": orders, "requests": requests}
    for statement in (FREEZE_ASKED, GRANTED, FROZEN):
        app.execute(statement, said)


def freeze_and_lift(bench: Bench, tickets: list[uuid.UUID], rounds: int) -> None:
    """Two entries of each ticket in each round, which is a transaction."""
    # Neither statements nor triggers keep plans of small tables while these grow.
    bench.analyze()
    with bench.app_connection(prepare_threshold=None) as app:
        for _round in range(rounds):
            _register(app, "lift", tickets, freeze(app, tickets))
            app.commit()


def fill(bench: Bench, tickets: int, blocks: int, acts: int) -> uuid.UUID:
    """So many tickets with so much history, one of which has so many acts: its key."""
    bench.say(f"{tickets} tickets, {blocks:,} blocks")
    issued = issue(bench, tickets, PIECES)
    rounds = max(1, blocks // tickets // PIECES // 2)
    with ThreadPoolExecutor(2) as pool:
        parts = (issued[::2], issued[1::2])
        list(pool.map(partial(freeze_and_lift, bench, rounds=rounds), parts))
    bench.say(f"a ticket of {acts:,} acts")
    freeze_and_lift(bench, issued[:1], acts // 2)
    bench.analyze()
    return issued[0]


# --- SQL beneath ----------------------------------------------------------------------------------
# The lowest free kilograms of a ticket go to a child (and are divided), or are offset, as a request
# asks that waits in line; the statements are those that an operation sends, without its gates. A
# ticket on which nothing fits any more is left alone.
LINE = """
CREATE TABLE bench_request (
  kind text, place bigint, id bigint, key uuid, ticket uuid, issuance bigint, PRIMARY KEY (kind, place));
CREATE SEQUENCE bench_transfer;
CREATE SEQUENCE bench_divide;
CREATE SEQUENCE bench_offset;
"""
_TAKE = """
\\set request 0
\\set low -1
BEGIN;
SELECT nextval('bench_{kind}') AS place \\gset
SELECT id AS request, key AS registration, ticket, issuance, gen_random_uuid() AS one,
       gen_random_uuid() AS two
FROM bench_request WHERE kind = '{kind}' AND place = :place \\aset
\\if :request > 0
SELECT {hold};
SELECT lower(kg) AS low, lower(kg) + {cut} AS cut, upper(kg) AS high FROM registry_block
WHERE ticket_id = ':ticket' AND closed_by_id IS NULL AND state = 'held' AND freezes = '{{}}'
  AND upper(kg) - lower(kg) {width} ORDER BY lower(kg) LIMIT 1 \\aset
\\if :low >= 0
"""
_WRITE = """
INSERT INTO registry_ledgerentry (issuance_id, kind, actor_key, article, cause, registration,
                                  document_sha256, content, seq, recorded_at, previous_hash, hash)
VALUES (:issuance, '{kind}', {actor}, '', {cause}, {registration}, {document}, '{content}', 0, now(), '', '')
RETURNING id, seq, recorded_at, content, previous_hash, hash;
{after}
\\endif
\\endif
COMMIT;
"""
_APPROVED = """
UPDATE registry_registration SET state = 'approved', decided_by_id = :approver,
  decided_at = portal_now() WHERE id = :request;
"""


# Nothing is retired without one, of a signed request; numbered and coded by the cause, unsigned.
CERTIFICATE = """
UPDATE offsets_offsetrequest SET state = 'signed', decided_by_id = :signer,
  decided_at = portal_now() WHERE id = :request;
INSERT INTO offsets_offset (cause_id, request_id, ticket_id, quantity_kg, number, code, purpose,
  beneficiary_id, event_name, place, authority, document_number, signed_by_id, signed_at, content_sha256, signature,
  signature_algorithm, signing_key_id)
VALUES (':one'::uuid, :request, ':ticket'::uuid, 10, substr(':one'::uuid::text, 1, 24),
  substr(':one'::uuid::text, 11), 'person', :beneficiary,
  '', '', '', '', :signer, '2026-01-01 00:00:00+08',
  encode(sha256(convert_to(
    '{"authority":"","begins_on":"","beneficiary":"' || ':beneficiary_key'::text ||
    '","cause":"' || ':one'::text || '","code":"' || substr(':one'::uuid::text, 11) ||
    '","document_number":"","ends_on":"","event":"","form":"yining-offset/1","headcount":"",' ||
    '"number":"' || substr(':one'::uuid::text, 1, 24) || '","place":"","purpose":"person",' ||
    '"quantity_kg":"10","signed_at":"2026-01-01T00:00:00+08:00","signed_by":"' ||
    ':signer_key'::text || '","ticket":"' || ':ticket'::text || '","year":""}',
    'UTF8')), 'hex'), '', '', '');
"""


# A division is among the owners.
OWNER = """
SELECT party.key AS owner FROM registry_ticketshare AS share
JOIN accounts_party AS party ON party.id = share.party_id
WHERE share.ticket_id = ':ticket' AND share.closed_by_id IS NULL LIMIT 1 \\gset
"""


def script(kind: str, content: dict[str, Any], *, before: str = "") -> str:
    """One act as pgbench plays it: ``content`` with pgbench's names where numbers and keys stand."""
    cut, width = (5, "= 10") if kind == "divide" else (10, "> 100")
    offset = kind == "offset"
    hold = (
        "registry_hold(ARRAY[:issuance::bigint])"
        if offset
        else "missing FROM registry_take_up(:request)"
    )
    # A name among numbers is written without quotation marks.
    said = re.sub(r'"(:low|:cut|:high)"', r"\1", json.dumps(content))
    by = (
        {"actor": "':signer_key'", "cause": "':one'", "registration": "NULL", "document": "NULL",
         "after": ""}
        if offset
        else {"actor": "':approver_key'", "cause": "NULL", "registration": "':registration'",
              "document": "sha256('x')", "after": _APPROVED}
    )  # fmt: skip
    return (
        _TAKE.format(kind=kind, hold=hold, cut=cut, width=width)
        + before
        + _WRITE.format(kind=kind, content=said, **by)
    )


def _child(key: str, owner: str = ":party") -> dict[str, Any]:
    return {"key": key, "denominator": 1, "parent": ":ticket", "shares": [[owner, 1]]}


def _piece(low: str, high: str, ticket: str = ":ticket", **state: str) -> dict[str, Any]:
    return {"kg": [low, high], "ticket": ticket, "state": "held", **state}


def scripts() -> dict[str, str]:
    """The three acts by kind."""
    closes, left = [[":low", ":high"]], _piece(":cut", ":high")
    return {
        "offset": script(
            "offset",
            {"closes": closes,
             "opens": [_piece(":low", ":cut", state="offset", because=":one"), left]},
            before="INSERT INTO registry_cause (key, kind) VALUES (':one', 'offset');" + CERTIFICATE,
        ),
        "transfer": script(
            "transfer",
            {"tickets": [_child(":one")], "closes": closes,
             "opens": [_piece(":low", ":cut", ":one"), left]},
        ),
        "divide": script(
            "divide",
            {"tickets": [_child(":one", ":owner"), _child(":two", ":owner")], "closes": closes,
             "opens": [_piece(":low", ":cut", ":one"), _piece(":cut", ":high", ":two")],
             "closed": [{"ticket": ":ticket", "because": "divided"}]},
            before=OWNER,
        ),
    }  # fmt: skip


def pgbench(bench: Bench, database: str, clients: int, seconds: int, *words: str) -> float:
    """Transactions a second of pgbench with these clients; a failed one fails the bench."""
    facts = settings.DATABASES["default" if "-f" in words else "owner"]
    done = subprocess.run(
        ["/usr/lib/postgresql/15/bin/pgbench", "-n", "-h", facts["HOST"], "-p", str(facts["PORT"]),
         "-U", facts["USER"], "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
         *words, database],
        env={**os.environ, "PGPASSWORD": facts["PASSWORD"]}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or found is None or "aborted" in done.stderr:
        raise RuntimeError(done.stderr[-800:])
    return float(found[1])


# --- through the operations -----------------------------------------------------------------------
_START: list[Any] = []  # The barrier at which a client waits for the others.


def meet(start: Any) -> None:
    """Give a client's process the barrier."""
    _START.append(start)


def client(facts: dict[str, Any], seed: int, seconds: float) -> tuple[int, int]:
    """A process that acts through the operations, with journal and idempotency: (done, refused)."""
    django.setup()
    from portal.accounts.models import Department, Party, Role, User
    from portal.base.errors import PortalError
    from portal.base.idempotency import act_once
    from portal.base.statements import prepared_cursor
    from tickets.offsets.models import OffsetRequest
    from tickets.registry.models import Cause, Registration
    from tickets.registry.operations import (
        divide_ticket,
        offset_blocks,
        open_cause,
        transfer,
    )

    for alias in ("default", "owner"):
        settings.DATABASES[alias]["NAME"] = facts["database"]
        connections[alias].settings_dict["NAME"] = facts["database"]
    dice = random.Random(seed)
    office = {"role_grants__role": Role.APPROVER, "role_grants__valid_to": None}
    approver = User.objects.get(**office, role_grants__department=Department.FORESTRY)
    signer = User.objects.get(**office, role_grants__department=Department.ECOLOGY)
    Party.objects.first()

    def mine(model: Any, *kinds: str) -> list[Any]:
        """This client's part of the line, in an order of its own: neighbours are about one ticket, and
        its clients would wait for each other."""
        keys = sorted(pk for kind in kinds for pk in facts["requests"][kind])
        rows = model.objects.select_related("ticket").in_bulk(keys[facts["nth"] :: facts["of"]])
        return dice.sample(list(rows.values()), len(rows))

    queue = mine(Registration, "transfer", "divide")
    offsets = mine(OffsetRequest, "offset")

    def registered(write: Callable[..., Any], registration: Registration) -> Any:
        return write(registration=registration, actor=approver).pk

    def offset_ten_kg(request: OffsetRequest) -> Any:
        cause = open_cause(Cause.Kind.OFFSET)
        said = {
            "one": str(cause.pk), "ticket": str(request.ticket_id), "request": request.pk,
            **facts["certified"],
        }  # fmt: skip
        with prepared_cursor() as cursor:
            for statement in certificate:
                cursor.execute(statement, said)
        return offset_blocks(ticket=request.ticket, quantity_kg=10, cause=cause, actor=signer).pk

    # The same statements with Python's names for pgbench's.
    names = "one|ticket|request|beneficiary_key|beneficiary|signer_key|signer"
    said_so = re.sub(rf"'?(?<!:):({names})'?", r"%(\1)s", CERTIFICATE)
    certificate = said_so.strip().rstrip(";").split(";")
    act: Callable[[], Any]
    done = refused = 0
    _START[0].wait()
    ends = time.monotonic() + seconds
    while offsets and time.monotonic() < ends:
        if queue and dice.random() < 0.55:
            registration = queue.pop()
            write = divide_ticket if registration.kind == "divide" else transfer
            act = partial(registered, write, registration)
        else:
            act = partial(offset_ten_kg, offsets.pop())
        try:
            act_once(
                actor_key=approver.key, operation="bench", key=uuid.uuid4().hex, content={}, act=act
            )
            done += 1
        except PortalError:
            refused += 1
    connections.close_all()
    return done, refused


PREPARED = """
WITH chosen AS (
  SELECT ticket.key, ticket.issuance_id, share.party_id, row_number() OVER (ORDER BY random()) AS n
  FROM registry_carbonticket AS ticket JOIN registry_ticketshare AS share ON share.ticket_id = ticket.key
  WHERE ticket.parent_id IS {parent} AND ticket.closed_by_id IS NULL AND {fits} LIMIT {count}
), requests AS (
  INSERT INTO registry_registration (key, kind, department, state, ticket_id, quantity_kg, authority,
    document_number, document_sha256, reason, paper, external_number, freeze_kind, loss_reason,
    cancel_reason, new_name, outcome, prepared_by_id, decision_reason)
  SELECT gen_random_uuid(), '{kind}', 'forestry', 'prepared', chosen.key, {quantity}, '', 'x',
         sha256('x'), '', '', '', '', '', '', '', '', {clerk}, ''
  FROM chosen, generate_series(1, {times}) RETURNING id, ticket_id
), consents AS (
  INSERT INTO registry_consent (registration_id, party_id, given_by_id, document_sha256)
  SELECT requests.id, chosen.party_id, {clerk}, sha256('x')
  FROM requests JOIN chosen ON chosen.key = requests.ticket_id
), allotments AS (
  INSERT INTO registry_allotment (registration_id, place, quantity_kg, denominator)
  SELECT requests.id, part, {each}, 1 FROM requests, generate_series(0, {parts} - 1) AS part
  RETURNING id, registration_id
)
INSERT INTO registry_allotmentshare (allotment_id, place, party_id, numerator)
SELECT allotments.id, 0, {buyer}, 1 FROM allotments RETURNING (
  SELECT registration_id FROM allotments AS mine WHERE mine.id = allotment_id)
"""


_TEN_KG = """
  (SELECT sum(upper(kg) - lower(kg)) FROM registry_block
   WHERE ticket_id = ticket.key AND closed_by_id IS NULL) = 10
"""


# A division is among the owners.
_FORMER_OWNER = """
  (SELECT chosen.party_id FROM requests JOIN chosen ON chosen.key = requests.ticket_id
   WHERE requests.id = allotments.registration_id)
"""


ASKED = """
WITH requests AS (
  INSERT INTO offsets_offsetrequest (key, ticket_id, quantity_kg, purpose, beneficiary_id, event_name,
    place, authority, document_number, state, asked_by_id, prepared_by_id, prepared_at, opinion, reason)
  SELECT gen_random_uuid(), key, 10, 'person', {beneficiary}, '', '', '', '', 'prepared', {clerk}, {clerk},
         portal_now(), '', ''
  FROM registry_carbonticket, generate_series(1, {times}) WHERE parent_id IS NULL RETURNING id, ticket_id
)
INSERT INTO offsets_offsetconsent (request_id, party_id, given_by_id)
SELECT requests.id, share.party_id, {clerk} FROM requests
JOIN registry_ticketshare AS share
  ON share.ticket_id = requests.ticket_id AND share.closed_by_id IS NULL RETURNING request_id
"""


def prepare(bench: Bench, tickets: int, count: int, beneficiary: int) -> dict[str, list[int]]:
    """Requests that clerks have prepared, by kind: as many offsets as transfers, one division to ten."""
    with bench.app_connection(autocommit=True) as app:
        clerk = value(app, "SELECT id FROM accounts_user WHERE username = 'forestry_clerk'")
        buyer = value(app, "SELECT max(id) FROM accounts_party WHERE checked_at IS NOT NULL")
        times = max(1, count // tickets)
        wanted = {"clerk": clerk, "buyer": buyer}
        texts = {
            "transfer": PREPARED.format(
                parent="NULL", fits="true", kind="gift", quantity=10, each=10, parts=1,
                count=tickets, times=times, **wanted,
            ),
            "divide": PREPARED.format(
                parent="NOT NULL", fits=_TEN_KG, kind="divide", quantity="NULL", each=5, parts=2,
                count=count // 10, times=1, **{**wanted, "buyer": _FORMER_OWNER},
            ),
            "offset": ASKED.format(beneficiary=beneficiary, clerk=clerk, times=times),
        }  # fmt: skip
        return {
            kind: sorted({row[0] for row in app.execute(text).fetchall()})
            for kind, text in texts.items()
        }


def stand_in_line(bench: Bench, requests: dict[str, list[int]]) -> None:
    """For pgbench, in random order."""
    with bench.owner_connection() as owner:
        owner.execute("TRUNCATE bench_request")
        for kind, keys in requests.items():
            table = "offsets_offsetrequest" if kind == "offset" else "registry_registration"
            owner.execute(f"ALTER SEQUENCE bench_{kind} RESTART")
            owner.execute(
                "INSERT INTO bench_request SELECT %s, row_number() OVER (ORDER BY random()), one.id, "
                f"one.key, one.ticket_id, ticket.issuance_id FROM {table} AS one "
                "JOIN registry_carbonticket AS ticket ON ticket.key = one.ticket_id "
                "WHERE one.id = ANY(%s)",
                [kind, keys],
            )


def operations_per_second(
    bench: Bench, facts: dict[str, Any], clients: int, seconds: float
) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(clients, meet, [context.Barrier(clients)]) as pool:
        calls = [
            pool.apply_async(client, ({**facts, "of": clients, "nth": nth}, nth, seconds))
            for nth in range(clients)
        ]
        found = [call.get() for call in calls]
    bench.say(f"{clients} clients: {sum(done for done, _ in found)} acts")
    return sum(done for done, _refused in found) / seconds


# --- all of it ------------------------------------------------------------------------------------
def run(bench: Bench) -> None:
    from tests.tickets.projects.story import Town, signed_filing

    small = bench.size < SIZE
    tickets = SMALL_TICKETS if small else TICKETS
    seconds = SMALL_SECONDS if small else SECONDS
    database = settings.DATABASES["default"]["NAME"]
    town = Town.staffed()
    signed_filing(town)
    town.owner("bench_buyer")
    busy = fill(bench, tickets, bench.size, SMALL_ACTS if small else ACTS)
    signer, name = town["ecology_approver"], name_for_certificates(town)
    certified = {
        "signer": signer.pk, "signer_key": str(signer.key), "beneficiary": name.pk,
        "beneficiary_key": str(name.key),
    }  # fmt: skip
    with bench.owner_connection() as owner:
        owner.execute(LINE)
        buyer = (
            "SELECT key FROM accounts_party WHERE checked_at IS NOT NULL ORDER BY id DESC LIMIT 1"
        )
        approver = town["forestry_approver"]
        names = {
            "party": value(owner, buyer), "approver": approver.pk,
            "approver_key": str(approver.key), **certified,
        }  # fmt: skip
    bench.measure("verify_register", verified, rounds=1, at_most_s=VERIFY_LIMIT_S, warm=False)
    as_of(bench, busy)

    bench.say("TPC-B")
    scale = SMALL_SCALE if small else PGBENCH_SCALE
    pgbench_made(bench, database, scale)
    with TemporaryDirectory() as folder:
        words = [word for name, said in names.items() for word in ("-D", f"{name}={said}")]
        for name, weight in (("offset", 5), ("transfer", 4), ("divide", 1)):
            path = Path(folder) / f"{name}.sql"
            path.write_text(scripts()[name])
            words += ["-f", f"{path}@{weight}"]

        def waiting() -> dict[str, list[int]]:
            return prepare(bench, tickets, 1000 * seconds, certified["beneficiary"])

        def acts(clients: int, seconds: int) -> float:
            """Entries a second: a request that finds nothing to do is none."""
            stand_in_line(bench, waiting())
            before = written()
            pgbench(bench, database, clients, seconds, *words)
            return (written() - before) / seconds

        acts(1, max(1, seconds // 4))  # Some tickets for the first divisions.
        for clients in SMALL_CLIENTS if small else CLIENTS:
            tpc_b = pgbench(bench, database, clients, seconds)
            beneath = acts(clients, seconds)
            facts = {"database": database, "certified": certified, "requests": waiting()}
            through = operations_per_second(bench, facts, clients, seconds)
            bench.fact(f"TPC-B, {clients} clients", tpc_b, "a second")
            bench.fact(f"entries in SQL, {clients} clients", beneath, "a second")
            bench.fact(f"operations, {clients} clients", through, "a second")
            bench.fact(f"SQL of TPC-B, {clients} clients", beneath / tpc_b, "×", at_least=SQL_SHARE)
            bench.fact(
                f"operations of TPC-B, {clients} clients", through / tpc_b, "×",
                at_least=OPERATIONS_SHARE,
            )  # fmt: skip
    verified()


def name_for_certificates(town: Any) -> Any:
    """A reviewed name."""
    from tickets.offsets.models import Beneficiary

    return Beneficiary.objects.create(
        name="bench", state=Beneficiary.State.ACCEPTED, reviewed_by=town["ecology_approver"]
    )


def pgbench_made(bench: Bench, database: str, scale: int) -> None:
    facts = settings.DATABASES["owner"]
    subprocess.run(
        ["/usr/lib/postgresql/15/bin/pgbench", "-i", "-q", "-s", str(scale), "-h", facts["HOST"],
         "-p", str(facts["PORT"]), "-U", facts["USER"], database],
        env={**os.environ, "PGPASSWORD": facts["PASSWORD"]}, capture_output=True, check=True,
    )  # fmt: skip


def written() -> int:
    """How many entries there are."""
    from tickets.registry.models import LedgerEntry

    return LedgerEntry.objects.count()


def verified() -> None:
    """The whole register; a fault fails the bench."""
    import io

    out = io.StringIO()
    try:
        call_command("verify_register", stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(out.getvalue()) from ended
    assert json.loads(out.getvalue())["faults"] == []


def as_of(bench: Bench, ticket: uuid.UUID) -> None:
    """A ticket with many acts on it, read as of moments all over its life."""
    from tickets.registry.models import CarbonTicket, LedgerEntry
    from tickets.registry.queries import shares_at, state_of

    found = CarbonTicket.objects.get(pk=ticket)
    moments = list(
        LedgerEntry.objects.filter(issuance=found.issuance_id).order_by("seq").values_list(
            "recorded_at", flat=True
        )
    )  # fmt: skip
    dice = random.Random(1)

    def read() -> None:
        at = dice.choice(moments)
        assert state_of(found, at) is not None
        assert list(shares_at(found, at))

    bench.measure(
        "a ticket of 10,000 acts as of a moment", read, rounds=50, at_most_s=AS_OF_LIMIT_S
    )
