#!/bin/sh
# Makes the Debian part of an image: unpacks packages and all that they need into a folder, without package management, so that the
# result is small and the same packages make the same files. The Dockerfile beside this file and the lab's image builder both run it.
#
#     debian-root.sh ROOT WORK PACKAGE... [-PACKAGE...]
#
# ROOT is filled; WORK keeps what was downloaded. `-PACKAGE` is left out although something depends on it. Prints `name version` of every
# package unpacked. Needs root, apt and dpkg of the same Debian.
set -eu
export LC_ALL=C
umask 022
root=$1 work=$2
shift 2

mkdir -p "$root" "$work/archives/partial" "$work/no-archives"
: > "$work/nothing-installed"

# Nothing counts as installed, so that the answer does not depend on the machine; the machine's own state is not touched.
apt() {
  archives=$1
  shift
  apt-get -qq -o "Dir::State::status=$work/nothing-installed" -o "Dir::Cache::archives=$archives" \
    -o Debug::NoLocking=1 -o APT::Install-Recommends=0 -o APT::Sandbox::User=root "$@"
}

wanted= left_out=
for each in "$@"; do
  case $each in
    -*) left_out="$left_out ${each#-}" ;;
    *) wanted="$wanted $each" ;;
  esac
done

# What is downloaded already is not listed, hence an empty folder for the list.
apt "$work/no-archives" --print-uris install $wanted > "$work/uris"
files=$(cut -d ' ' -f 2 "$work/uris" | sort)
apt "$work/archives" --download-only install $wanted >&2

# Debian 12 has one place for programs and libraries; its packages still name both.
for each in bin sbin lib lib64; do
  mkdir -p "$root/usr/$each"
  [ -e "$root/$each" ] || ln -s "usr/$each" "$root/$each"
done

for file in $files; do
  package=${file%%_*}
  case " $left_out " in *" $package "*) continue ;; esac
  dpkg-deb --fsys-tarfile "$work/archives/$file" | tar --extract --directory="$root" --keep-directory-symlink \
    --wildcards --exclude='./usr/share/man' --exclude='./usr/share/info' --exclude='./usr/share/locale' \
    --exclude='./usr/share/lintian' --exclude='./usr/share/bug' --exclude='./usr/share/doc-base' \
    --exclude='./usr/share/doc/*/[!c]*' --exclude='./usr/share/doc/*/changelog*'
  # Scanners read from here what is in an image without package management.
  mkdir -p "$root/var/lib/dpkg/status.d"
  dpkg-deb --field "$work/archives/$file" > "$root/var/lib/dpkg/status.d/$package"
  dpkg-deb --show --showformat '${Package} ${Version}\n' "$work/archives/$file"
done

# What packages do when they are installed, as far as anything here needs it.
if [ -e "$root/usr/bin/dash" ]; then ln -sf dash "$root/usr/bin/sh"; fi
if [ -e "$root/usr/bin/mawk" ]; then ln -sf mawk "$root/usr/bin/awk"; fi
if [ -d "$root/usr/share/ca-certificates" ]; then
  mkdir -p "$root/etc/ssl/certs"
  find "$root/usr/share/ca-certificates" -name '*.crt' | sort | xargs cat > "$root/etc/ssl/certs/ca-certificates.crt"
fi
for jvm in "$root"/usr/lib/jvm/java-*-openjdk-*; do
  if [ -x "$jvm/bin/java" ]; then ln -sf "../lib/jvm/${jvm##*/}/bin/java" "$root/usr/bin/java"; fi
done
if [ -x "$root/usr/bin/python3.11" ]; then
  # Marked with the source's hash and not its time, which an image does not keep: a read-only image could not renew them.
  chroot "$root" /usr/bin/python3.11 -I -B -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3.11 >&2
fi

mkdir -p "$root/etc"
printf '%s\n' root:x:0:0:root:/root:/usr/sbin/nologin cassandra:x:999:999:Cassandra:/tmp:/usr/sbin/nologin \
  cardea:x:65532:65532:Cardea:/tmp:/usr/sbin/nologin > "$root/etc/passwd"
printf '%s\n' root:x:0: cassandra:x:999: cardea:x:65532: > "$root/etc/group"
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' > "$root/etc/nsswitch.conf"
# Nobody becomes root in here.
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
