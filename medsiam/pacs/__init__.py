"""PACS: receive series, score them when they are quiet, and send the results back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.pacs.address import PeerAddress as PeerAddress
    from medsiam.pacs.address import check_ae_title as check_ae_title
    from medsiam.pacs.address import check_port as check_port
    from medsiam.pacs.address import parse_peer as parse_peer
    from medsiam.pacs.address import parse_stow as parse_stow
    from medsiam.pacs.delivery import Delivered as Delivered
    from medsiam.pacs.delivery import Delivery as Delivery
    from medsiam.pacs.destination import Destination as Destination
    from medsiam.pacs.destination import send_by_store as send_by_store
    from medsiam.pacs.destination import send_by_stow as send_by_stow
    from medsiam.pacs.listener import Listener as Listener
    from medsiam.pacs.outbox import Outbox as Outbox
    from medsiam.pacs.receiver import ReceiverSettings as ReceiverSettings

_HOMES = {
    "Delivered": ".delivery",
    "Delivery": ".delivery",
    "Destination": ".destination",
    "Listener": ".listener",
    "Outbox": ".outbox",
    "PeerAddress": ".address",
    "ReceiverSettings": ".receiver",
    "check_ae_title": ".address",
    "check_port": ".address",
    "parse_peer": ".address",
    "parse_stow": ".address",
    "send_by_store": ".destination",
    "send_by_stow": ".destination",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
