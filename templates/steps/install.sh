# Resolves the requirements once, records the result, installs exactly that. The environment keeps
# pip and is writable for any uid, because code in the container may install more.
#
# `install.sh wheels` has the caches that all builds share, so nothing that a package brings may run
# in it: wheels are unpacked, no source is built, and once anything is installed the environment's
# own Python is not started, for a `.pth` file would be run by it. `install.sh sources` has no such
# cache; it does the work where the first could not, which is also where a failure is told.
set -eu
. /run/toolkit/steps/indexes.sh
inputs=/run/toolkit/context
venv=/opt/venv
lock=$venv/pylock.toml
# In memory, and in no layer.
scratch=$(mktemp -d /dev/shm/toolkit.XXXXXX)

export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_NO_INSTALLER_METADATA=1
# More at once are slower: they wait for one another in the file system.
export UV_CONCURRENT_INSTALLS=2
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1

# From inside the folder, so that no message quotes a path of ours.
cd "$inputs"
# What uv does not read in a requirements file: --pre, and hosts to be trusted.
if [ -f uv-environment.txt ]; then
    while IFS= read -r variable; do export "${variable?}"; done < uv-environment.txt
fi
constraints=
if [ -f constraints.txt ]; then constraints="--constraint constraints.txt"; fi
# A lock is the whole: nothing is looked for besides.
if [ -f locked.txt ]; then constraints=$(cat locked.txt); fi

find_uv() {
    uv=/run/toolkit/uv/uv
    # None when the stage was made, or none then: an index may have got one since.
    if [ ! -x "$uv" ]; then uv=$("$python" -B /run/toolkit/steps/fetch_uv.py "$1"); fi
}

# resolve WAY: the record, and the same as a list with hashes, from which uv finds its cache again.
resolve() {
    "$uv" pip compile --quiet $1 --python "$venv/bin/python" --format pylock.toml \
        --output-file "$lock" requirements.txt $constraints || return
    # Most records say the same as a list; what came from elsewhere than an index, uv must write.
    "$python" -B -S /run/toolkit/steps/lock_list.py "$lock" requirements.txt > "$scratch/locked.txt" ||
        "$uv" pip compile --quiet $1 --python "$venv/bin/python" --generate-hashes --no-header \
            --no-annotate --emit-index-url --emit-find-links --output-file "$scratch/locked.txt" \
            requirements.txt $constraints
}

# Where a variable or a file of the base asks for bytecode, uv would compile it by the environment's
# own Python. The flag overrules the file, and does not go with the variable.
add() {
    unset UV_COMPILE_BYTECODE
    "$uv" pip install --quiet --no-compile-bytecode --python "$venv/bin/python" "$@"
}

install_with_uv() {
    # A base whose Python carries no pip gets the index's.
    set -- "$1" "$venv"/lib/python3*/site-packages/pip
    if [ ! -d "$2" ]; then
        add $1 pip || return
    fi
    # The lock has the index's hashes. Where the requirements bring their own, those count, for all.
    if [ -f locked.txt ]; then
        # The hashes that there are are checked; a folder and a repository have none.
        set -- $1 --requirement requirements.txt $constraints
    elif grep -q '^ *--hash=\|^--require-hashes' requirements.txt; then
        set -- $1 --require-hashes --requirement requirements.txt $constraints
    else
        set -- $1 --no-deps --requirement "$scratch/locked.txt"
    fi
    add "$@"
}

# No uv for this machine or in this index. What pip reports is the record.
install_with_pip() {
    if [ -n "${UV_EXCLUDE_NEWER:-}" ]; then
        echo "toolkit: without uv, what was uploaded later cannot be overlooked" >&2
        exit 64
    fi
    "$python" -m venv --clear "$venv"
    pip="$venv/bin/python -m pip"
    $pip install --help | grep -q -- --report || $pip install --quiet --upgrade pip
    $pip install --progress-bar off --no-compile --report "$scratch/report.json" \
        --requirement requirements.txt $constraints
    "$venv/bin/python" -B /run/toolkit/steps/lock_report.py "$scratch/report.json" "$lock"
}

# An index that came from outside the requirements is nobody's business: the record names files, not
# addresses. What the requirements themselves name (archives, repositories) stays.
tidy() {
    sed -e '/^index = /d' -e '/^archive = /b' -e '/^vcs = /b' \
        -e 's#\burl = "[^"]*/\([^"/]*\)"#path = "\1"#g' "$lock" > "$scratch/lock"
    cat "$scratch/lock" > "$lock"
    rm -f "$venv/.lock"
}

# What a killed build or a full disk did to the cache, the records of the wheels show: that is fetched
# again, once. (A wheel whose own record is wrong is, too, each time.)
mend() {
    damaged=$("$python" -B -S /run/toolkit/steps/damaged.py "$venv")
    if [ -z "$damaged" ]; then return; fi
    case $damaged in *"*"*) damaged= ;; esac
    "$uv" cache clean --quiet $damaged
    cp "$lock" "$scratch/kept"
    empty "$venv"
    cp "$scratch/kept" "$lock"
    install_with_uv --no-build
}

# For which Pythons there are wheels of what could not be built.
tell_wheels() {
    sed -n 's/.*Failed to \(download and \)\{0,1\}build `\([A-Za-z0-9._-]*==[^` ]*\)`.*/\2/p' \
        "$scratch/said" | head -n 1 > "$scratch/failed"
    if [ ! -s "$scratch/failed" ]; then return; fi
    failed=$(cat "$scratch/failed")
    grep -e '^--.*index' -e '^--find-links' requirements.txt >> "$scratch/failed" || true
    fit=
    for version in 3.8 3.9 3.10 3.11 3.12 3.13 3.14; do
        if "$uv" pip compile --quiet --no-build --no-deps --python "$venv/bin/python" \
            --python-version "$version" --output-file "$scratch/one" "$scratch/failed" \
            >/dev/null 2>&1; then fit="$fit${fit:+, }$version"; fi
    done
    if [ -n "$fit" ]; then echo "toolkit: $failed has wheels for Python $fit" >&2; fi
}

wheels() {
    export UV_CACHE_DIR=/run/toolkit/cache/uv
    find_uv /run/toolkit/cache/bin
    # What fails here is tried again by the other step, which says why.
    if [ -n "$uv" ] && ! grep -q '^--no-binary' requirements.txt &&
        resolve --no-build 2>/dev/null && install_with_uv --no-build 2>/dev/null; then
        mend
        tidy
        finish "$venv" /run/toolkit/bytecode
    else
        rm -rf "$venv"
        mkdir -p "$venv/bin"
        chmod 0777 "$venv"
    fi
}

sources() {
    # A base may have something there.
    rm -rf "$venv"
    mkdir -p "$venv"
    if [ -e /run/toolkit/wheels/python ]; then return; fi
    UV_CACHE_DIR=$(mktemp -d)
    export UV_CACHE_DIR
    find_uv "$UV_CACHE_DIR/bin"
    if [ -n "$uv" ]; then
        empty "$venv"
        # Its words come after those of what it runs, so nothing is lost by keeping them until then.
        if { resolve "" && install_with_uv ""; } 2> "$scratch/said"; then
            cat "$scratch/said" >&2
        else
            cat "$scratch/said" >&2
            tell_wheels
            exit 1
        fi
    else
        install_with_pip
    fi
    tidy
    finish "$venv"
}

"$1"
