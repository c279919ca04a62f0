# The layout of kolla-ansible on ctl and cmp1, and of RHOSO's data plane (EDPM) on cmp2: services in
# containers made of the lab's own root tree. ctl has its engine by docker's name.
# shellcheck shell=bash disable=SC2034  # the variables are used by the other files

LAYOUT_USER=kolla
SSH_HOMES=(root home/kolla var/lib/nova)

API_UNITS=(keystone glance-api placement-api kolla-nova_api-container kolla-nova_conductor-container
  kolla-nova_scheduler-container kolla-neutron_server-container kolla-neutron_rpc_server-container
  kolla-neutron_openvswitch_agent-container neutron-dhcp-agent)
COMPUTE_UNITS=(smog-lab-compute)

layout_release() { echo "$RELEASE in kolla's containers"; }

# layout_mount HOST: what containers are made of, and where the engine keeps what they write. An
# overlay cannot have its upper folder on another overlay.
layout_mount() {
  local root
  root=$(host_root "$1")
  mkdir -p "$root/srv/image" "$root/var/lib/containers"
  mount --bind "$TREE" "$root/srv/image"
  mount -o remount,bind,ro "$root/srv/image"
  mount -t tmpfs -o size=2g,mode=755 "smog-$1-containers" "$root/var/lib/containers"
}

# layout_configure HOST: what must be there before the units are enabled.
layout_configure() {
  local host=$1 root name
  root=$(host_root "$host")
  if [ "$host" = ctl ]; then
    printf '#!/bin/sh\nexec /usr/libexec/smog-lab/engine "$@"\n' >"$root/usr/bin/docker"
    chmod 755 "$root/usr/bin/docker"
  else
    ln -sf ../libexec/smog-lab/engine "$root/usr/bin/podman"
  fi
  printf 'kolla ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/kolla"
  chmod 440 "$root/etc/sudoers.d/kolla"
  for name in $(kolla_services "$host"); do kolla_unit "$root" "$name" "$host"; done
  case $host in
    ctl) ;;
    cmp1) kolla_target "$root" openvswitch-switch $(kolla_services cmp1 | sed 's/.*/kolla-&-container/') ;;
    *) edpm_unit "$root"
      kolla_target "$root" libvirtd neutron-openvswitch-agent edpm_nova_compute
      mkdir -p "$root/etc/systemd/system/smog-lab-compute.service.wants"
      for name in libvirtd.socket libvirtd-tcp.socket virtlogd.socket; do
        ln -sf "/usr/lib/systemd/system/$name" "$root/etc/systemd/system/smog-lab-compute.service.wants/$name"
      done ;;
  esac
}

kolla_services() {
  case $1 in
    ctl) echo nova_api nova_conductor nova_scheduler neutron_server neutron_rpc_server neutron_openvswitch_agent ;;
    cmp1) echo nova_libvirt nova_ssh nova_compute neutron_openvswitch_agent ;;
  esac | tr ' ' '\n'
}

# kolla_unit ROOT SERVICE HOST: the unit as kolla-ansible writes it, and the making of its container.
kolla_unit() {
  local engine=podman
  [ "$3" != ctl ] || engine=docker
  cat >"$1/etc/systemd/system/kolla-$2-container.service" <<END
[Unit]
Description=$engine kolla-$2-container.service
StartLimitIntervalSec=120
StartLimitBurst=10

[Service]
ExecStartPre=/usr/local/lib/smog-lab/kolla_create $engine $2
ExecStart=/usr/bin/$engine start -a $2
ExecStop=/usr/bin/$engine stop $2 -t 10
KillMode=process
Restart=always
RestartSec=1
SuccessExitStatus=143

[Install]
WantedBy=multi-user.target
END
}

# edpm_unit ROOT: nova-compute's unit as edpm-ansible writes it.
edpm_unit() {
  cat >"$1/etc/systemd/system/edpm_nova_compute.service" <<END
[Unit]
Description=nova_compute container

[Service]
Restart=always
ExecStartPre=/usr/local/lib/smog-lab/kolla_create podman edpm_nova_compute
ExecStart=/usr/bin/podman start nova_compute
ExecStop=/usr/bin/podman stop -t 10 nova_compute
ExecStopPost=/usr/bin/podman stop -t 10 nova_compute
SuccessExitStatus=137 142 143
TimeoutStopSec=30
KillMode=control-group
Type=forking
PIDFile=/run/nova_compute.pid

[Install]
WantedBy=multi-user.target
END
}

# kolla_target ROOT UNIT…: one unit that wants all that a compute runs.
kolla_target() {
  local root=$1
  shift
  printf '[Unit]\nDescription=What this compute runs\nWants=%s\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n\n[Install]\nWantedBy=multi-user.target\n' \
    "$(printf '%s.service ' "$@")" >"$root/etc/systemd/system/smog-lab-compute.service"
}

# configure_owners ROOT: the last step of a host's configuration; from here on kolla's folders have it.
configure_owners() {
  local root=$1 host user unit
  host=$(cat "$root/etc/hostname")
  for user in keystone glance placement nova neutron; do
    [ ! -f "$root/etc/$user/$user.conf" ] || chroot "$root" chown "root:$user" "/etc/$user/$user.conf"
  done
  chroot "$root" chown -R kolla:kolla /home/kolla/.ssh
  # The volume of all logs, where kolla-ansible leads to it.
  [ "$host" = cmp2 ] || ln -sfn /var/lib/containers/storage/volumes/kolla_logs/_data "$root/var/log/kolla"
  case $host in
    ctl)
      for unit in nova-api nova-conductor nova-scheduler neutron-api neutron-rpc-server neutron-openvswitch-agent; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
      done
      kolla_files "$root" nova_api nova /etc/nova/nova.conf /etc/nova/nova-api-uwsgi.ini
      kolla_files "$root" nova_conductor nova /etc/nova/nova.conf
      kolla_files "$root" nova_scheduler nova /etc/nova/nova.conf
      kolla_files "$root" neutron_server neutron /etc/neutron/neutron.conf /etc/neutron/plugins/ml2/ml2_conf.ini /etc/neutron/neutron-api-uwsgi.ini
      kolla_files "$root" neutron_rpc_server neutron /etc/neutron/neutron.conf /etc/neutron/plugins/ml2/ml2_conf.ini
      kolla_files "$root" neutron_openvswitch_agent neutron /etc/neutron/neutron.conf /etc/neutron/plugins/ml2/openvswitch_agent.ini ;;
    cmp1)
      for unit in libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd-tcp.socket virtlogd.service \
        virtlogd.socket virtlockd.socket nova-compute.service neutron-openvswitch-agent.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
      done
      kolla_nova_conf "$host"
      printf 'stdio_handler = "file"\n' >>"$root/etc/libvirt/qemu.conf"
      printf 'listen_tls = 0\nlisten_tcp = 1\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n' >>"$root/etc/libvirt/libvirtd.conf"
      kolla_files "$root" nova_libvirt root /etc/libvirt/libvirtd.conf /etc/libvirt/qemu.conf
      kolla_files "$root" nova_ssh nova
      kolla_files "$root" neutron_openvswitch_agent neutron /etc/neutron/neutron.conf /etc/neutron/plugins/ml2/openvswitch_agent.ini
      # Whoever asks libvirt on the host itself has no libvirt there, and no client.
      rm -rf "$root"/etc/{nova,neutron} "$root/usr/bin/virsh" "$root/etc/libvirt/libvirtd.conf" "$root/etc/libvirt/qemu.conf" ;;
    *)
      ln -sf /dev/null "$root/etc/systemd/system/nova-compute.service"
      kolla_nova_conf "$host"
      rm -rf "$root/etc/nova" ;;
  esac
}

# kolla_files ROOT SERVICE USER FILE…: the service's files to its folder, and how they are copied from there.
kolla_files() {
  local root=$1 name=$2 user=$3 folder file project=${2%%_*} list=''
  folder=/etc/kolla/$(tr _ - <<<"$name")
  shift 3
  [ "$user" != root ] || project=libvirt
  mkdir -p "$root$folder"
  for file; do
    sed -e "s,/var/log/$project,/var/log/kolla/$project,g; s,/neutron-api.log,/neutron-server.log," "$root$file" >"$root$folder/$(basename "$file")"
    list+="${list:+,}{\"source\": \"/var/lib/kolla/config_files/$(basename "$file")\", \"dest\": \"$file\", \"owner\": \"$user\", \"perm\": \"0600\"}"
  done
  python3 -c 'import json, sys; print(json.dumps({"command": sys.argv[1], "config_files": json.loads(sys.argv[2]),
    "permissions": [{"path": sys.argv[3], "owner": sys.argv[4], "recurse": True}]}, indent=4))' \
    "$(kolla_command "$name")" "[$list]" "/var/log/kolla/$project" "$user" >"$root$folder/config.json"
}

kolla_command() {
  local ml2='--config-file /etc/neutron/neutron.conf --config-file /etc/neutron/plugins/ml2'
  case $1 in
    nova_api) echo "uwsgi_python3 --http-socket :8774 --ini /etc/nova/nova-api-uwsgi.ini" ;;
    nova_conductor) echo nova-conductor ;;
    nova_scheduler) echo nova-scheduler ;;
    nova_compute) echo nova-compute ;;
    nova_libvirt) echo "/usr/sbin/libvirtd --listen" ;;
    nova_ssh) echo "/usr/sbin/sshd -D -e -p 8022" ;;
    neutron_server) echo "uwsgi_python3 --http-socket :9696 --ini /etc/neutron/neutron-api-uwsgi.ini --pyargv" \
      "'--config-file=/etc/neutron/neutron.conf --config-file=/etc/neutron/plugins/ml2/ml2_conf.ini'" ;;
    neutron_rpc_server) echo "neutron-rpc-server $ml2/ml2_conf.ini --log-file /var/log/kolla/neutron/neutron-rpc-server.log" ;;
    neutron_openvswitch_agent) echo "neutron-openvswitch-agent $ml2/openvswitch_agent.ini --log-file /var/log/kolla/neutron/neutron-openvswitch-agent.log" ;;
  esac
}

# kolla_nova_conf HOST: nova-compute's files, also when the simulated cells have changed.
kolla_nova_conf() {
  local host=$1 root nova
  root=$(host_root "$host")
  configure_render "$host" etc/nova/nova.conf
  sed -i -e '/^\[DEFAULT\]/a compute_driver = libvirt.LibvirtDriver' "$root/etc/nova/nova.conf"
  if [ "$host" = cmp1 ]; then
    kolla_files "$root" nova_compute nova /etc/nova/nova.conf
  else
    nova=$root/var/lib/openstack/config/nova
    mkdir -p "$nova" "$root/var/log/containers/nova" "$root/var/lib/kolla/config_files"
    : >"$nova/nova-blank.conf"
    sed -e '/^log_dir/d; /^my_ip/d' -e '/^\[DEFAULT\]/a log_file = /var/log/containers/nova/nova-compute.log' \
      "$root/etc/nova/nova.conf" >"$nova/01-nova.conf"
    printf '[DEFAULT]\nmy_ip = %s\n' "${ADDRESS[$host]}" >"$nova/02-nova-host-specific.conf"
    cat >"$root/var/lib/kolla/config_files/nova_compute.json" <<'END'
{
    "command": "nova-compute",
    "config_files": [
        {"source": "/var/lib/kolla/config_files/src/nova-blank.conf", "dest": "/etc/nova/nova.conf", "owner": "nova", "perm": "0600"},
        {"source": "/var/lib/kolla/config_files/src/*nova*.conf", "dest": "/etc/nova/nova.conf.d/", "owner": "nova", "perm": "0600"}
    ],
    "permissions": [{"path": "/var/log/containers/nova", "owner": "nova", "recurse": true}]
}
END
  fi
  rm -rf "$root/etc/nova"
}

# A host that has been started once has its files; only the CPU sets may be others.
layout_cpu_sets() {
  [ -d "$(host_root "$1")/etc/kolla/nova-compute" ] || [ -d "$(host_root "$1")/var/lib/openstack" ] || return 0
  kolla_nova_conf "$1"
}

# The last step with the controller's own files: from here on only the containers have Nova's.
layout_discover_hosts() {
  on_ctl "registering the computes" runuser -u nova -- nova-manage cell_v2 discover_hosts
  on_ctl "leaving Nova's files to the containers" rm -rf /etc/nova
}
