"""Monitoring: logs and profiles over a window become health, findings and alerts."""

from nbprod.monitoring.health import assess_health

__all__ = ["assess_health"]
