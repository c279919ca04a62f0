"""Runs in ctl, once, after seed_identity.py: devstack's user and project "demo"."""
from cloud import connect

identity = connect().identity
roles = {role.name: role for role in identity.roles()}
project = identity.create_project(name="demo", domain_id="default")
user = identity.create_user(name="demo", password="lab", domain_id="default", default_project_id=project.id)
identity.assign_project_role_to_user(project.id, user.id, roles["member"].id)
admin = identity.find_user("admin")
identity.assign_project_role_to_user(project.id, admin.id, roles["admin"].id)
