# The rows of lab/check-layouts in this layout: kolla by both engines' commands, and EDPM.
# shellcheck shell=bash disable=SC2034
rows=(
  "kolla-ansible, podman|cmp1|compute|/etc/kolla/nova-compute/nova.conf|cmp1:nova-compute cmp1:neutron-openvswitch-agent"
  "kolla-ansible, docker's command|ctl|controller|/etc/kolla/nova-api/nova.conf /etc/kolla/nova-scheduler/nova.conf /etc/kolla/nova-conductor/nova.conf|ctl:nova-api ctl:nova-scheduler ctl:nova-conductor ctl:neutron-api ctl:neutron-rpc-server ctl:neutron-openvswitch-agent"
  "EDPM (RHOSO), podman|cmp2|compute|/var/lib/openstack/config/nova/01-nova.conf|cmp2:nova-compute"
)
