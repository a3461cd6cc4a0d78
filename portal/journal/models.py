"""Every act, once, in chains: nothing here is changed, and a change by hand breaks a hash."""

from __future__ import annotations

from django.db import models

from portal.base.clock import PortalNow


class Event(models.Model):
    """One act on one subject. The database fills ``seq``, time and hashes when it is inserted.

    ``facts`` holds keys and hashes only; names, identity numbers and free text stay in tables
    where the law lets them be corrected or erased (design.md, guarantee 7).
    """

    subject_kind = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    seq = models.IntegerField(editable=False)
    verb = models.CharField(max_length=60)
    actor_key = models.UUIDField(null=True)
    recorded_at = models.DateTimeField(db_default=PortalNow(), editable=False)
    facts = models.JSONField(default=dict)
    previous_hash = models.BinaryField(max_length=32, editable=False)
    hash = models.BinaryField(max_length=32, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_event_per_place_in_chain", fields=["subject_kind", "subject_key", "seq"]
            )
        ]
        indexes = [models.Index(fields=["recorded_at"], name="journal_event_time")]

    def __str__(self) -> str:
        return f"{self.subject_kind}/{self.subject_key}#{self.seq} {self.verb}"


class Head(models.Model):
    """The end of one subject's chain; only the trigger on Event writes it."""

    subject_kind = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    seq = models.IntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_head_per_subject", fields=["subject_kind", "subject_key"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}/{self.subject_key}#{self.seq}"


class Seal(models.Model):
    """A day's Merkle root over all heads, published; each seal also binds the one before it."""

    day = models.DateField(primary_key=True)
    sealed_at = models.DateTimeField(db_default=PortalNow())
    last_event_id = models.BigIntegerField()
    heads = models.IntegerField()
    # How many chains there are of each kind of subject; None in seals made before it was bound.
    chains = models.JSONField(null=True)
    root = models.BinaryField(max_length=32)
    previous_root = models.BinaryField(max_length=32)

    class Meta:
        ordering = ["-day"]

    def __str__(self) -> str:
        return f"{self.day} {bytes(self.root).hex()[:12]}"
