"""Runs in ctl, once, when every service is up: Cinder's volume types."""
from cloud import connect

storage = connect().block_storage

storage.create_type(name="ceph", extra_specs={"volume_backend_name": "ceph"})
storage.create_type(name="multiattach", extra_specs={"volume_backend_name": "ceph", "multiattach": "<is> True"})
luks = storage.create_type(name="luks", extra_specs={"volume_backend_name": "ceph"})
storage.create_type_encryption(luks, provider="luks", cipher="aes-xts-plain64", key_size=256,
                               control_location="front-end")
