"""Chat models: one protocol, one adapter to every OpenAI-compatible endpoint, and recordings of it."""

from pushpals.llm.api import GREEDY, ChatModel, Completion, Message, Sampling, ToolCall, ToolSpec
from pushpals.llm.errors import Cause, ModelError
from pushpals.llm.failures import public_url
from pushpals.llm.openai_compat import OpenAICompatModel
from pushpals.llm.passing import PassingModel
from pushpals.llm.prices import on_this_machine
from pushpals.llm.recording import RecordingModel, ReplayModel
from pushpals.llm.retry import RetryPolicy

__all__ = [
    "GREEDY",
    "Cause",
    "ChatModel",
    "Completion",
    "Message",
    "ModelError",
    "OpenAICompatModel",
    "PassingModel",
    "RecordingModel",
    "ReplayModel",
    "RetryPolicy",
    "Sampling",
    "ToolCall",
    "ToolSpec",
    "on_this_machine",
    "public_url",
]
