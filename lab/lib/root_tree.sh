# The root tree: one Debian with the packages of all three hosts, built once
# per release and from then on only read (every host has its own overlay).
# shellcheck shell=bash

# Paths that must exist in a tree that is whole.
ROOT_TREE_MUST_HAVE=(sbin/init usr/sbin/sshd usr/sbin/mariadbd usr/sbin/rabbitmq-server usr/bin/memcached
  usr/bin/uwsgi_python3 usr/bin/nova-compute usr/bin/nova-conductor usr/bin/neutron-dhcp-agent
  usr/sbin/libvirtd usr/bin/qemu-system-x86_64 usr/sbin/ovs-vswitchd)

# The archive this machine itself installs from: the first Debian archive in its
# apt sources that offers "main" of a plain suite (no security or updates suite).
debian_mirror() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] || continue
    case $file in
      *.list) awk '$1 == "deb" { sub(/\[[^]]*\] */, ""); if (is_debian($3) && / main( |$)/) print $2 }
                   function is_debian(s) { return s ~ /^(bookworm|trixie|forky|sid|stable|oldstable|testing|unstable)$/ }' "$file" ;;
      *.sources) awk 'function flush() { if (uri != "" && ok && main && !off) print uri; uri = ""; ok = main = off = 0 }
                      /^[ \t]*$/ { flush() }
                      tolower($1) == "uris:" { uri = $2 }
                      tolower($1) == "enabled:" && tolower($2) == "no" { off = 1 }
                      tolower($1) == "suites:" { for (i = 2; i <= NF; i++) if ($i ~ /^(bookworm|trixie|forky|sid|stable|oldstable|testing|unstable)$/) ok = 1 }
                      tolower($1) == "components:" { for (i = 2; i <= NF; i++) if ($i == "main") main = 1 }
                      END { flush() }' "$file" ;;
    esac
  done | sed -n 1p   # not head: it would end before the loop does
}

# What the tree is made from; a change of any of it makes a new tree.
root_tree_stamp() {
  { echo "$SUITE $(dpkg --print-architecture)"
    grep -v '^#' "$LAB/config/packages"
    cat "$LAB/lib/root_tree_mends"
  } | sha256sum | cut -d' ' -f1
}

# root_tree_shape DIR: a digest of the tree's upper levels, cheap enough to
# compare at every start: entries added or removed change their directory's time.
root_tree_shape() {
  local path
  for path in "${ROOT_TREE_MUST_HAVE[@]}"; do
    [ -e "$1/$path" ] || [ -L "$1/$path" ] || return 1
  done
  find "$1" -xdev -maxdepth 4 -printf '%P %y %s %T@\n' | LC_ALL=C sort | sha256sum | cut -d' ' -f1
}

root_tree_is_good() {
  [ -d "$TREE" ] && [ -f "$TREE.stamp" ] &&
    [ "$(cat "$TREE.stamp")" = "$(root_tree_stamp) $(root_tree_shape "$TREE")" ]
}

# shellcheck disable=SC2016  # the hooks are run by mmdebstrap, with the tree as $1
root_tree_build() {
  local mirror packages proxy log=$LOGS/root-tree.log
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || fail 3 "no Debian archive found in /etc/apt/sources.list*" \
    "The root tree is installed from the archive this machine uses. Add one, then run lab/up again."
  packages=$(grep -v -e '^#' -e '^$' "$LAB/config/packages" | paste -sd,)
  proxy=$(apt-config dump --format '%f "%v";%n' Acquire::http::Proxy 2>/dev/null || :)
  mkdir -p "$LOGS"
  rm -rf --one-file-system "$TREE" "$TREE.new" "$TREE.stamp"

  in_group build mmdebstrap --variant=apt --mode=root --skip=check/empty \
    --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    ${proxy:+--aptopt="$proxy"} \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --setup-hook='mkdir -p "$1/etc/systemd/system-preset"; echo "disable *" > "$1/etc/systemd/system-preset/00-lab.preset"' \
    --essential-hook='mkdir -p "$1/usr/sbin"; printf "#!/bin/sh\nexit 101\n" > "$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"' \
    --customize-hook="$LAB/lib/root_tree_mends \"\$1\"" \
    --include="$packages" "$SUITE" "$TREE.new" "$mirror" >"$log" 2>&1 ||
    fail_with_log "$log" "the root tree could not be built" \
      "Is the Debian archive reachable ($mirror)? Then run lab/up again."

  mv "$TREE.new" "$TREE"
  echo "$(root_tree_stamp) $(root_tree_shape "$TREE")" >"$TREE.stamp"
}
