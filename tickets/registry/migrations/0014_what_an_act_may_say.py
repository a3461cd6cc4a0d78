"""An entry says only what its act may: tickets, shares, and on which document it stands."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
-- What a freeze secures, and who owns it, stays as it is until the order is lifted; a court's order is
-- laid and lifted by its document alone (article 10; domain.md, "Shares").
CREATE FUNCTION registry_keeps_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.kind = 'change' THEN
    IF EXISTS (SELECT FROM jsonb_array_elements(NEW.content -> 'shares') AS said
               JOIN registry_block AS block ON block.ticket_id = (said ->> 'ticket')::uuid
               WHERE block.closed_by_id IS NULL AND block.freezes <> '{}') THEN
      PERFORM registry_refuse('shares_change_on_unfrozen_tickets', '23514', 'the ticket is frozen');
    END IF;
  ELSIF NEW.document_sha256 IS NULL
        AND EXISTS (SELECT FROM registry_freezeorder WHERE key = NEW.freeze_order AND kind = 'court') THEN
    PERFORM registry_refuse('court_order_has_its_document', '23514', 'without a document');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER takes_effect_under_orders AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('change', 'freeze', 'lift'))
EXECUTE FUNCTION registry_keeps_orders();

-- A paper of a ticket that has ended or whose loss is published would pass for a good one.
CREATE FUNCTION registry_prints_stand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM registry_carbonticket
             WHERE key = NEW.ticket_id AND closed_by_id IS NOT NULL)
     OR EXISTS (SELECT FROM registry_block AS block
                JOIN registry_freezeorder AS laid ON laid.key = ANY(block.freezes)
                WHERE block.ticket_id = NEW.ticket_id AND block.closed_by_id IS NULL
                  AND laid.kind = 'loss') THEN
    RAISE EXCEPTION 'a paper of a ticket that does not stand'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'prints_are_of_standing_tickets',
            TABLE = TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER prints_are_of_standing_tickets BEFORE INSERT ON registry_ticketprint
FOR EACH ROW EXECUTE FUNCTION registry_prints_stand();
"""
BACKWARD = """
DROP TRIGGER prints_are_of_standing_tickets ON registry_ticketprint;
DROP FUNCTION registry_prints_stand();
DROP TRIGGER takes_effect_under_orders ON registry_ledgerentry;
DROP FUNCTION registry_keeps_orders();
"""


def rule(name, condition):
    return migrations.AddConstraint(
        "ledgerentry", models.CheckConstraint(name=name, condition=condition)
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0013_own_matters_and_article_25")]
    operations = [
        rule(
            "tickets_open_by_their_acts",
            ~Q(content__has_key="tickets")
            | Q(
                kind__in=[
                    "issue", "transfer", "divide", "court", "trade", "enforce", "reissue", "correct",
                ]
            ),
        ),
        rule(
            "shares_change_by_a_change", ~Q(content__has_key="shares") | Q(kind="change")
        ),
        rule(
            "what_closes_opens_again",
            Q(content__has_keys=["closes", "opens"])
            | (~Q(content__has_key="closes") & ~Q(content__has_key="opens")),
        ),
        rule(
            "decision_has_its_document",
            ~Q(kind__in=["court", "enforce"]) | Q(document_sha256__isnull=False),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]  # fmt: skip
