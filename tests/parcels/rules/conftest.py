"""Databases of these tests are given up patiently too."""

from tests.parcels.claims.conftest import patiently_dropped  # noqa: F401
