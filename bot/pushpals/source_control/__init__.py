"""SourceControlManager is the only hands that push. It takes a patch as data and trusts none of it."""

from pushpals.source_control.gate import Bench, Gated, gate

__all__ = ["Bench", "Gated", "gate"]
