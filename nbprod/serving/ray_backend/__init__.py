"""Releases on Ray Serve."""

from nbprod.serving.ray_backend.backend import RayBackend, check_port

__all__ = ["RayBackend", "check_port"]
