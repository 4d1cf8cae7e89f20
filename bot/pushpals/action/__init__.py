"""The door for GitHub Actions: the steps of `action/action.yml`, each a few lines on top of the loop.

The jobs of a run, by what they may and what they run:

| job | may | runs |
|---|---|---|
| observe | write to GitHub; the model | the loop, up to the claim |
| agent | read the code; the model | a worker, in a sandbox |
| check | read the code | the checks, in a sandbox |
| publish | write to GitHub; the model | the loop, from what was brought back |

No job both holds a token that writes and runs what a repository or a model wants to run.
"""
