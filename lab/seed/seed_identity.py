"""Runs in ctl, once, when keystone answers: service users, services, endpoints."""
from cloud import connect
from urls import SERVICES

identity = connect().identity
project = identity.create_project(name="service", domain_id="default")
roles = {role.name: role for role in identity.roles()}
if "service" not in roles:
    roles["service"] = identity.create_role(name="service")

for name, kind, url in SERVICES:
    user = identity.create_user(name=name, password="lab", domain_id="default", default_project_id=project.id)
    for role in ("admin", "service"):
        identity.assign_project_role_to_user(project.id, user.id, roles[role].id)
    service = identity.create_service(name=name, type=kind)
    for interface in ("public", "internal", "admin"):
        identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id="RegionOne")
