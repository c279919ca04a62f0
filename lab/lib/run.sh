# The running lab as a whole: begin, wait, look, end.
# shellcheck shell=bash

# run_begin: what this machine gives the lab, before any host.
run_begin() {
  run_dir_up
  echo "$NET" >"$RUN/net"
  echo "$CACHE" >"$RUN/cache"
  echo "$RELEASE $CELLS $PURPOSE $LAYOUT $NOVA" >"$RUN/lab"
  pages_up
  network_up
}

# others_running: the run folders of the other labs that are up.
others_running() {
  local lab
  for lab in /run/smog-lab/lab /run/smog-lab-*/lab; do
    [ ! -f "$lab" ] || [ "$lab" = "$RUN/lab" ] || dirname "$lab"
  done
}

# others_on_cache [RELEASE]: of these, those that run on this cache (on its tree of a release).
others_on_cache() {
  local other release
  for other in $(others_running); do
    [ "$(cat "$other/cache" 2>/dev/null || echo "$CACHE")" = "$CACHE" ] || continue
    read -r release _ <"$other/lab" || release=''
    [ "${1:-$release}" != "$release" ] || echo "$other"
  done
}

# cache_is_free WHAT [RELEASE]: nobody else runs on what is about to be replaced.
cache_is_free() {
  local others
  others=$(others_on_cache "${@:2}" | tr '\n' ' ')
  [ -z "$others" ] || fail 3 "$1, and another lab runs on it: ${others% }" \
    "End the other lab first, or use a cache of your own: SMOG_LAB_CACHE=/some/folder"
}

# addresses_are_free: two names may lead to the same number.
addresses_are_free() {
  local other
  for other in $(others_running); do
    [ "$(cat "$other/net" 2>/dev/null)" != "$NET" ] ||
      fail 3 "the lab of $other has the same addresses, $NET.0/24" "Choose another SMOG_LAB_NAME."
  done
}

# run_read: the release, cells and layout of the lab that runs, and whether it is a bootstrap.
run_read() {
  read -r RUNNING_RELEASE RUNNING_CELLS RUNNING_PURPOSE RUNNING_LAYOUT RUNNING_NOVA 2>/dev/null <"$RUN/lab" || return 1
  RUNNING_LAYOUT=${RUNNING_LAYOUT:-debian}
}

# use_running: the settings of the lab that runs.
use_running() {
  use_release "$RUNNING_RELEASE"
  use_layout "$RUNNING_LAYOUT" "$RUNNING_NOVA"
}

# run_end: end everything, in whatever state it is.
run_end() {
  local host
  group_end build kernel "${HOSTS[@]}"
  for host in "${HOSTS[@]}"; do host_end "$host"; done
  network_down
  pages_down
  run_dir_down
  rmdir -p --ignore-fail-on-non-empty /run/systemd/nspawn/{propagate,unix-export} 2>/dev/null || :
}

# wait_for_services: until every service of every host has given a fresh sign of life.
wait_for_services() {
  local host started=() line
  for host in "${HOSTS[@]}"; do started+=("$host=$(cat "$RUN/$host/started")"); done
  while read -r line; do
    case $line in
      missing:* | "last problem:"*) note "$line" ;;
      "all up") return 0 ;;
      *) step "up: $line" ;;
    esac
  done < <(host_exec ctl python3 /usr/local/lib/smog-lab/ready.py wait "${SMOG_LAB_TIMEOUT:-240}" "${started[@]}" && echo "all up")
  fail 1 "the lab's services do not all come up" \
    "Logs: $RUN/<host>/root/var/log/<service>/, or: ssh -F $ACCESS/ssh_config ctl journalctl -b" \
    "Then: lab/down && lab/up"
}

# run_left_something: traces of a lab although its run folder is gone.
run_left_something() {
  local hierarchy host
  for hierarchy in $(group_hierarchies); do [ ! -d "$hierarchy/$GROUP" ] || return 0; done
  for host in "$BRIDGE" "$PHYSNET"; do [ ! -e "/sys/class/net/$host" ] || return 0; done
  [ "$(pages_taken)" -gt 0 ]
}

# run_problems: what is wrong with the running lab, one line each; nothing if healthy.
run_problems() {
  local host unit state
  for host in "${HOSTS[@]}"; do
    if ! host_is_alive "$host"; then
      echo "$host is not running"
      continue
    fi
    host_is_connected "$host" || echo "$host has a cable pulled out"
    while read -r unit state; do
      [ "$state" = active ] || echo "$unit on $host is $state"
    done < <(host_units "$host")
  done
  [ "$(<"$POOL")" -ge "$(pages_taken)" ] || echo "the machine has $(<"$POOL") huge pages, fewer than the lab's $(pages_taken)"
  if host_is_alive ctl; then
    host_exec ctl python3 /usr/local/lib/smog-lab/ready.py show 2>&1 |
      awk -F'\t' '$3 != "up" { print $1 " on " $2 " is " $3 }' || :
  fi
}

run_is_healthy() { [ -z "$(run_problems)" ]; }

# host_units HOST: "unit state" of every unit the lab enabled there.
host_units() {
  local units
  mapfile -t units < <(cat "$(layout_file config/all/units)" "$(layout_file "config/$(role_of "$1")/units")" | grep '\.service$')
  paste -d' ' <(printf '%s\n' "${units[@]}") <(host_exec "$1" systemctl is-active "${units[@]}" 2>/dev/null)
}

# run_repair: a lab whose controller lives: start again what died.
run_repair() {
  local host unit state
  cpu_sets
  pages_mend
  network_up
  for host in "${HOSTS[@]}"; do
    if host_is_alive "$host"; then
      host_connect "$host"
      wait_until 60 host_booted "$host" || fail_with_log "$RUN/$host/console.log" "$host does not boot" "lab/down && lab/up starts afresh."
      while read -r unit state; do
        case $state in
          active | activating | reloading) ;;
          *) step "$unit on $host was $state; starting it"
            host_exec "$host" systemctl start "$unit" 2>/dev/null || : ;;   # the wait below shows it
        esac
      done < <(host_units "$host")
    else
      host_end "$host"
      host_mount "$host"
      cells_apply "$host"
      host_start "$host"
      host_connect "$host"
      step "$host was dead; started again"
    fi
  done
  wait_for_services
  : >"$RUN/ready"
}

run_summary() {
  local cells="this machine's real topology"
  [ "$CELLS" = 0 ] || cells="$CELLS simulated cells on each compute"
  cat <<END

  OpenStack $(layout_release), $cells
  ctl ${ADDRESS[ctl]}   cmp1 ${ADDRESS[cmp1]}   cmp2 ${ADDRESS[cmp2]}
  access folder: $ACCESS
  use it:        eval "\$(${NAME:+SMOG_LAB_NAME=$NAME }$LAB/env)"
  a host:        ssh -F $ACCESS/ssh_config cmp1
  end it:        ${NAME:+SMOG_LAB_NAME=$NAME }$LAB/down
END
}
