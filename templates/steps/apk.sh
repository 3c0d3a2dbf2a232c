# Installs the Alpine packages named as arguments.
#
# `apk.sh fetch` has a cache that builds on the same base share, so nothing that a package brings may
# run in it: apk's own folder, with the signed lists of its repositories and the packages that were
# fetched. It leaves a copy of it in its stage. `apk.sh install` has no cache, no secrets, and fetches
# nothing: signatures and hashes are checked, and the packages' scripts run in it.
set -eu
verb=$1
shift
cache=/run/toolkit/apk

# apk_in_cache ARGUMENTS: in a folder that is mounted for this step, so that nothing is left in a
# layer.
apk_in_cache() {
    apk --quiet --no-progress --cache-dir "$cache" "$@"
}

fetch() {
    . /run/toolkit/steps/secrets.sh
    apk_in_cache update
    apk_in_cache cache download "$@"
    mkdir -p /opt/toolkit
    cp -a "$cache" /opt/toolkit/apk
}

install() {
    apk_in_cache --no-network add "$@"
}

"$verb" "$@"
