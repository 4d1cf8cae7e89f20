"""Properties are tried without a clock and with the same examples each time: a busy machine fails none."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
