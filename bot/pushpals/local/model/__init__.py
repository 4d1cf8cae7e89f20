"""The model on a laptop: one that runs already, or the embedded one: fetched, verified, served."""

from pushpals.local.model.discover import ChosenModel, Surroundings, Wanted, choose_model
from pushpals.local.model.embedded import Progress, ensure_model
from pushpals.local.model.files import ModelFile, embedded_model, is_verified, verify
from pushpals.local.model.server import EmbeddedServer

__all__ = [
    "ChosenModel",
    "EmbeddedServer",
    "ModelFile",
    "Progress",
    "Surroundings",
    "Wanted",
    "choose_model",
    "embedded_model",
    "ensure_model",
    "is_verified",
    "verify",
]
