# Debian's layout and, on ctl, Ceph and Cinder: what `lab/up --volumes` brings up.
# shellcheck shell=bash disable=SC2034  # the variables are used by lab/lib

API_UNITS+=(cinder-api cinder-scheduler cinder-volume)

layout_release() { echo "$RELEASE with volumes (Cinder on Ceph)"; }

# layout_configure HOST: before the units are enabled.
layout_configure() {
  local root unit
  root=$(host_root "$1")
  install -m 755 "$LAB/seed/ready.py" "$root/usr/local/lib/smog-lab/lab_ready.py"
  chroot "$root" chown ceph:ceph /etc/ceph
  if [ "$1" != ctl ]; then
    chmod 700 "$root/etc/libvirt/secrets"
    chmod 600 "$root"/etc/libvirt/secrets/*
    return
  fi
  echo "/usr/local/lib/smog-lab/make_ceph" >>"$root/usr/local/lib/smog-lab/bootstrap"
  # As of the lab's other services: the units do not wait for each other, and the API has two workers.
  for unit in cinder-api cinder-scheduler cinder-volume; do
    sed -E '/^(After|Wants)=/{s/(mysql|postgresql|mariadb|keystone|rabbitmq-server|ntp|tgt|iscsid)\.service//g;s/(network|network-online|remote-fs)\.target//g}' \
      "$root/usr/lib/systemd/system/$unit.service" >"$root/etc/systemd/system/$unit.service"
  done
  sed -i -E -e '/^(processes|threads|add-header|cheaper.*) *=/d' \
    -e '/^\[uwsgi\]/a add-header = Connection: close\nprocesses = 2\nthreads = 1' "$root/etc/cinder/cinder-api-uwsgi.ini"
  chroot "$root" chown root:cinder /etc/cinder/cinder.conf
}

# layout_render FILE: what Nova has to know of Cinder and Ceph, in the lab's own nova.conf.
layout_render() {
  case $1 in
    */etc/nova/nova.conf.smog-new)
      sed -i -e '/^\[cinder\]/a catalog_info = block-storage::publicURL' \
        -e '/^\[libvirt\]/a rbd_user = cinder\nrbd_secret_uuid = 5e0c2a52-6c62-4f0e-9a5d-736d6f676c62\nimages_rbd_pool = vms\nimages_rbd_ceph_conf = /etc/ceph/ceph.conf' "$1"
      printf '\n[key_manager]\nbackend = nova.keymgr.conf_key_mgr.ConfKeyManager\nfixed_key = %064d\n' 0 >>"$1" ;;
  esac
}

# The last step of the first start: the volume types, and Ceph closes its files for the snapshot.
layout_discover_hosts() {
  on_ctl "registering the computes" runuser -u nova -- nova-manage cell_v2 discover_hosts
  on_ctl "making volume types" python3 /usr/local/lib/smog-lab/seed_volumes.py
  on_ctl "ending Ceph" systemctl stop ceph-osd@0 ceph-mgr@ctl ceph-mon@ctl
}
