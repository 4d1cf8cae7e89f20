"""Properties are tried without a clock and with the same examples every time: a busy machine fails no test."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
