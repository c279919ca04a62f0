# Control groups: every process the lab starts lives in a group of its own,
# smog-lab/NAME, in each hierarchy systemd looks at. The group is how a lab finds
# and ends exactly its own processes, whatever happened to the scripts.
# shellcheck shell=bash

# The hierarchies to use: the one of cgroup v2, or v2 beside v1's "systemd".
group_hierarchies() {
  if [ "$(stat -f -c %T /sys/fs/cgroup 2>/dev/null)" = cgroup2fs ]; then
    echo /sys/fs/cgroup
  else
    local path
    for path in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
      mountpoint -q "$path" && echo "$path"
    done
    return 0
  fi
}

# in_group NAME COMMAND…: run a command inside a group, without the lab's lock, and
# end whatever it leaves running.
in_group() {
  local name=$1 hierarchy result=0
  shift
  (
    exec {LOCK}>&-
    for hierarchy in $(group_hierarchies); do
      mkdir -p "$hierarchy/smog-lab/$name"
      echo "$BASHPID" >"$hierarchy/smog-lab/$name/cgroup.procs"
    done
    exec "$@"
  ) || result=$?
  group_end "$name"
  return $result
}

# group_pids NAME: all processes of a group and the groups below it.
group_pids() {
  local hierarchy
  for hierarchy in $(group_hierarchies); do
    [ -d "$hierarchy/smog-lab/$1" ] || continue
    find "$hierarchy/smog-lab/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || :
  done | sort -un
}

group_is_empty() { [ -z "$(group_pids "$1")" ]; }

# group_kill NAME: end every process of a group at once.
group_kill() {
  local hierarchy pids
  for hierarchy in $(group_hierarchies); do
    [ ! -w "$hierarchy/smog-lab/$1/cgroup.kill" ] || echo 1 >"$hierarchy/smog-lab/$1/cgroup.kill"
  done
  pids=$(group_pids "$1")
  # shellcheck disable=SC2086  # one word a process
  [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || :
}

# group_end NAME: the same, wait until they are gone, and remove the group.
group_end() {
  local hierarchy
  group_kill "$1"
  wait_until 20 group_is_empty "$1" || fail 1 "processes of $1 do not end: $(group_pids "$1" | paste -sd' ')"
  for hierarchy in $(group_hierarchies); do
    [ ! -d "$hierarchy/smog-lab/$1" ] || wait_until 5 group_remove "$hierarchy/smog-lab/$1" ||
      fail 1 "the control group $hierarchy/smog-lab/$1 cannot be removed"
    rmdir "$hierarchy/smog-lab" 2>/dev/null || :
  done
}

group_remove() {
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
  [ ! -d "$1" ]
}
