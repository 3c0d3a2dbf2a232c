# Sourced by the steps that use the base's Python.
python=$(command -v python3 || command -v python)
# A base may have an environment where ours will lie, as an image of ours has: what that was made
# from is used, and no program that lies there, for a package could bring one called `sed`.
case $python in
    /opt/venv/*)
        python=$(readlink -f "$python")
        case $python in
            /opt/venv/*) echo "toolkit: this base image has its Python in /opt/venv" >&2; exit 64 ;;
        esac
        ;;
esac
PATH=$(printf '%s' ":$PATH:" |
    sed -e ':again' -e 's#:/opt/venv/bin/*:#:#' -e 't again' -e 's#^:##' -e 's#:$##')

# empty VENV: an environment with nothing but the base's own pip; always by the same command, which
# `pyvenv.cfg` quotes.
empty() {
    "$python" -m venv --clear --without-pip "$1"
    "$python" -B -S /run/toolkit/steps/seed_pip.py "$1"
}

# finish VENV [STORE]: bytecode, modes and times. Nothing of the environment is run: -S keeps its
# `.pth` files out, and hashes are the same in each process, for they order what is written.
finish() {
    env -i PATH="$PATH" PYTHONHASHSEED=0 \
        "$python" -s -S -B /run/toolkit/steps/bytecode.py "$@"
}
