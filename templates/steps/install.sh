# Resolves the requirements once, records the result, installs exactly that. The environment keeps
# pip and is writable for any uid, because code in the container may install more.
#
# `install.sh wheels` has the cache that all builds share, so nothing that a package brings may run
# in it: wheels are unpacked and no source is built. `install.sh sources` has no such cache; it does
# the work where the first could not, which is also where a failure is told.
set -eu
. /run/toolkit/steps/secrets.sh
inputs=/run/toolkit/context
venv=/opt/venv
lock=$venv/pylock.toml
keep=/opt/toolkit
python=$(command -v python3 || command -v python)

export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_NO_INSTALLER_METADATA=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
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

# From inside the folder, so that no message quotes a path of ours.
cd "$inputs"
# What uv does not read in a requirements file: --pre, and hosts to be trusted.
if [ -f uv-environment.txt ]; then
    while IFS= read -r variable; do export "${variable?}"; done < uv-environment.txt
fi
constraints=
if [ -f constraints.txt ]; then constraints="--constraint constraints.txt"; fi

# resolve WAY: the record, and the same as a list with hashes, from which uv finds its cache again.
resolve() {
    "$uv" pip compile --quiet $1 --python "$venv/bin/python" --format pylock.toml \
        --output-file "$lock" requirements.txt $constraints &&
    "$uv" pip compile --quiet $1 --python "$venv/bin/python" --generate-hashes --no-header \
        --no-annotate --emit-index-url --emit-find-links --output-file "$keep/locked.txt" \
        requirements.txt $constraints
}

install_with_uv() {
    # The lock has the index's hashes. Where the requirements bring their own, those count, for all.
    if grep -q '^ *--hash=\|^--require-hashes' requirements.txt; then
        "$uv" pip install --quiet $1 --python "$venv/bin/python" --require-hashes \
            --requirement requirements.txt $constraints || return
    else
        "$uv" pip install --quiet $1 --python "$venv/bin/python" \
            --requirement "$keep/locked.txt" || return
    fi
    # The base's own pip, so that what is not locked does not change from day to day.
    if [ ! -d "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pip" ]; then
        "$uv" pip install --quiet --offline --no-index --python "$venv/bin/python" \
            "$("$python" -B /run/toolkit/steps/pip_wheel.py)"
    fi
}

# No uv for this machine or in this index. What pip reports is the record.
install_with_pip() {
    "$python" -m venv --clear "$venv"
    pip="$venv/bin/python -m pip"
    $pip install --help | grep -q -- --report || $pip install --quiet --upgrade pip
    $pip install --progress-bar off --no-compile --report "$keep/report.json" \
        --requirement requirements.txt $constraints
    "$venv/bin/python" -B /run/toolkit/steps/lock_report.py "$keep/report.json" "$lock"
}

finish() {
    # compileall, for uv's own compiling takes twice the time; no tests, for nobody imports them. A
    # file that does not compile (data, another Python) is its package's business: the verifier
    # imports.
    "$venv/bin/python" -m compileall -q -j 0 -x '/tests?/' "$venv/lib" >/dev/null 2>&1 || true
    # An index that came from outside the requirements is nobody's business: the record names files,
    # not addresses. What the requirements themselves name (archives, repositories) stays.
    sed -e '/^index = /d' -e '/^archive = /b' -e '/^vcs = /b' \
        -e 's#\burl = "[^"]*/\([^"/]*\)"#path = "\1"#g' "$lock" > "$keep/lock"
    cat "$keep/lock" > "$lock"
    rm -f "$venv/.lock"
    chmod -R a+rwX "$venv"
    touch "$keep/done"
}

wheels() {
    export UV_CACHE_DIR=/var/cache/toolkit/uv
    mkdir -p "$keep"
    uv=$("$python" -B /run/toolkit/steps/fetch_uv.py /var/cache/toolkit/bin)
    if [ -z "$uv" ]; then return; fi
    cp "$uv" "$keep/uv"
    uv=$keep/uv
    if grep -q '^--no-binary' requirements.txt; then return; fi
    "$python" -m venv --clear --without-pip "$venv"
    # What fails here is tried again by the other step, which says why.
    if resolve --no-build 2>/dev/null && install_with_uv --no-build 2>/dev/null; then finish; fi
}

sources() {
    if [ -e "$keep/done" ]; then return; fi
    UV_CACHE_DIR=$(mktemp -d)
    export UV_CACHE_DIR
    uv=$keep/uv
    if [ -x "$uv" ]; then
        "$python" -m venv --clear --without-pip "$venv"
        resolve ""
        install_with_uv ""
    else
        install_with_pip
    fi
    finish
}

"$1"
