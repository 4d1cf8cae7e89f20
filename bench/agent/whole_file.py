"""The floor: the most obvious way to have a model mend a bug, up to four tries.

It is shown all files, the issue and what the failing test says, and asked for a whole file. What then fails
is sent back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Final

from bench.agent.corpus import CHECK, Case
from pushpals.llm import Message, Sampling
from pushpals.sandbox import Sandbox
from pushpals.workerpals.assignment import ChatModel
from pushpals.workerpals.checks import run_check

TRIES: Final = 4
_ASK: Final = """{issue}

The files:

{files}

`{check}` says:
```
{output}
```

Mend the bug. Answer with the whole corrected file in one code block, its name in the line before it."""
_BLOCK: Final = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)


async def solve(case: Case, sandbox: Sandbox, model: ChatModel, check_seconds: float) -> None:
    """Work on the bug in the sandbox's workspace until the seen tests pass, at most four tries."""
    first = await run_check(sandbox, CHECK, check_seconds)
    files = "\n\n".join(f"{name}\n```python\n{text}```" for name, text in case.workspace().items() if text)
    ask = _ASK.format(issue=case.bug.issue, files=files, check=CHECK, output=first.output)
    messages = [Message("user", ask)]
    for attempt in range(TRIES):
        sampling = Sampling(0.6 if attempt else 0.0, max_tokens=1500, seed=attempt)
        answer = await model.complete(messages, sampling=sampling)
        found = file_in(answer.text, case.program)
        if found is None:
            evidence = "There is no code block with a whole file in your answer."
        else:
            sandbox.files.write(found[0], found[1].encode())
            result = await run_check(sandbox, CHECK, check_seconds)
            if result.ok:
                break
            evidence = (
                f"With it, `{CHECK}` says:\n```\n{result.output}\n```\nAnswer with the whole file again."
            )
        messages = [*messages, Message("assistant", answer.text), Message("user", evidence)]


def file_in(answer: str, program: Mapping[str, str]) -> tuple[str, str] | None:
    """Return name and text of the first code block, None where there is none.

    Its file is the one named last before it; where none is named, the one that is most like it.
    """
    block = _BLOCK.search(answer)
    if block is None:
        return None
    before = answer[: block.start()]
    named = [name for name in program if name in before]
    if named:
        return max(named, key=before.rfind), block[1]
    return max(program, key=lambda name: SequenceMatcher(None, program[name], block[1]).ratio()), block[1]
