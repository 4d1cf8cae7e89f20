#!/bin/sh
# The image's two uses: `runner` is an ephemeral runner of GitHub Actions, everything else is a command of PushPals.
set -eu

if [ "${1:-}" != runner ]; then
  exec pushpals "$@"
fi

home=${RUNNER_HOME:-/home/runner}
if [ ! -x "$home/run.sh" ]; then
  echo "There is no runner of GitHub Actions at $home. Build the image on a base that has it, such as" >&2
  echo "BASE=ghcr.io/actions/actions-runner:<version> with ID=1001, or name its folder with RUNNER_HOME." >&2
  exit 2
fi
# The runner takes this configuration, which is a credential, from its environment: arguments can be read by others.
if [ -n "${PUSHPALS_JIT_CONFIG_FILE:-}" ]; then
  ACTIONS_RUNNER_INPUT_JITCONFIG=$(cat "$PUSHPALS_JIT_CONFIG_FILE")
fi
if [ -z "${ACTIONS_RUNNER_INPUT_JITCONFIG:-}" ]; then
  echo "No just-in-time configuration. Make one for this runner, and name its file with PUSHPALS_JIT_CONFIG_FILE" >&2
  echo "(see docs/scale.md)." >&2
  exit 2
fi
export ACTIONS_RUNNER_INPUT_JITCONFIG
cd "$home"
exec ./run.sh
