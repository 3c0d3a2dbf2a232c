# The main process of a machine: an engine, for as long as somebody holds the standard input.
#   sh -c START start FOLDER PROGRAM ARGUMENT...
# The folder is shared with whoever started us; it gets the engine's log, and has its settings.
folder=$1
shift

# The container has control groups of its own, and may make more below them.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount -o remount,bind,rw /sys/fs/cgroup
    mkdir -p /sys/fs/cgroup/init
    while read -r pid; do echo "$pid"; done </sys/fs/cgroup/cgroup.procs | while read -r pid; do
        echo "$pid" >/sys/fs/cgroup/init/cgroup.procs || :
    done
    sed 's/[^ ]*/+&/g' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
else
    for each in /sys/fs/cgroup/*; do
        if [ -d "$each" ] && [ ! -L "$each" ]; then mount -o remount,bind,rw "$each"; fi
    done
fi

# Podman raises limits that only SYS_RESOURCE may raise, if it is not told otherwise.
mkdir -p /etc/containers /etc/docker
cp "$folder/containers.conf" /etc/containers/containers.conf
cp "$folder/daemon.json" /etc/docker/daemon.json

if [ "$ENGINE_UID" -gt 0 ]; then
    export HOME=/var/lib/containers/home XDG_RUNTIME_DIR="/run/user/$ENGINE_UID"
    useradd --uid "$ENGINE_UID" --home-dir "$HOME" --create-home engine
    mkdir -p "$XDG_RUNTIME_DIR"
    chown "$ENGINE_UID:$ENGINE_UID" "$XDG_RUNTIME_DIR" "$folder"
    set -- setpriv --reuid "$ENGINE_UID" --regid "$ENGINE_UID" --clear-groups "$@"
fi

"$@" >"$folder/log" 2>&1 </dev/null &
until [ -S "$folder/engine.sock" ]; do kill -0 $! || exit 1; sleep 0.1; done
chmod 0666 "$folder/engine.sock"
cat >/dev/null
