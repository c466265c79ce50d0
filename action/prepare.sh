# Find a Python for energygate itself, and output the path of its environment.
#
# The interpreter only makes an environment of energygate's own: nothing is installed into it.
set -euo pipefail

suitable() {
  "$1" -I -c 'import struct, sys, venv
sys.exit(not ((3, 10) <= sys.version_info[:2] <= (3, 14) and struct.calcsize("P") == 8))' >/dev/null 2>&1
}

candidates() {
  printf '%s\n' python3 python python3.13 python3.12 python3.11 python3.10 python3.14
  # those of hosted runners, and of self-hosted ones after setup-python, that are not on the path
  ls -d "${RUNNER_TOOL_CACHE:-/nowhere}"/Python/3.1[0-4].*/*/{bin/python3,python.exe} 2>/dev/null || true
}

while IFS= read -r candidate; do
  if suitable "$candidate"; then
    exec "$candidate" -I "$GITHUB_ACTION_PATH/action/install.py" name
  fi
done < <(candidates)

echo "::error title=energygate::there is no 64-bit Python 3.10 to 3.14 on this runner; put actions/setup-python before \
energygate (with update-environment: false nothing else on the runner changes)"
exit 2
