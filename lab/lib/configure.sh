# Writing a host's configuration into its (mounted, not running) root.
# shellcheck shell=bash

role_of() { [ "$1" = ctl ] && echo ctl || echo compute; }

# configure_render HOST FILE…: config files with @NAMES@ filled in; the paths are
# those below config/all or config/<role>.
configure_render() {
  local host=$1 role root file source
  shift
  role=$(role_of "$host")
  root=$(host_root "$host")
  for file in "$@"; do
    for source in "$LAB/layouts/$LAYOUT/config/"{"$role",all}/"$file" "$LAB/config/"{"$role",all}/"$file"; do
      [ ! -e "$source" ] || break
    done
    mkdir -p "$(dirname "$root/$file")"
    # Written in place when there: the owner and the mode stay.
    sed -e "s|@IP@|${ADDRESS[$host]}|g" -e "s|@CTL@|${ADDRESS[ctl]}|g" \
      -e "s|@CMP1@|${ADDRESS[cmp1]}|g" -e "s|@CMP2@|${ADDRESS[cmp2]}|g" \
      -e "s|@OUTSIDE@|$OUTSIDE|g" -e "s|@UUID@|$(host_uuid "$host")|g" \
      -e "s|@SHARED@|$SHARED_CPUS|g" -e "s|@DEDICATED@|$DEDICATED_CPUS|g" \
      -e "s|@RELEASE@|$(layout_label)|g" -e "s|@CELLS@|$CELLS|g" "$source" >"$root/$file.smog-new"
    layout_render "$root/$file.smog-new"
    if [ -e "$root/$file" ]; then
      cat "$root/$file.smog-new" >"$root/$file"
      rm "$root/$file.smog-new"
    else
      mv "$root/$file.smog-new" "$root/$file"
    fi
    [ ! -x "$source" ] || chmod 755 "$root/$file"
  done
}

host_machine_id() { printf 'smog-lab-%s' "$1" | md5sum | cut -c1-32; }
host_uuid() { host_machine_id "$1" | sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12})/\1-\2-\3-\4-\5/'; }

# configure_files ROLE: every configuration file of a host of this role, the layout's own included.
configure_files() {
  local folder
  {
    cd "$LAB/config" && find all "$1" -mindepth 2 -type f -printf '%P\n' | grep -vE "$LAYOUT_LEAVES_OUT"
    folder=$LAB/layouts/$LAYOUT/config
    [ ! -d "$folder" ] || (cd "$folder" && find . -mindepth 2 -type f -printf '%P\n' | sed -nE "s,^(all|$1)/(.*/.*),\\2,p")
  } | sort -u
}

layout_units() { cat "$(layout_file config/all/units)" "$(layout_file "config/$1/units")"; }

# configure_for_bootstrap HOST: everything that goes into the snapshot.
configure_for_bootstrap() {
  local host=$1 role root files unit user
  role=$(role_of "$host")
  root=$(host_root "$host")

  mapfile -t files < <(configure_files "$role")
  configure_render "$host" "${files[@]}"
  echo "$host" >"$root/etc/hostname"
  host_machine_id "$host" >"$root/etc/machine-id"
  install -m 755 -t "$root/usr/local/lib/smog-lab" "$LAB"/seed/*
  [ ! -d "$LAB/layouts/$LAYOUT/seed" ] || install -m 755 -t "$root/usr/local/lib/smog-lab" "$LAB/layouts/$LAYOUT"/seed/*

  for unit in $(cat "$(layout_file config/all/masked)" "$(layout_file "config/$role/masked")"); do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  # Debian's units wait for each other in a row; the lab starts everything at once.
  for unit in $(layout_units "$role"); do
    case $unit in
      mariadb.* | rabbitmq-* | keystone.* | glance-* | placement-* | nova-* | neutron-*)
        sed -E '/^(After|Wants)=/{s/(mysql|postgresql|mariadb|keystone|rabbitmq-server|ntp|libvirtd)\.service//g;s/(network|network-online|remote-fs)\.target//g}' \
          "$root/usr/lib/systemd/system/$unit" >"$root/etc/systemd/system/$unit" ;;
    esac
  done
  # shellcheck disable=SC2046  # one word a unit
  layout_configure "$host"
  systemctl --root="$root" enable $(layout_units "$role") >/dev/null 2>&1

  configure_ssh "$host"
  [ "$host" != ctl ] || configure_uwsgi "$root"
  configure_owners "$root"
}

configure_owners() {
  local user
  for user in keystone glance placement nova neutron; do
    [ ! -f "$1/etc/$user/$user.conf" ] || chroot "$1" chown "root:$user" "/etc/$user/$user.conf"
  done
}

# Two workers each; and no kept-alive connections, which this server closes without
# saying so. Workers made on demand (cheaper) are ended when idle and started again a moment
# later, each for seconds of CPU time: calls then take up to ten seconds.
configure_uwsgi() {
  local ini
  for ini in "$1"/etc/{keystone,glance,placement,nova,neutron}/*-uwsgi.ini; do
    [ -e "$ini" ] || continue
    sed -i -E -e '/^(processes|threads|add-header|cheaper.*) *=/d' \
      -e '/^\[uwsgi\]/a add-header = Connection: close\nprocesses = 2\nthreads = 1' "$ini"
  done
}

# The lab's key opens every host, and every host knows the others' host keys.
configure_ssh() {
  local host=$1 root home
  root=$(host_root "$host")
  rm -f "$root"/etc/ssh/ssh_host_*
  install -m 600 "$KEYS/$host" "$root/etc/ssh/ssh_host_ed25519_key"
  install -m 644 "$KEYS/$host.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"
  install -m 644 "$KEYS/known_hosts" "$root/etc/ssh/ssh_known_hosts"
  for home in "${SSH_HOMES[@]}"; do
    install -d -m 700 "$root/$home/.ssh"
    install -m 600 "$KEYS/id_lab" "$root/$home/.ssh/id_ed25519"
    install -m 600 "$KEYS/id_lab.pub" "$root/$home/.ssh/authorized_keys"
  done
  chroot "$root" chown -R "$SSH_OWNER" "/${SSH_HOMES[-1]}/.ssh"
}

# ssh_keys: made once, kept in the cache, so that a known_hosts file stays true.
ssh_keys() {
  local name
  [ ! -f "$KEYS/known_hosts" ] || return 0
  rm -rf "$KEYS" "$KEYS.new"
  mkdir -p "$KEYS.new"
  chmod 700 "$KEYS.new"
  for name in id_lab "${HOSTS[@]}"; do
    ssh-keygen -q -t ed25519 -N '' -C "smog lab $name" -f "$KEYS.new/$name"
  done
  for name in "${HOSTS[@]}"; do
    echo "$name,${ADDRESS[$name]} $(cut -d' ' -f1,2 "$KEYS.new/$name.pub")"
  done >"$KEYS.new/known_hosts"
  mv "$KEYS.new" "$KEYS"
}

# cpu_sets: which CPUs the computes share and which they give away one by one. Of
# every NUMA cell the first half is shared; two simulated cells have four CPUs.
cpu_sets() {
  local node cpus half
  SHARED_CPUS='' DEDICATED_CPUS=''
  if [ "$CELLS" = 2 ]; then
    SHARED_CPUS=0,2 DEDICATED_CPUS=1,3
    return
  fi
  for node in /sys/devices/system/node/node[0-9]*/cpulist /sys/devices/system/cpu/online; do
    [ -s "$node" ] && [ -n "$(<"$node")" ] || continue
    [ "$node" != /sys/devices/system/cpu/online ] || [ -z "$SHARED_CPUS$DEDICATED_CPUS" ] || continue
    mapfile -t cpus < <(tr ',' '\n' <"$node" | while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done)
    half=$(( (${#cpus[@]} + 1) / 2 ))
    SHARED_CPUS+=$(printf '%s,' "${cpus[@]:0:half}")
    [ ${#cpus[@]} -le $half ] || DEDICATED_CPUS+=$(printf '%s,' "${cpus[@]:half}")
  done
  SHARED_CPUS=${SHARED_CPUS%,} DEDICATED_CPUS=${DEDICATED_CPUS%,}
}
