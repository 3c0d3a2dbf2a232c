# Installs the RPM packages named as arguments, and nothing that they only recommend.
#
# `rpm.sh fetch` has a cache that builds on the same base share, so nothing that a package brings may
# run in it: dnf's own folder, with what its repositories have and the packages that were fetched,
# each of which dnf compares with the hash that they give. It leaves a copy of it in its stage.
# `rpm.sh install` has no cache, no secrets, and fetches nothing: signatures are checked, and the
# packages' scripts run in it.
set -eu
verb=$1
shift
cache=/run/toolkit/rpm
case $(dnf --version 2>/dev/null) in
    *dnf5*) folder=system_cachedir ;;
    *) folder=cachedir ;;
esac
trusted=

# install_by_dnf ARGUMENTS: in a folder that is mounted for this step, so that nothing is left in a
# layer.
install_by_dnf() {
    dnf --assumeyes --quiet --setopt="$folder=$cache" --setopt=keepcache=True \
        --setopt=install_weak_deps=False $trusted install "$@"
}

fetch() {
    . /run/toolkit/steps/secrets.sh
    if [ -s /run/secrets/ca ]; then trusted=--setopt=sslcacert=/run/secrets/ca; fi
    install_by_dnf --downloadonly "$@"
    mkdir -p /opt/toolkit
    cp -a "$cache" /opt/toolkit/rpm
}

install() {
    install_by_dnf --cacheonly "$@"
}

"$verb" "$@"
