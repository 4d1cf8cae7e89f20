"""Runs mini-swe-agent in its own environment: started by `mini.py` with that environment's interpreter.

It imports nothing of ours. On its first line of stdin it is told the task, the model and which of the agent's
two modes to use; from then on it prints each command that the agent wants run as a line of JSON and reads
what came of it. Its last line has tokens, tries and seconds. What else is printed goes to stderr.
"""

import json
import os
import sys
import time
from typing import Any

import yaml
from minisweagent.agents.default import DefaultAgent
from minisweagent.config import builtin_config_dir
from minisweagent.environments.local import LocalEnvironment
from minisweagent.models.litellm_model import LitellmModel
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModel

MODES = {"text": ("mini_textbased.yaml", LitellmTextbasedModel), "tools": ("mini.yaml", LitellmModel)}
ANSWERS = os.fdopen(os.dup(1), "w")


def tell(**said: Any) -> None:
    """Print one line for whoever started this."""
    ANSWERS.write(json.dumps(said) + "\n")
    ANSWERS.flush()


class Elsewhere(LocalEnvironment):  # type: ignore[misc]
    """Has commands run by whoever started this, in its sandbox."""

    waited = 0.0
    """Seconds spent waiting for commands."""

    def execute(self, action: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        """Ask for a command and wait for what it printed."""
        began = time.perf_counter()
        tell(command=action.get("command", ""))
        output: dict[str, Any] = json.loads(sys.stdin.readline())
        self.waited += time.perf_counter() - began
        self._check_finished(output)
        return output


def usage(message: dict[str, Any]) -> dict[str, int]:
    """Return what the model's server counted for an answer, also for one that could not be read."""
    response = message.get("extra", {}).get("response")
    return (response.get("usage") or {}) if isinstance(response, dict) else {}


def main() -> None:
    """Run the agent to its end."""
    os.dup2(2, 1)
    told = json.loads(sys.stdin.readline())
    name, kind = MODES[told["mode"]]
    config = yaml.safe_load((builtin_config_dir / name).read_text())
    asked = {name: told[name] for name in ("temperature", "seed", "max_tokens", "timeout")}
    given = {
        **config["model"],
        "model_name": f"openai/{told['model']}",
        "cost_tracking": "ignore_errors",
        "model_kwargs": {**config["model"]["model_kwargs"], "api_base": told["url"], **asked},
    }
    model = kind(**given)
    if told["warm"]:
        # The first request loads half of the libraries.
        warm = {**given, "model_kwargs": {**given["model_kwargs"], "api_base": told["warm"]}}
        kind(**warm).query([{"role": "user", "content": "Hello"}])
    environment = Elsewhere(**config["environment"])
    keep = ("system_template", "instance_template")
    agent = DefaultAgent(
        model,
        environment,
        step_limit=told["steps"],
        cost_limit=0.0,
        **{name: config["agent"][name] for name in keep},
    )
    ended = ""
    began = time.perf_counter()
    try:
        ended = agent.run(told["task"]).get("exit_status", "")
    except Exception as error:  # noqa: BLE001 - told, and what it has done is judged
        ended = f"{type(error).__name__}: {error}"[:300]
    seconds = time.perf_counter() - began
    counted = [usage(message) for message in agent.messages]
    tell(
        ended=ended,
        seconds=seconds,
        waited=environment.waited,
        tries=agent.n_calls,
        tokens_in=sum(told.get("prompt_tokens", 0) for told in counted),
        tokens_out=sum(told.get("completion_tokens", 0) for told in counted),
    )


if __name__ == "__main__":
    main()
