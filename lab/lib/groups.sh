# Control groups: every process the lab starts lives in a group of its own,
# GROUP/NAME, in each hierarchy systemd looks at. The group is how a lab finds
# and ends exactly its own processes, whatever happened to the scripts.
# shellcheck shell=bash

# The hierarchies to use: the one of cgroup v2, or v2 next to v1's "systemd".
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
# end whatever it leaves running. A signal to the caller is answered at once.
in_group() {
  local name=$1 hierarchy result=0
  shift
  (
    exec {LOCK}>&-
    for hierarchy in $(group_hierarchies); do
      mkdir -p "$hierarchy/$GROUP/$name"
      echo "$BASHPID" >"$hierarchy/$GROUP/$name/cgroup.procs"
    done
    exec "$@"
  ) &
  wait $! || result=$?
  group_end "$name"
  return $result
}

# group_pids NAME: all processes of a group and the groups below it.
group_pids() {
  local hierarchy
  for hierarchy in $(group_hierarchies); do
    [ -d "$hierarchy/$GROUP/$1" ] || continue
    find "$hierarchy/$GROUP/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || :
  done | sort -un
}

# group_kill NAME…: end every process of some groups at once, and wait until all are
# really gone: a container's init leaves its group before it has ended.
group_kill() {
  local name hierarchy pids=()
  for name; do
    mapfile -t -O ${#pids[@]} pids < <(group_pids "$name")
    for hierarchy in $(group_hierarchies); do
      [ ! -w "$hierarchy/$GROUP/$name/cgroup.kill" ] || echo 1 >"$hierarchy/$GROUP/$name/cgroup.kill"
    done
  done
  [ ${#pids[@]} -gt 0 ] || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || :
  wait_until 20 all_ended "${pids[@]}" || fail 1 "these processes of the lab do not end: ${pids[*]}"
}

# all_ended PID…: gone, or a zombie that only its parent can remove.
all_ended() {
  local pid stat
  for pid; do
    read -r stat 2>/dev/null <"/proc/$pid/stat" || continue
    stat=${stat##*) }
    [ "${stat%% *}" = Z ] || return 1
  done
}

# group_end NAME…: the same, and remove the groups.
group_end() {
  local name hierarchy
  group_kill "$@"
  for hierarchy in $(group_hierarchies); do
    for name; do
      [ ! -d "$hierarchy/$GROUP/$name" ] || wait_until 5 group_remove "$hierarchy/$GROUP/$name" ||
        fail 1 "the control group $hierarchy/$GROUP/$name cannot be removed"
    done
    rmdir "$hierarchy/$GROUP" 2>/dev/null || :
  done
}

group_remove() {
  find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
  [ ! -d "$1" ]
}
