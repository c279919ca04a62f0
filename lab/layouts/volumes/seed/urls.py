"""Where the lab's APIs answer, Cinder's included."""
import socket

CTL = socket.gethostbyname("ctl")
KEYSTONE = f"http://{CTL}:5000"
# name, kind, URL of the endpoint
SERVICES = (
    ("glance", "image", f"http://{CTL}:9292"),
    ("placement", "placement", f"http://{CTL}:8778"),
    ("nova", "compute", f"http://{CTL}:8774/v2.1"),
    ("neutron", "network", f"http://{CTL}:9696"),
    ("cinder", "block-storage", f"http://{CTL}:8776/v3"),
)
NEUTRON_STATE = "/var/lib/neutron"
