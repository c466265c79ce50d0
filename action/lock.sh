# Writes requirements.txt and uv.txt anew from pyproject.toml: the newest of everything, with its hashes.
# Run it to take new versions; the tests say when it has to be run.
set -euo pipefail
cd "$(dirname "$0")/.."

uv lock --quiet --upgrade
uv export --quiet --frozen --no-dev --extra onnxruntime --no-emit-project --no-header --no-annotate --format requirements-txt \
  --output-file action/requirements.txt
printf 'uv\n' | uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url - \
  --output-file action/uv.txt
