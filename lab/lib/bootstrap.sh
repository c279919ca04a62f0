# The first start of a release: fill the databases, let the computes register, upload
# the image; then keep what was written as the snapshot every later start begins from.
# shellcheck shell=bash

# What a snapshot is made from.
snapshot_stamp() {
  { cat "$TREE.stamp"
    cat "$LAB"/lib/{settings,configure,bootstrap}.sh "$LAB"/lib/run_host
    find "$LAB/config" "$LAB/seed" -type f ! -name packages ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat
    echo "$NET"
    layout_stamp
    cat "$CACHE/guest.img.sum" "$KEYS/known_hosts" "$KEYS/id_lab.pub"
  } | sha256sum | cut -d' ' -f1
}

# snapshot_shape DIR: names and sizes of all its files.
snapshot_shape() {
  local host
  for host in "${HOSTS[@]}"; do [ -d "$1/$host/etc" ] || return 1; done
  find "$1" -printf '%P %y %s %m\n' | LC_ALL=C sort | sha256sum | cut -d' ' -f1
}

snapshot_is_good() {
  [ -d "$SNAPSHOT" ] && [ -f "$SNAPSHOT.stamp" ] &&
    [ "$(cat "$SNAPSHOT.stamp")" = "$(snapshot_stamp) $(snapshot_shape "$SNAPSHOT")" ]
}

# on_ctl WHAT COMMAND…: a step inside the controller, its output kept in the log.
on_ctl() {
  local what=$1
  shift
  host_exec ctl "$@" >>"$LOGS/bootstrap.log" 2>&1 || fail_with_log "$LOGS/bootstrap.log" "bootstrap: $what failed" \
    "Run lab/up again; if it fails the same way, lab/down --purge starts from nothing."
}

bootstrap() {
  local host unit cells=$CELLS
  mkdir -p "$LOGS"
  : >"$LOGS/bootstrap.log"
  rm -rf --one-file-system "$SNAPSHOT" "$SNAPSHOT.new" "$SNAPSHOT.stamp"

  PURPOSE=bootstrap CELLS=0
  cpu_sets
  run_begin
  for host in "${HOSTS[@]}"; do
    host_mount "$host"
    configure_for_bootstrap "$host"
  done
  install -m 644 "$CACHE/guest.img" "$(host_root ctl)/root/guest.img"
  # Only the infrastructure first: the APIs must not start on empty databases.
  for unit in "${API_UNITS[@]}"; do
    rm -f "$(host_root ctl)/etc/systemd/system/multi-user.target.wants/$unit.service"
  done
  for unit in "${COMPUTE_UNITS[@]}"; do
    for host in "${COMPUTES[@]}"; do
      rm -f "$(host_root "$host")/etc/systemd/system/multi-user.target.wants/$unit.service"
    done
  done

  for host in "${HOSTS[@]}"; do host_start "$host"; done
  for host in "${HOSTS[@]}"; do host_connect "$host"; done
  wait_until 60 host_booted ctl || fail_with_log "$RUN/ctl/console.log" "ctl does not boot"
  step "bootstrap: hosts booted"

  on_ctl "making the databases" /usr/local/lib/smog-lab/bootstrap "${ADDRESS[ctl]}"
  step "bootstrap: databases made"
  on_ctl "starting keystone" systemctl enable --now "${FIRST_API_UNITS[@]}"
  wait_until 60 keystone_answers || fail_with_log "$(keystone_log)" "keystone does not answer"
  on_ctl "making users and endpoints" python3 /usr/local/lib/smog-lab/seed_identity.py
  step "bootstrap: users and endpoints made"
  on_ctl "starting the services" systemctl enable --now "${API_UNITS[@]}"
  for host in "${COMPUTES[@]}"; do
    host_exec "$host" systemctl enable --now --no-block "${COMPUTE_UNITS[@]}" >>"$LOGS/bootstrap.log" 2>&1
  done
  wait_for_services
  on_ctl "making images, flavors and the network" python3 /usr/local/lib/smog-lab/seed_cloud.py /root/guest.img
  layout_discover_hosts
  step "bootstrap: images, flavors and the network made"

  snapshot_take
  CELLS=$cells
}

keystone_log() { echo "$(host_root ctl)/var/log/keystone/keystone.log"; }

keystone_answers() { host_exec ctl python3 -c "import sys; sys.path.insert(0, '/usr/local/lib/smog-lab'); import ready; ready.log_in()" >/dev/null 2>&1; }

# snapshot_take: let what has files to close end cleanly, and keep what was written.
snapshot_take() {
  local host
  rm -f "$(host_root ctl)/root/guest.img"
  host_exec ctl systemctl kill --signal=KILL "${API_UNITS[@]}" >>"$LOGS/bootstrap.log" 2>&1 || :
  host_exec ctl systemctl stop "${API_UNITS[@]}" >>"$LOGS/bootstrap.log" 2>&1 || :
  host_exec ctl systemctl stop mariadb rabbitmq-server >>"$LOGS/bootstrap.log" 2>&1 ||
    fail_with_log "$LOGS/bootstrap.log" "the database does not stop cleanly"
  mkdir -p "$SNAPSHOT.new"
  for host in "${HOSTS[@]}"; do
    group_end "$host"
    (
      cd "$RUN/$host/upper" || exit
      rm -rf tmp/* var/tmp/* run/* var/log/journal/* var/lib/nova/instances/* \
        etc/openvswitch/conf.db etc/openvswitch/.conf.db.* var/lib/neutron/dhcp/* var/lib/rabbitmq/.erlang.cookie.tmp
      find var/log -type f -exec truncate -s 0 {} +
    )
    cp -a "$RUN/$host/upper" "$SNAPSHOT.new/$host"
    host_end "$host"
  done
  mv "$SNAPSHOT.new" "$SNAPSHOT"
  echo "$(snapshot_stamp) $(snapshot_shape "$SNAPSHOT")" >"$SNAPSHOT.stamp"
  step "bootstrap: snapshot kept, $(du -sh "$SNAPSHOT" | cut -f1)"
}
