# Sourced by the steps that use the base's Python.
python=$(command -v python3 || command -v python)

# finish VENV [STORE]: bytecode, modes and times. Nothing of the environment is run: -S keeps its
# `.pth` files out, and hashes are the same in each process, for they order what is written.
finish() {
    env -i PATH="$PATH" PYTHONHASHSEED=0 \
        "$python" -s -S -B /run/toolkit/steps/bytecode.py "$@"
}
