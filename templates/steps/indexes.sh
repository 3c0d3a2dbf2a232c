# Sourced by the steps that ask an index: what was sent along, so that uv and pip both follow it.
. /run/toolkit/steps/python.sh
. /run/toolkit/steps/secrets.sh
if [ -s /run/secrets/pip.conf ]; then
    export PIP_CONFIG_FILE=/run/secrets/pip.conf
    settings=$("$python" -B -S /run/toolkit/steps/pip_conf.py "$PIP_CONFIG_FILE")
    eval "$settings"
fi
# pip's variables mean the same to uv where uv has none of its own.
if [ -n "${PIP_INDEX_URL:-}" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
fi
if [ -n "${PIP_EXTRA_INDEX_URL:-}" ] && [ -z "${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}" ]; then
    export UV_INDEX="$PIP_EXTRA_INDEX_URL"
fi
if [ -n "${PIP_TRUSTED_HOST:-}" ] && [ -z "${UV_INSECURE_HOST:-}" ]; then
    export UV_INSECURE_HOST="$PIP_TRUSTED_HOST"
fi
