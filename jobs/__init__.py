"""Batch work on Ray: wiring of models, cluster and analytics. Drivers never import one another's folders."""
