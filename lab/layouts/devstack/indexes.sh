# The machine's way to the package indexes, lent to the root tree: names, certificates, and
# pip's own settings. Removed when the program that sources this ends.
# shellcheck shell=bash disable=SC2154  # root is the caller's

indexes_away() { rm -rf "$root"/etc/resolv.conf "$root"/etc/pip.conf "$root"/tmp/*; }
trap indexes_away EXIT
rm -f "$root/etc/resolv.conf"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root/tmp/ca.crt"
for settings in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  [ ! -f "$settings" ] || cat "$settings" >>"$root/etc/pip.conf"
done
unset PIP_FIND_LINKS settings
export PIP_CERT=/tmp/ca.crt SSL_CERT_FILE=/tmp/ca.crt PIP_DISABLE_PIP_VERSION_CHECK=1
export UV_LINK_MODE=copy UV_CACHE_DIR=/tmp/uv-cache UV_NO_PROGRESS=1 ${PIP_INDEX_URL:+UV_DEFAULT_INDEX="$PIP_INDEX_URL"}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

inside() { chroot "$root" "$@"; }
