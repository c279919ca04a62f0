"""Glance, by the original's names; `gl_obj` is the `smog.Cloud`."""

from __future__ import annotations

import os
import tempfile
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

from .._smog import Cloud, Image
from ..errors import ArgumentError, GlanceError

__all__ = [
    "GlanceError",
    "create_glance",
    "create_image",
    "get_cloud_image",
    "glance_delete_image",
    "glance_filter_image",
    "glance_image_list",
    "glance_images_by_name",
    "set_image_property",
    "update_image",
]


def create_glance(keystone_cl: Cloud, version: str = "2") -> Cloud:
    """The cloud itself. Only version 2 of the API is there any more."""
    return keystone_cl


def glance_image_list(gl_obj: Cloud) -> list[Image]:
    """All images. One API call per page."""
    return gl_obj.images()


def glance_images_by_name(name: str, images: Iterable[Image]) -> list[Image]:
    """Those of this name. Nothing is asked."""
    return [image for image in images if image.name == name]


def glance_filter_image(images: Iterable[Image], sort_fn: Callable[[Image], Any] | None = None) -> list[Image]:
    """The images, sorted. Nothing is asked."""
    return list(images) if sort_fn is None else sorted(images, key=sort_fn)


def glance_delete_image(gl_obj: Cloud, filt_fn: Callable[[list[Image]], list[Image]]) -> None:
    """Delete those images `filt_fn` leaves of the list. Two API calls each."""
    for image in filt_fn(list(gl_obj.images())):
        gl_obj.delete_image(image)


def create_image(
    glance_cl: Cloud,
    path: str,
    img_name: str,
    public: bool = True,
    disk_format: str = "qcow2",
    container_format: str = "bare",
    properties: dict[str, str] | None = None,
) -> Image:
    """Make an image from a file. Raises `ArgumentError` when there is no such file."""
    if not os.path.exists(path):
        raise ArgumentError(f"image file `{path}`: there is no such file")
    return glance_cl.upload_image(
        img_name,
        path,
        disk_format=disk_format,
        container_format=container_format,
        visibility="public" if public else "private",
        properties=properties,
    )


def update_image(img: Image, properties: dict[str, str], *, cloud: Cloud) -> Image:
    """Set properties of an image; `cloud` is needed, an image knows none. Two API calls."""
    return cloud.set_image_properties(img, **properties)


def set_image_property(img: Image, meta: dict[str, str], *, cloud: Cloud) -> Image:
    """The same by its other name: `set_image_property(img, {"os_distro": "windows"}, cloud=cloud)`."""
    return update_image(img, meta, cloud=cloud)


def get_cloud_image(location: str, name: str) -> str:
    """Fetch a URL into the folder for temporary files, once; the path.

    The command `smog image fetch URL` and `cloud.fetch_image` also check checksums and go on where they stopped.
    """
    path = os.path.join(tempfile.gettempdir(), name)
    if not os.path.exists(path):
        partial = f"{path}.{os.getpid()}.part"
        urllib.request.urlretrieve(location, partial)
        os.replace(partial, path)
    return path
