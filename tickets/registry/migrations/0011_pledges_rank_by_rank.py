"""Later ranks of pledges enter in their turn, and one that only waits can be given up (article 18)."""

import django.db.models.deletion
from django.db import migrations, models

import portal.base.clock

FORWARD = """
SELECT portal_append_only('registry_pledgewaiver');

-- What a pledge's blocks took over from what was not its own, whatever became of it later.
CREATE FUNCTION registry_entered_kg(pledge uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(sum(upper(became.kg * was.kg) - lower(became.kg * was.kg)), 0)::bigint
  FROM registry_block AS became
  JOIN registry_block AS was ON was.closed_by_id = became.opened_by_id AND was.kg && became.kg
   AND was.issuance_id = became.issuance_id AND was.because_id IS DISTINCT FROM became.because_id
  WHERE became.because_id = $1
$$;

-- Kilograms that a release hands on go to a rank behind it, at most as many as it was registered for.
CREATE FUNCTION registry_ranks_enter() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
       SELECT FROM (SELECT DISTINCT because_id AS key FROM registry_block
                    WHERE opened_by_id = NEW.id AND state = 'pledged' AND because_id <> NEW.cause
                   ) AS entering
       WHERE entering.key NOT IN (
               WITH RECURSIVE later (key) AS (
                 SELECT cause_id FROM registry_pledge WHERE behind_id = NEW.cause
                 UNION ALL
                 SELECT cause_id FROM registry_pledge JOIN later ON behind_id = later.key)
               SELECT key FROM later)
          OR EXISTS (SELECT FROM registry_pledgewaiver WHERE pledge_id = entering.key)
          OR registry_entered_kg(entering.key) >
               (SELECT quantity_kg FROM registry_pledge WHERE cause_id = entering.key)) THEN
    PERFORM registry_refuse('later_rank_enters_in_its_turn', '23514', 'not the next rank');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER takes_effect_rank_by_rank AFTER INSERT ON registry_ledgerentry
FOR EACH ROW WHEN (NEW.kind = 'release') EXECUTE FUNCTION registry_ranks_enter();
"""
BACKWARD = """
DROP TRIGGER takes_effect_rank_by_rank ON registry_ledgerentry;
DROP FUNCTION registry_ranks_enter();
DROP FUNCTION registry_entered_kg(uuid);
DROP TRIGGER nothing_is_rewritten ON registry_pledgewaiver;
DROP TRIGGER nothing_is_truncated ON registry_pledgewaiver;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0010_fewer_statements")]
    operations = [
        migrations.CreateModel(
            name="PledgeWaiver",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "made_at",
                    models.DateTimeField(
                        db_default=portal.base.clock.PortalNow(),
                        editable=False,
                        verbose_name="时间",
                    ),
                ),
                (
                    "pledge",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiver",
                        to="registry.pledge",
                    ),
                ),
                (
                    "registration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="waiver",
                        to="registry.registration",
                    ),
                ),
            ],
            options={"verbose_name": "放弃顺位", "verbose_name_plural": "放弃顺位"},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
