# Installs the Debian packages named as arguments, and nothing that they only recommend.
#
# `apt.sh fetch` has caches that builds share, so nothing that a package brings may run in it: it
# leaves in its stage the archives, and the lists by which apt chose them. An archive out of the
# cache needs the hash that the base's own lists give; apt by itself would look at its size.
# `apt.sh install` has no cache, no secrets, and fetches nothing: the packages' scripts run in it.
set -eu
verb=$1
shift
if ! command -v apt-get >/dev/null 2>&1; then
    echo "toolkit: this base image has no apt-get, so apt packages cannot be installed: $*" >&2
    exit 64
fi
export DEBIAN_FRONTEND=noninteractive
cache=/run/toolkit/archives
# Lists, and what apt has read of them: at the same place in both steps.
apt=/run/toolkit/apt
trusted=

# apt_get ARGUMENTS: in folders that are mounted for this step, so that nothing is left in a layer.
# Official images empty apt's own folder of archives after every installation.
apt_get() {
    apt-get -q -y --no-install-recommends -o Acquire::Retries=3 $trusted -o "Dir::Cache=$apt" \
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache::archives=$archives" "$@"
}

# take FILE SHA256: an archive out of the cache, if that is what it holds.
take() {
    if [ ! -f "$cache/$1" ]; then return 1; fi
    cp "$cache/$1" "$archives/$1"
    if ! echo "$2  $archives/$1" | sha256sum --check --status; then
        rm -f "$cache/$1" "$archives/$1"
        return 1
    fi
}

fetch() {
    . /run/toolkit/steps/secrets.sh
    if [ -s /run/secrets/ca ]; then trusted="-o Acquire::https::CAInfo=/run/secrets/ca"; fi
    made=/opt/toolkit/apt
    archives=$made/archives
    mkdir -p "$archives/partial" "$apt/lists/partial"
    apt_get update
    wanted=$(mktemp /dev/shm/wanted.XXXXXX)
    # A line each: 'address' file size hash.
    apt_get -qq install --print-uris -o Acquire::ForceHash=SHA256 "$@" > "$wanted"
    missing=
    while read -r _ file _ hash; do
        take "$file" "${hash#SHA256:}" || missing=yes
    done < "$wanted"
    if [ -n "$missing" ]; then apt_get install --download-only "$@"; fi
    for each in "$archives"/*.deb; do
        if [ -f "$each" ] && [ ! -e "$cache/${each##*/}" ]; then cp "$each" "$cache"; fi
    done
    for each in "$apt/lists" "$apt/pkgcache.bin"; do
        if [ -e "$each" ]; then cp -a "$each" "$made"; fi
    done
}

install() {
    archives=$apt/archives
    apt_get install --no-download "$@"
}

"$verb" "$@"
