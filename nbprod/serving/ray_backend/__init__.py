"""Releases on Ray Serve."""

from nbprod.serving.ray_backend.backend import RayBackend, check_port
from nbprod.serving.ray_backend.building import serve_config
from nbprod.serving.ray_backend.haproxy import proxy_environment

__all__ = ["RayBackend", "check_port", "proxy_environment", "serve_config"]
