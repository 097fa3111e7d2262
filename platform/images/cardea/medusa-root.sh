#!/bin/sh
# Makes the Medusa part of an image out of a virtual environment of Python 3.11 that holds it: moved to /opt/medusa, without what is not
# needed to run, and compiled, since a read-only image cannot keep what Python compiles. The Dockerfile beside this file and the lab's
# image builder both run it.
#
#     medusa-root.sh VENV ROOT
set -eu
umask 022
venv=$1 root=$2
packages=lib/python3.11/site-packages
target=$root/opt/medusa
mkdir -p "$target/bin" "$target/$packages" "$root/usr/local/bin"

# Records name files by the path they were installed at.
(cd "$venv/$packages" && find . -type f ! -path '*/__pycache__/*' ! -path './pip/*' ! -path './pip-*' ! -path './*/tests/*' ! -name RECORD) |
  sort | tar --create --directory="$venv/$packages" --files-from=- |
  tar --extract --directory="$target/$packages" --no-same-owner
printf '%s\n' 'home = /usr/bin' 'include-system-site-packages = false' 'version = 3.11' > "$target/pyvenv.cfg"
ln -s /usr/bin/python3.11 "$target/bin/python3"
printf '%s\n' '#!/opt/medusa/bin/python3' 'import sys' 'from medusa.medusacli import cli' 'sys.exit(cli())' > "$target/bin/medusa"
chmod 755 "$target/bin/medusa"
ln -s /opt/medusa/bin/medusa "$root/usr/local/bin/medusa"
# Marked with the source's hash and not its time, which an image does not keep.
"$venv/bin/python3" -I -B -m compileall -q -f --invalidation-mode unchecked-hash -s "$root" "$target/$packages" >&2
