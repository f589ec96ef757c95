"""Serving: a release answers over HTTP, remembers every answer, and is replaced without a gap."""

from nbprod.serving.app import create_app
from nbprod.serving.local_backend import LocalService, serve_local
from nbprod.serving.options import ServiceOptions, check_exposure, service_options
from nbprod.serving.replies import PredictRequest, Reply
from nbprod.serving.service import Service

__all__ = [
    "LocalService",
    "PredictRequest",
    "Reply",
    "Service",
    "ServiceOptions",
    "check_exposure",
    "create_app",
    "serve_local",
    "service_options",
]
