"""What the database measures of a shape."""

from __future__ import annotations

from django.db import models
from django.db.models import Func


class EllipsoidArea(Func):
    """``ST_Area(geom::geography)`` in m²; Django's ``Area`` would give square degrees here."""

    template = "ST_Area((%(expressions)s)::geography)"
    output_field = models.FloatField()
