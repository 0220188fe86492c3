"""Moves any period between stores: points, deliveries and derived series, as files with a manifest."""
