# Rewrite requirements.txt and uv.txt from pyproject.toml: the newest versions, with their hashes.
# Run it to update versions; a test fails when it has to be run.
set -euo pipefail
cd "$(dirname "$0")/.."

uv lock --quiet --upgrade
uv export --quiet --frozen --no-dev --extra onnxruntime --no-emit-project --no-header --no-annotate --format requirements-txt \
  --output-file action/requirements.txt
printf 'uv\n' | uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url - \
  --output-file action/uv.txt
