"""Runs in ctl, once, when every service is up: images, flavors, the network."""
import sys

from cloud import connect

FLAVORS = (  # name, vCPUs, MiB, GiB of disk (0: as large as the image)
    ("m1.nano", 1, 128, 0),
    ("m1.micro", 1, 192, 0),
    ("m1.tiny", 1, 256, 1),
    ("m1.small", 2, 512, 1),
    ("m1.medium", 2, 1024, 1),
)

cloud = connect()

for name in ("cirros", "smog-guest"):
    cloud.create_image(name, filename=sys.argv[1], disk_format="raw", container_format="bare",
                       visibility="public", wait=True)

for name, vcpus, ram, disk in FLAVORS:
    cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk)

network = cloud.network.create_network(name="private", shared=True)
cloud.network.create_subnet(network_id=network.id, name="private", ip_version=4, cidr="192.168.77.0/24",
                            gateway_ip=None, enable_dhcp=True,
                            allocation_pools=[{"start": "192.168.77.10", "end": "192.168.77.250"}])
