# Sourced by every step that uses the network. What the builder sends along (proxies and indexes, a
# CA bundle, credentials) is mounted for this one step and written nowhere.
if [ -s /run/secrets/environment ]; then
    set -a
    . /run/secrets/environment
    set +a
fi
if [ -s /run/secrets/ca ]; then
    export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca REQUESTS_CA_BUNDLE=/run/secrets/ca \
        CURL_CA_BUNDLE=/run/secrets/ca GIT_SSL_CAINFO=/run/secrets/ca
fi
if [ -s /run/secrets/netrc ]; then
    export NETRC=/run/secrets/netrc
    # git and curl look for the file in HOME only. That one is in memory, and in no layer.
    HOME=$(mktemp -d /dev/shm/home.XXXXXX)
    export HOME
    ln -s /run/secrets/netrc "$HOME/.netrc"
fi
