//! What a real cloud answers, as far as smog reads it.

use serde_json::{Value, json};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// What a real cloud answers, as far as smog reads it.
pub fn good(path: &str) -> Value {
    let server = json!({
        "id": ID, "name": "g", "status": "ACTIVE", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z",
        "tenant_id": "p", "user_id": "u", "metadata": {"k": "v"}, "addresses": {}, "tags": ["t"], "locked": false,
        "OS-EXT-STS:task_state": null, "OS-EXT-STS:vm_state": "active", "OS-EXT-STS:power_state": 1,
        "OS-EXT-SRV-ATTR:host": "h", "OS-EXT-SRV-ATTR:hypervisor_hostname": "h",
        "OS-EXT-SRV-ATTR:instance_name": "instance-1", "OS-EXT-AZ:availability_zone": "nova",
        "flavor": {"original_name": "f", "vcpus": 1, "ram": 64, "disk": 0, "ephemeral": 0, "swap": 0, "extra_specs": {}},
        "image": "", "security_groups": [], "os-extended-volumes:volumes_attached": [],
    });
    let flavor = json!({"id": ID, "name": "f", "vcpus": 1, "ram": 64, "disk": 0, "swap": 0,
        "OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": true, "extra_specs": {"hw:a": "b"}, "description": "d"});
    let image = json!({"id": ID, "name": "i", "status": "active", "size": 12, "visibility": "public", "owner": "p",
        "disk_format": "qcow2", "container_format": "bare", "min_disk": 0, "min_ram": 0, "hw_x": "y"});
    let hypervisor = json!({"id": ID, "hypervisor_hostname": "h", "hypervisor_type": "QEMU", "state": "up", "status": "enabled",
        "host_ip": "127.0.0.1", "hypervisor_version": 1000, "uptime": "up", "service": {"id": ID, "host": "h", "disabled_reason": null}, "servers": []});
    let aggregate = json!({"id": 1, "uuid": ID, "name": "a", "availability_zone": "z", "hosts": ["h"], "metadata": {"k": "v"}});
    let network = json!({"id": ID, "name": "n", "status": "ACTIVE", "subnets": [ID], "shared": true, "admin_state_up": true,
        "mtu": 1500, "router:external": false, "project_id": "p", "provider:network_type": "flat", "provider:physical_network": "x"});
    let subnet = json!({"id": ID, "name": "s", "network_id": ID, "cidr": "192.0.2.0/24", "ip_version": 4, "enable_dhcp": true,
        "gateway_ip": "192.0.2.1", "allocation_pools": [{"start": "192.0.2.2", "end": "192.0.2.9"}], "dns_nameservers": []});
    let port = json!({"id": ID, "name": "q", "network_id": ID, "status": "ACTIVE", "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [], "device_id": ID, "device_owner": "compute:nova", "binding:host_id": "h", "binding:vif_type": "ovs",
        "binding:vnic_type": "normal", "admin_state_up": true, "security_groups": [], "port_security_enabled": true});
    let group = json!({"id": ID, "name": "sg", "description": "d", "project_id": "p", "security_group_rules": [
        {"id": ID, "direction": "ingress", "ethertype": "IPv4", "protocol": "tcp", "port_range_min": 1, "port_range_max": 2,
         "remote_ip_prefix": null, "remote_group_id": null, "security_group_id": ID}]});
    let provider = json!({"uuid": ID, "name": "h", "generation": 1, "root_provider_uuid": ID, "parent_provider_uuid": null});
    let project = json!({"id": ID, "name": "p", "enabled": true, "domain_id": "default", "description": "d"});
    let end = path.trim_end_matches('/');
    match end.rsplit('/').next().unwrap_or_default() {
        "detail" if end.contains("/servers/") => json!({"servers": [server], "servers_links": []}),
        "detail" if end.contains("/flavors/") => json!({"flavors": [flavor]}),
        "detail" if end.contains("/os-hypervisors/") => json!({"hypervisors": [hypervisor]}),
        "detail" if end.contains("/os-availability-zone/") => {
            json!({"availabilityZoneInfo": [{"zoneName": "z", "zoneState": {"available": true},
                "hosts": {"h": {"nova-compute": {"available": true, "active": true, "updated_at": null}}}}]})
        }
        "detail" => json!({"quota_set": {"id": "p", "cores": {"limit": 20, "in_use": 1, "reserved": 0}}}),
        "details.json" => json!({"quota": {"network": {"limit": 20, "used": 1, "reserved": 0}}}),
        "servers" => json!({"servers": [server]}),
        "images" => json!({"images": [image]}),
        "networks" => json!({"networks": [network]}),
        "subnets" => json!({"subnets": [subnet]}),
        "ports" => json!({"ports": [port]}),
        "security-groups" => json!({"security_groups": [group]}),
        "os-services" => {
            json!({"services": [{"id": ID, "host": "h", "binary": "nova-compute", "zone": "nova", "status": "enabled",
            "state": "up", "updated_at": "2026-01-01T00:00:00", "disabled_reason": null, "forced_down": false}]})
        }
        "os-aggregates" => json!({"aggregates": [aggregate]}),
        "os-hypervisors" => json!({"hypervisors": [hypervisor]}),
        "os-server-groups" => {
            json!({"server_groups": [{"id": ID, "name": "sg", "policy": "affinity", "rules": {}, "members": [ID],
            "project_id": "p", "user_id": "u"}]})
        }
        "os-keypairs" => {
            json!({"keypairs": [{"keypair": {"name": "k", "fingerprint": "f", "type": "ssh", "public_key": "ssh-rsa x"}}]})
        }
        "os-migrations" => json!({"migrations": []}),
        "os-instance-actions" => {
            json!({"instanceActions": [{"action": "create", "request_id": "req-1", "start_time": "2026-01-01T00:00:00",
            "user_id": "u", "project_id": "p", "message": null, "instance_uuid": ID}]})
        }
        "os-interface" => json!({"interfaceAttachments": []}),
        "migrations" => json!({"migrations": []}),
        "limits" => json!({"limits": {"absolute": {"maxTotalCores": 20, "totalCoresUsed": 1}}}),
        "resource_providers" => json!({"resource_providers": [provider]}),
        "inventories" => {
            json!({"resource_provider_generation": 1, "inventories": {"VCPU": {"total": 4, "reserved": 0,
            "allocation_ratio": 1.0, "min_unit": 1, "max_unit": 4, "step_size": 1}}})
        }
        "usages" => json!({"resource_provider_generation": 1, "usages": {"VCPU": 1}}),
        "traits" => json!({"resource_provider_generation": 1, "traits": ["HW_X"]}),
        "allocations" => {
            json!({"resource_provider_generation": 1, "allocations": {ID: {"resources": {"VCPU": 1}}}})
        }
        "projects" => json!({"projects": [project]}),
        "users" => json!({"users": [{"id": ID, "name": "u", "enabled": true, "domain_id": "default"}]}),
        "roles" => json!({"roles": [{"id": ID, "name": "admin", "domain_id": null}]}),
        "role_assignments" => {
            json!({"role_assignments": [{"role": {"id": ID, "name": "r"}, "user": {"id": ID, "name": "u"},
            "scope": {"project": {"id": ID, "name": "p"}}}]})
        }
        "action" => json!({"output": "console"}),
        _ if end.contains("/allocations/") => {
            json!({"allocations": {ID: {"resources": {"VCPU": 1}, "generation": 1}}})
        }
        _ if end.contains("/servers/") => json!({"server": server}),
        _ if end.contains("/flavors/") => json!({"flavor": flavor}),
        _ if end.contains("/os-aggregates/") => json!({"aggregate": aggregate}),
        _ if end.contains("/os-hypervisors/") => json!({"hypervisor": hypervisor}),
        _ if end.contains("/images/") => image,
        _ if end.contains("/networks/") => json!({"network": network}),
        _ if end.contains("/ports/") => json!({"port": port}),
        _ => json!({}),
    }
}
