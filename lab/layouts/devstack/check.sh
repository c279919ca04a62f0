# What lab/check-layouts asks of this layout.
# shellcheck shell=bash disable=SC2034
services=(n-api n-cpu n-sch n-super-cond n-cond-cell1 placement-api keystone g-api neutron-api neutron-rpc-server q-agt)
compute_file=/etc/nova/nova-cpu.conf
