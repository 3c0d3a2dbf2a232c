# Installs the Debian packages named as arguments, and nothing that they only recommend.
set -eu
. /run/toolkit/steps/secrets.sh
if ! command -v apt-get >/dev/null 2>&1; then
    echo "toolkit: this base image has no apt-get, so apt packages cannot be installed: $*" >&2
    exit 64
fi
export DEBIAN_FRONTEND=noninteractive
# Lists and archives live in cache mounts. Official images empty apt's own folder of archives after
# every installation, so they are kept in another one.
archives=/var/cache/apt/toolkit
mkdir -p "$archives/partial"
set -- -y --no-install-recommends -o Acquire::Retries=3 -o APT::Keep-Downloaded-Packages=true \
    -o "Dir::Cache::archives=$archives" "$@"
if [ -s /run/secrets/ca ]; then
    set -- -o Acquire::https::CAInfo=/run/secrets/ca "$@"
    apt-get update -q -o Acquire::https::CAInfo=/run/secrets/ca
else
    apt-get update -q
fi
apt-get install -q "$@"
