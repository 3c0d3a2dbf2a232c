# Makes an environment of conda's packages, and installs what is asked of pip into it.
#
# `conda.sh tool` leaves rattler, as pinned, in its stage: conda's own format, solver and installer as
# a Python package, from the index that all else comes from. `conda.sh install` has a cache that
# builds share, so nothing that a package brings may run in it: link scripts are not run, nor is the
# environment's Python. `conda.sh pip` has no such cache.
set -eu
. /run/toolkit/steps/indexes.sh
venv=/opt/venv
scratch=$(mktemp -d /dev/shm/toolkit.XXXXXX)
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_NO_INSTALLER_METADATA=1

find_uv() {
    uv=/run/toolkit/uv/uv
    if [ ! -x "$uv" ]; then uv=$("$python" -B /run/toolkit/steps/fetch_uv.py "$1"); fi
    if [ -z "$uv" ]; then
        echo "toolkit: packages of conda's need uv, which this index or machine has not" >&2
        exit 64
    fi
}

folders() {
    # A base may have something there.
    rm -rf "$venv"
    mkdir -p "$venv" /workspace /home/executor
    chmod 1777 /workspace /home/executor
    # What is copied there is for any uid, and a folder that exists keeps its mode.
    chmod 0777 "$venv"
}

tool() {
    export UV_CACHE_DIR=/run/toolkit/cache/uv
    find_uv /run/toolkit/cache/bin
    cd /run/toolkit/context
    "$uv" pip install --quiet --no-deps --only-binary :all: --python "$python" \
        --target /opt/toolkit/rattler --requirement requirements.txt \
        --requirement /run/toolkit/steps/rattler.txt
}

install() {
    PYTHONPATH=/run/toolkit/rattler "$python" -B -s -S /run/toolkit/steps/conda.py \
        /run/toolkit/context/conda.json /run/toolkit/conda "$venv"
    rm -f "$venv/CACHEDIR.TAG"
}

# installed FILE: what the environment's Python has, as name==version, a line each.
installed() {
    "$venv/bin/python" -B -s /run/toolkit/steps/conda_given.py > "$1"
}

# What conda has brought stays as it is, whether an index has it or not: it limits what pip's list
# may ask for. It is not in the record, which has what is besides, with the index's hashes.
pip() {
    UV_CACHE_DIR=$(mktemp -d)
    export UV_CACHE_DIR
    find_uv "$UV_CACHE_DIR/bin"
    lock=$venv/pylock.toml
    installed "$scratch/given.txt"
    sed 's/==.*//' "$scratch/given.txt" > "$scratch/names.txt"
    cd /run/toolkit/context
    if [ -f constraints.txt ]; then cat constraints.txt >> "$scratch/given.txt"; fi
    "$uv" pip install --quiet --no-compile-bytecode --break-system-packages \
        --python "$venv/bin/python" --constraint "$scratch/given.txt" --requirement requirements.txt
    installed "$scratch/all.txt"
    "$uv" pip compile --quiet --python "$venv/bin/python" --excludes "$scratch/names.txt" \
        --constraint "$scratch/all.txt" --format pylock.toml --output-file "$lock" requirements.txt
    # As for any image: the record names files, not addresses of an index.
    sed -e '/^index = /d' -e '/^archive = /b' -e '/^vcs = /b' \
        -e 's#\burl = "[^"]*/\([^"/]*\)"#path = "\1"#g' "$lock" > "$scratch/lock"
    cat "$scratch/lock" > "$lock"
    rm -f "$venv/.lock"
    env -i PATH="$PATH" PYTHONHASHSEED=0 \
        "$venv/bin/python" -s -S -B /run/toolkit/steps/bytecode.py "$venv"
}

"$1"
