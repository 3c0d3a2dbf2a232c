# Puts uv, as pinned, into this stage, where every later build finds it: the step knows the options
# of the requirements that say where packages come from, and nothing of the packages. A machine or an
# index that has no uv leaves the folder empty.
set -eu
. /run/toolkit/steps/indexes.sh
mkdir -p /opt/toolkit
uv=$("$python" -B /run/toolkit/steps/fetch_uv.py /run/toolkit/cache/bin)
if [ -n "$uv" ]; then cp "$uv" /opt/toolkit/uv; fi
