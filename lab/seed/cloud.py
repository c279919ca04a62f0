"""The admin's connection to the lab's cloud, for the scripts that fill it."""
import openstack

from urls import KEYSTONE


def connect():
    return openstack.connect(
        auth_url=f"{KEYSTONE}/v3", username="admin", password="lab", project_name="admin",
        user_domain_name="Default", project_domain_name="Default", region_name="RegionOne")
