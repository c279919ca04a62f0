# What this machine must be and have, and installing what it lacks.
# shellcheck shell=bash

NEEDS=(mmdebstrap systemd-container iproute2 openssh-client util-linux procps)

machine_check() {
  local id version capability name missing=() kind
  [ "$EUID" -eq 0 ] || fail 3 "the lab needs root: it makes containers, bridges and mounts" "Run it with sudo."
  id=$(. /etc/os-release && echo "${ID:-}") version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  [ "$id" = debian ] && [[ $version =~ ^1[23]$ ]] ||
    fail 3 "the lab runs on Debian 12 or 13; this is $(. /etc/os-release && echo "${PRETTY_NAME:-unknown}")"
  [ "$(dpkg --print-architecture)" = amd64 ] || fail 3 "the lab runs on amd64; this is $(dpkg --print-architecture)"

  capability=$((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status)))
  while read -r kind name; do
    (( capability >> kind & 1 )) || missing+=("$name")
  done <<<"0 CAP_CHOWN
1 CAP_DAC_OVERRIDE
6 CAP_SETGID
7 CAP_SETUID
12 CAP_NET_ADMIN
13 CAP_NET_RAW
18 CAP_SYS_CHROOT
21 CAP_SYS_ADMIN
23 CAP_SYS_NICE
27 CAP_MKNOD"
  [ ${#missing[@]} -eq 0 ] || fail 3 "this machine (or container) does not allow: ${missing[*]}" \
    "The lab needs them; a container must be privileged."
  [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 16384 ] ||
    fail 3 "the limit of open files is $(ulimit -Hn); the lab needs 16384" "Raise it: ulimit -Hn 16384"
  [ -c /dev/net/tun ] || fail 3 "/dev/net/tun is missing: guests have no network without it"
  [ -w /proc/sys/vm/nr_hugepages ] || fail 3 "/proc/sys/vm/nr_hugepages cannot be written: no huge pages for guests"
  grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null ||
    fail 3 "this kernel has no overlay file system"
  [ -n "$(group_hierarchies)" ] || fail 3 "no control groups are mounted at /sys/fs/cgroup"
  [ "$(nproc)" -ge 2 ] || fail 3 "the lab needs two CPUs: one to share, one to pin guests to"
}

machine_has_room() {
  local free
  free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
  [ "$free" -ge $((4608 + PAGES * 2)) ] ||
    fail 3 "only $free MiB of memory are free; the lab needs $((4608 + PAGES * 2))" "Fewer huge pages: SMOG_LAB_PAGES=128 lab/up"
  mkdir -p "$CACHE" 2>/dev/null || fail 3 "the cache folder $CACHE cannot be made" "Choose another: SMOG_LAB_CACHE=/some/folder"
}

cache_has_room() {
  local free
  free=$(df --output=avail -BM "$CACHE" | awk 'NR == 2 { print int($1) }')
  [ "$free" -ge 4096 ] || fail 3 "only $free MiB are free in $CACHE; a release needs 4096"
}

machine_install() {
  local package missing=() log
  for package in "${NEEDS[@]}" "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  log=$CACHE/install.log
  note "installing ${missing[*]}"
  {
    apt-get update -q || :   # one unreachable source of many is no reason to stop
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 {LOCK}>&- || fail_with_log "$log" "apt cannot install ${missing[*]}"
  step "installed ${missing[*]}"
}
