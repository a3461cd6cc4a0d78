"""Settings of hypothesis: a slow machine is no failure."""

from hypothesis import settings

settings.register_profile("portal", deadline=None)
settings.load_profile("portal")
