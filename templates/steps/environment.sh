# Makes the folders that an image promises, and an environment with nothing but the base's own pip.
# It knows nothing of what will be installed, so it is done once for a base.
set -eu
. /run/toolkit/steps/python.sh
rm -rf /opt/venv
mkdir -p /opt/venv /workspace /home/executor
chmod 1777 /workspace /home/executor
empty /opt/venv
finish /opt/venv /run/toolkit/bytecode
