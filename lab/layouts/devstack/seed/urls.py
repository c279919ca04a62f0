"""Where devstack's APIs answer: behind one web server."""
import socket

CTL = socket.gethostbyname("ctl")
KEYSTONE = f"http://{CTL}/identity"
# name, kind, URL of the endpoint
SERVICES = (
    ("glance", "image", f"http://{CTL}/image"),
    ("placement", "placement", f"http://{CTL}/placement"),
    ("nova", "compute", f"http://{CTL}/compute/v2.1"),
    ("neutron", "network", f"http://{CTL}/networking"),
)
NEUTRON_STATE = "/opt/stack/data/neutron"
