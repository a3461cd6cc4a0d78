"""Papers are taken in by themselves too, and a trade closes no printed ticket without (article 16)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.base.clock

FORWARD = """
SELECT portal_append_only('registry_printreturn');

-- As before; what forestry took in or marked is outstanding no more, and the trading centre closes a
-- ticket like its holder. A court, a pledgee with a deed and an order close it without its holder's
-- hand: the register prevails.
CREATE OR REPLACE FUNCTION registry_paper_comes_back() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  printed bigint;
BEGIN
  SELECT count(*) INTO printed FROM jsonb_array_elements(NEW.content -> 'closed') AS gone
  JOIN registry_ticketprint AS print ON print.ticket_id = (gone ->> 'ticket')::uuid
  WHERE NOT EXISTS (SELECT FROM registry_printreturn WHERE printing_id = print.id);
  IF printed > 0 AND NOT EXISTS (
       SELECT FROM registry_registration
       WHERE key = NEW.registration AND paper IN ('surrendered', 'marked')) THEN
    PERFORM registry_refuse('paper_comes_back_before_its_ticket_closes', '23514',
                            'the printed ticket is outstanding',
                            jsonb_build_object('count', printed));
  END IF;
  RETURN NULL;
END $$;
DROP TRIGGER paper_comes_back_before_its_ticket_closes ON registry_ledgerentry;
CREATE TRIGGER paper_comes_back_before_its_ticket_closes AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind IN ('transfer', 'divide', 'correct', 'close', 'trade')
                   AND NEW.content ? 'closed')
EXECUTE FUNCTION registry_paper_comes_back();
"""
BACKWARD = """
DROP TRIGGER nothing_is_rewritten ON registry_printreturn;
DROP TRIGGER nothing_is_truncated ON registry_printreturn;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0026_objections_are_settled_by_two"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PrintReturn",
            fields=[
                (
                    "printing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="taken_in",
                        serialize=False,
                        to="registry.ticketprint",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("surrendered", "已交回"), ("marked", "已标记")],
                        max_length=11,
                        verbose_name="状态",
                    ),
                ),
                (
                    "taken_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="时间",
                    ),
                ),
                (
                    "taken_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="papers_taken_in",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "纸质碳票交回",
                "verbose_name_plural": "纸质碳票交回",
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
