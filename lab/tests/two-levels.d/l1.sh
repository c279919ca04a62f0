# An L0 (a third container of the lab's tree, with libvirt) and an L1 in it: a virtual
# machine made of the same tree, emulated. Sourced by two-levels.
# shellcheck shell=bash

L0=l0
ADDRESS[$L0]=$NET.20
L1_PORT=2222                     # of L0: the way to L1's sshd
L1_KERNEL_MODULES=(virtio_pci virtio_blk virtio_net button evdev tun)
WORK=$CACHE/two-levels

l0_ssh() { ssh -F "$WORK/ssh_config" "$L0" "$@"; }
l1_ssh() { ssh -F "$WORK/ssh_config" -o ConnectTimeout=5 l1 "$@"; }

# levels_down: end L0 with all that runs in it, and remove every trace; also those of a
# run that was killed.
levels_down() {
  host_end "$L0"
  [ ! -d "$WORK" ] || umount_below "$WORK"
  rm -rf --one-file-system "$WORK"
}

# configure_level NAME FILE…: what L0 and L1 have in common.
configure_level() {
  local name=$1 root unit
  shift
  root=$(host_root "$name")
  configure_render "$name" etc/ssh/sshd_config.d/lab.conf etc/systemd/journald.conf.d/lab.conf \
    etc/systemd/system/service.d/lab.conf etc/hosts "$@"
  echo "$name" >"$root/etc/hostname"
  host_machine_id "$name" >"$root/etc/machine-id"
  for unit in $(cat "$LAB/config/all/masked" "$LAB/config/compute/masked") \
    openvswitch-switch.service ovsdb-server.service neutron-openvswitch-agent.service serial-getty@ttyS0.service \
    rabbitmq-server.service mariadb.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  rm -f "$root"/etc/ssh/ssh_host_*
  ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$root/etc/ssh/ssh_host_ed25519_key"
  install -d -m 700 "$root/root/.ssh"
  install -m 600 "$KEYS/id_lab.pub" "$root/root/.ssh/authorized_keys"
  echo "$name $(cut -d' ' -f1,2 "$root/etc/ssh/ssh_host_ed25519_key.pub")" >>"$WORK/known_hosts"
}

# l1_kernel: Debian's cloud kernel and an initrd that mounts the disk and brings the
# network up; this machine's apt has both.
l1_kernel() {
  local package release modules name order=()
  package=$(apt-cache depends --important linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
  (cd "$WORK" && apt-get download -qq -o APT::Sandbox::User=root "$package") || return 1
  dpkg-deb -x "$WORK/$package"_*.deb "$WORK/kernel"
  release=$(basename "$WORK"/kernel/boot/vmlinuz-*)
  release=${release#vmlinuz-}
  modules=$WORK/kernel/lib/modules/$release
  [ -d "$modules" ] || modules=$WORK/kernel/usr/lib/modules/$release
  mkdir -p "$WORK/initrd"/{bin,m,proc,sys,dev,r} "$WORK/images"
  cp "$WORK/kernel/boot/vmlinuz-$release" "$WORK/images/vmlinuz"
  cp "$(command -v busybox)" "$WORK/initrd/bin/busybox"
  depmod_order "$modules" "${L1_KERNEL_MODULES[@]}" || return 1
  for name in "${order[@]}"; do cp "$name" "$WORK/initrd/m/"; done
  printf '%s\n' "${order[@]##*/}" >"$WORK/initrd/order"
  cat >"$WORK/initrd/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin; export PATH=/bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev
while read -r m; do insmod /m/$m; done </order
ip link set lo up; ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
mount -t ext4 /dev/vda /r && mount --move /dev /r/dev && umount /proc /sys && exec switch_root /r /sbin/init
exec sh
END
  chmod 755 "$WORK/initrd/init"
  (cd "$WORK/initrd" && find . -mindepth 1 | cpio -o -H newc --quiet -R 0:0 | gzip -1) >"$WORK/images/initrd"
}

# depmod_order DIR NAME…: the files of modules with what each depends on before it, in `order`.
depmod_order() {
  local dir=$1 name file depends
  shift
  for name; do
    file=$(find "$dir/kernel" -name "${name//[-_]/[-_]}.ko" -print -quit)
    if [ -z "$file" ]; then
      grep -qE "/${name//[-_]/[-_]}\.ko$" "$dir/modules.builtin" || { echo "the kernel has no module $name"; return 1; }
      continue
    fi
    [[ " ${order[*]} " != *" $file "* ]] || continue
    depends=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p')
    # shellcheck disable=SC2086  # one word a module
    [ -z "$depends" ] || depmod_order "$dir" ${depends//,/ } || return 1
    order+=("$file")
  done
}

# l1_disk: the lab's tree, with this host's configuration, as a disk.
l1_disk() {
  local root
  root=$(host_root l1)
  mkdir -p "$RUN"/l1/{root,upper,work}
  mount -t overlay smog-l1 -o "lowerdir=$TREE,upperdir=$RUN/l1/upper,workdir=$RUN/l1/work" "$root"
  ADDRESS[l1]=10.0.2.15
  configure_level l1 etc/libvirt/qemu.conf etc/libvirt/libvirtd.conf etc/nova/nova.conf etc/nova/nova-compute.conf
  # No udev, so no logind that sees the power button: busybox does.
  install -m 755 "$(command -v busybox)" "$root/usr/local/bin/busybox"
  install -d "$root/etc/acpi/PWRF"
  printf '#!/bin/sh\nexec systemctl poweroff\n' >"$root/etc/acpi/PWRF/00000080"
  chmod 755 "$root/etc/acpi/PWRF/00000080"
  printf '[Service]\nExecStart=/usr/local/bin/busybox acpid -d -c /etc/acpi\n[Install]\nWantedBy=multi-user.target\n' \
    >"$root/etc/systemd/system/power-button.service"
  : >"$root/etc/fstab"
  local units=(ssh.service power-button.service)
  [ -z "$WITH_NOVA" ] || units+=(libvirtd.service libvirtd.socket virtlogd.socket nova-compute.service)
  systemctl --root="$root" enable "${units[@]}" >/dev/null 2>&1
  rm -f "$WORK/images/disk"
  mke2fs -q -t ext4 -m 0 -O ^has_journal -d "$root" "$WORK/images/disk" 5G
  umount "$root"
  rm -rf --one-file-system "$RUN/l1"
}

# l0_up: the container, and L1's files in it.
l0_up() {
  local root
  root=$(host_root "$L0")
  PURPOSE=bootstrap host_mount "$L0"
  configure_level "$L0" etc/libvirt/qemu.conf etc/libvirt/libvirtd.conf \
    etc/systemd/system/lab-net.service usr/local/lib/smog-lab/net-up
  systemctl --root="$root" enable ssh.service lab-net.service libvirtd.service libvirtd.socket virtlogd.socket >/dev/null 2>&1
  mkdir -p "$root/var/lib/libvirt/images/l1"
  mount --bind "$WORK/images" "$root/var/lib/libvirt/images/l1"
  host_start "$L0"
  host_connect "$L0"
  wait_until 60 host_booted "$L0"
  wait_until 30 l0_ssh virsh -c qemu:///system uri
}

# l1_define: the domain, as a person would have made it, with things smog does not know
# and a console's password.
l1_define() {
  l0_ssh virsh -q -c qemu:///system define /dev/stdin <<END
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>l1</name>
  <description>a compute that is a virtual machine</description>
  <memory unit='KiB'>$((L1_MIB * 1024))</memory>
  <vcpu placement='static'>4</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/var/lib/libvirt/images/l1/vmlinuz</kernel>
    <initrd>/var/lib/libvirt/images/l1/initrd</initrd>
    <cmdline>console=ttyS0 quiet mitigations=off no_timer_check nowatchdog root=/dev/vda net.ifnames=0 systemd.show_status=0</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model></cpu>
  <clock offset='utc'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='unsafe'/>
      <source file='/var/lib/libvirt/images/l1/disk'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'><source path='/var/log/libvirt/l1-console.log'/></serial>
    <graphics type='vnc' port='-1' listen='127.0.0.1' passwd='o-secret'/>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-netdev'/>
    <qemu:arg value='user,id=n0,hostfwd=tcp::$L1_PORT-:22'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='virtio-net-pci,netdev=n0,addr=0x10'/>
  </qemu:commandline>
</domain>
END
}

l1_answers() { l1_ssh true; }

# levels_config: how smog reaches the two levels.
levels_config() {
  cat >"$WORK/ssh_config" <<END
Host $L0
  HostName ${ADDRESS[$L0]}
Host l1
  HostName ${ADDRESS[$L0]}
  Port $L1_PORT
  HostKeyAlias l1
Host $L0 l1
  HostKeyAlias %h
  User root
  IdentityFile $ACCESS/id_lab
  IdentitiesOnly yes
  UserKnownHostsFile $WORK/known_hosts
  StrictHostKeyChecking yes
  LogLevel ERROR
END
  sed -i "s/HostKeyAlias %h/HostKeyAlias $L0/" "$WORK/ssh_config"
  cat >"$WORK/smog.yml" <<END
cloud: lab
baremetal: {master1: &master1 $L0}
hosts:
  baremetal: {name: $L0, host: $L0, user: root}
  computes:
    - {parent: *master1, name: l1, host: l1, user: root, type: vm}
ssh:
  config: $WORK/ssh_config
END
  cat >"$WORK/compute.yml" <<END
computes:
  - {parent: $L0, name: l1, host: l1, user: root, type: vm, passthrough: true}
END
}
