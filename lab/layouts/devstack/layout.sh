# DevStack's layout: OpenStack from PyPI in one virtual environment, units devstack@NAME, user
# stack, one web server, logs in the journal only.
# shellcheck shell=bash disable=SC2034  # the variables are used by lab/lib

LAYOUT_USER=stack
LAYOUT_CLOUD=devstack-admin
LAYOUT_LEAVES_OUT='^etc/(nova|neutron|keystone|glance|placement)/'
SSH_HOMES=(root opt/stack)
SSH_OWNER=stack:stack
COMPUTE_CONF=etc/nova/nova-cpu.conf

API_UNITS=()
for unit in keystone g-api placement-api n-api n-super-cond n-cond-cell1 n-sch neutron-api neutron-rpc-server \
  neutron-periodic-workers q-dhcp q-agt; do API_UNITS+=("devstack@$unit"); done
FIRST_API_UNITS=(apache2 devstack@keystone devstack@g-api devstack@placement-api)
COMPUTE_UNITS=(devstack@n-cpu devstack@q-agt)

# A nova of one's own is a layer above the layout's; with a snapshot of its own, unless its
# databases are made in the same steps as those of the layout's nova.
nova_id() { if [ -d "$NOVA" ]; then echo "nova-$(sha256sum <<<"$NOVA" | cut -c1-8)"; else echo "nova-$NOVA"; fi; }
if [ -n "$NOVA" ]; then
  LAYERS+=("$CACHE/devstack/$(nova_id)/layer")
fi
nova_steps() { (cd "$1" && find nova/db -path '*/versions/*.py' | LC_ALL=C sort); }
nova_snapshot() {
  local released
  [ -n "$NOVA" ] || return 0
  released=$(echo "${LAYERS[0]}"/opt/stack/data/venv/lib/python3*/site-packages)
  if [ ! -d "$NOVA" ] || [ ! -d "$released/nova" ] || [ "$(nova_steps "$NOVA")" != "$(nova_steps "$released")" ]; then
    SNAPSHOT=$CACHE/devstack/$(nova_id)/snapshot${NAME:+-$NAME}
    NOVA_DATABASES=yes
  fi
}
NOVA_DATABASES=''
nova_snapshot

# What that layer depends on: how the checkout is installed, and the steps of its databases.
# What is in its modules counts at the next start of a service.
nova_stamp() {
  { cat "${LAYERS[0]}.stamp" "$LAB/layouts/devstack/layer-nova"
    echo "$NOVA"
    [ ! -d "$NOVA" ] || (
      cd "$NOVA"
      cat setup.cfg setup.py pyproject.toml requirements.txt 2>/dev/null || :
      nova_steps .
    )
  } | sha256sum | cut -d' ' -f1
}

layout_build_more() {
  local stamp
  [ -n "$NOVA" ] || return 0
  stamp=$(nova_stamp)
  layer_is_good "${LAYERS[1]}" "$stamp" || {
    note "installing nova from $NOVA (log: $LOGS/layer.log)"
    layer_build "${LAYERS[1]}" "$stamp" "${LAYERS[0]}:$TREE" "$LAB/layouts/devstack/layer-nova" "$NOVA"
    step "nova installed from $NOVA"
  }
  nova_snapshot   # now that the layout is there
}

layout_stamp() {
  cat "${LAYERS[0]}.stamp"
  [ -z "$NOVA_DATABASES" ] || cat "${LAYERS[1]}.stamp"
  find "$LAB/layouts/$LAYOUT" -type f ! -name "layer*" ! -name check.sh ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat
}

# The checkout itself, as it is, in every host.
layout_mount() {
  local root
  [ -d "$NOVA" ] || return 0
  root=$(host_root "$1")
  mkdir -p "$root/opt/stack/nova"
  mount --bind "$NOVA" "$root/opt/stack/nova"
}

layout_label() { echo devstack; }
keystone_log() { echo "$RUN/ctl/console.log"; }   # its own log is in the host's journal

configure_uwsgi() { :; }   # config/ has these files whole

configure_owners() {
  chroot "$1" chown -R stack:stack /etc/nova /etc/neutron /etc/glance /etc/keystone /etc/placement /etc/openstack
  [ ! -d "$1/opt/stack/devstack" ] || chroot "$1" chown -R stack:stack /opt/stack/devstack
}

layout_configure() {
  local root
  root=$(host_root "$1")
  if [ "$1" = ctl ]; then
    chroot "$root" a2ensite -q keystone-api placement-api nova-api glance-api neutron-api
  else
    sed 's|/nova_cell1$|/|' "$root/etc/nova/nova-cpu.conf" >"$root/etc/nova/nova.conf"
  fi
}

# One set of log formats for every service. Its colours' escape character is not in the repository.
layout_render() {
  sed -i -e "/^@LOGGING@\$/{r $LAB/layouts/devstack/logging.conf
d}" "$1"
  sed -i -e $'s/<ESC>/\e/g' "$1"
}

layout_discover_hosts() {
  on_ctl "making demo" python3 /usr/local/lib/smog-lab/seed_demo.py
  on_ctl "registering the computes" runuser -u stack -- /opt/stack/data/venv/bin/nova-manage cell_v2 discover_hosts
}
