# One host of the lab: its overlay, its configuration, its container.
# shellcheck shell=bash

host_root() { echo "$RUN/$1/root"; }

# host_mount HOST: root tree below, snapshot (if asked for) above it, and what this
# run writes on top, in memory.
host_mount() {
  local host=$1 lower
  lower=$(layout_lower)
  [ "$PURPOSE" = bootstrap ] || lower=$SNAPSHOT/$host:$lower
  mkdir -p "$RUN/$host"/{root,upper,work}
  mount -t overlay "smog-$host" -o "lowerdir=$lower,upperdir=$RUN/$host/upper,workdir=$RUN/$host/work" "$RUN/$host/root"
  layout_mount "$host"
}

# host_start HOST: start the container and connect its cables. Returns at once;
# nothing of it depends on the caller any more.
host_start() {
  local host=$1
  echo "$EPOCHSECONDS" >"$RUN/$host/started"
  setsid "$LAB/lib/run_host" "$host" </dev/null >"$RUN/$host/console.log" 2>&1 {LOCK}>&- &
  echo $! >"$RUN/$host/pid"
  disown $!
}

host_connect() {
  local host=$1
  wait_until 20 host_has_cables "$host" ||
    fail_with_log "$RUN/$host/console.log" "the container of $host does not start"
  ip link set "$(veth_of "$host")" master "$BRIDGE" up
  ip link set "$(phy_of "$host")" master "$PHYSNET" up
}

host_is_connected() {
  [ "$(cat "/sys/class/net/$(veth_of "$1")/operstate" 2>/dev/null)" = up ] &&
    [ "$(cat "/sys/class/net/$(phy_of "$1")/operstate" 2>/dev/null)" = up ] &&
    [ "$(readlink "/sys/class/net/$(veth_of "$1")/master")" = "../$BRIDGE" ] &&
    [ "$(readlink "/sys/class/net/$(phy_of "$1")/master")" = "../$PHYSNET" ]
}

host_has_cables() {
  [ -e "/sys/class/net/$(veth_of "$1")" ] && [ -e "/sys/class/net/$(phy_of "$1")" ]
}

# host_leader HOST: the process id (outside) of the host's init.
host_leader() {
  local supervisor
  supervisor=$(cat "$RUN/$1/pid" 2>/dev/null) || return 1
  [ "$(cat "/proc/$supervisor/comm" 2>/dev/null)" = systemd-nspawn ] || return 1
  local child
  for child in $(cat "/proc/$supervisor/task/$supervisor/children" 2>/dev/null); do
    echo "$child"
    return 0
  done
  return 1
}

host_is_alive() { host_leader "$1" >/dev/null; }

# host_exec HOST COMMAND…: run something in a host, without SSH.
host_exec() {
  local host=$1 leader
  shift
  leader=$(host_leader "$host") || fail 1 "$host is not running"
  nsenter -t "$leader" -m -u -i -n -p -r -w -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

# host_booted HOST: systemd answers in the host.
host_booted() { host_exec "$1" systemctl show -p Version >/dev/null 2>&1; }

# host_end HOST: end it now and remove every trace. What it wrote is thrown away.
host_end() {
  local host=$1 link
  group_end "$host"
  umount_below "$RUN/$host"
  for link in "$(veth_of "$host")" "$(phy_of "$host")"; do
    [ ! -e "/sys/class/net/$link" ] || ip link delete "$link" 2>/dev/null || :
    wait_until 10 link_is_gone "$link" || fail 1 "the interface $link does not go away"
  done
  rm -rf --one-file-system "${RUN:?}/$host"
  rmdir "/run/systemd/nspawn/propagate/$(machine_of "$host")" \
    "/run/systemd/nspawn/unix-export/$(machine_of "$host")" 2>/dev/null || :
}

link_is_gone() { [ ! -e "/sys/class/net/$1" ]; }

# umount_below DIR: everything mounted at or below a directory, deepest first.
umount_below() {
  local path
  while read -r path; do
    umount "$path" 2>/dev/null || umount --lazy "$path" 2>/dev/null || :
  done < <(awk -v dir="$1" '$2 == dir || index($2, dir "/") == 1 { print $2 }' /proc/mounts | tac)
}
