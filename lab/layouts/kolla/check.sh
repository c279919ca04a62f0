# What lab/check-layouts changes on the computes: kolla's file on cmp1, EDPM's on cmp2.
# shellcheck shell=bash disable=SC2034
compute_file="/etc/kolla/nova-compute/nova.conf /var/lib/openstack/config/nova/01-nova.conf"
