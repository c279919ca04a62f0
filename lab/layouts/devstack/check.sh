# The rows of lab/check-layouts in this layout.
# shellcheck shell=bash disable=SC2034
rows=(
  "DevStack, a compute|cmp1|compute|/etc/nova/nova-cpu.conf|cmp1:n-cpu cmp1:q-agt"
  "DevStack, the controller|ctl|controller|/etc/nova/nova.conf /etc/nova/nova_cell1.conf|ctl:n-api ctl:n-sch ctl:n-super-cond ctl:n-cond-cell1 ctl:placement-api ctl:keystone ctl:g-api ctl:neutron-api ctl:neutron-rpc-server ctl:q-agt"
)
